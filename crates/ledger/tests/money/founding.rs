//! The one exception: while no organisation exists, nobody is asked for an organisation, a role, an approval.
//!
//! Always: it is there for the voucher at position 1 alone, whatever that one says; the next one is asked.

use ledger::Outcome;
use ledger::kind::Kind;
use ledger::voucher::{HeaderText, Voucher, VoucherBuilder};
use record::Seq;

use crate::world::{EXAMPLE, World, founding, read_json_lines};

/// A well-formed voucher of an organisation that nobody registers.
fn of_a_stranger() -> Voucher {
    let mut builder = VoucherBuilder::new();
    builder.key("PO4401", "S-1", "2016-01-01", "p.stranger");
    builder.header(HeaderText::DocNo, "DOC-1").header(HeaderText::ApprovedBy, "a.stranger");
    builder.begin_line(1, Kind::OrganisationRegistered.name());
    crate::world::set(&mut builder, "organisation", &"FB4499".into());
    crate::world::set(&mut builder, "org_kind", &"FB".into());
    crate::world::set(&mut builder, "unit", &"4499".into());
    builder.state_totals();
    builder.finish()
}

fn codes(outcome: &Outcome) -> Vec<u16> {
    match outcome {
        Outcome::Refused(reject) => reject.refusals.iter().map(|r| r.reason.code()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn nobody_is_excepted_but_the_voucher_at_position_one() {
    let mut excepted = Vec::new();
    for voucher in founding().iter().chain(&read_json_lines(EXAMPLE)) {
        let mut world = World::unfounded();
        if let Outcome::Posted { first_seq, .. } = world.post(voucher) {
            assert_eq!(first_seq, Seq(1));
            assert_eq!(codes(&world.post(&of_a_stranger())), [5010], "after {voucher:#?}");
            excepted.push(voucher.voucher_no().to_owned());
        }
    }
    // The voucher of organisations is the first; rules before it would leave a ledger that nobody can use.
    assert_eq!(excepted[0], founding()[0].voucher_no());
    assert!(1 < excepted.len(), "no other voucher was accepted: {excepted:?}");
}
