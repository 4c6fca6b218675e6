//! Lines that say the same as an earlier line of their voucher (1033).
//!
//! Lives here: what "the same" means, and finding it in any number of lines.
//!
//! Always: the cost is that of sorting, whatever the lines hold.
//! Source: domain contract, refusal 1033.

use std::cmp::Ordering;

use crate::field::Field;
use crate::kind::Kind;
use crate::voucher::{LineRef, Voucher};

/// A line that repeats an earlier one, by line numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Twice {
    /// The first of them.
    pub(super) a: u32,
    /// The one that repeats it.
    pub(super) b: u32,
}

/// Payee, quota, purpose and bank reference. The payee of an income distribution is told apart by the
/// project too: two projects may pay one household the same.
const COMPARED: [Field; 7] = [
    Field::BankRef,
    Field::Household,
    Field::Village,
    Field::Project,
    Field::ToUnit,
    Field::Quota,
    Field::Purpose,
];

/// Returns the lines that repeat an earlier one, ascending.
pub(super) fn lines(voucher: &Voucher, kinds: &[Kind]) -> Vec<Twice> {
    let counts = |kind: &Kind| {
        matches!(
            kind,
            Kind::TransferSent
                | Kind::DisbursedToHousehold
                | Kind::DisbursedToProject
                | Kind::FundsReturnedUp
                | Kind::IncomeDistributed
        )
    };
    if voucher.len() < 2 {
        return Vec::new();
    }
    let mut keys: Vec<(u64, Kind, LineRef<'_>)> = voucher
        .lines()
        .zip(kinds)
        .filter(|(_, kind)| counts(kind))
        .map(|(line, kind)| (hash(line), *kind, line))
        .collect();
    // Equal hashes are told apart by content, so that nobody gains by making hashes equal.
    keys.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| compare(a, b)).then_with(|| a.2.line_no().cmp(&b.2.line_no()))
    });
    let mut found = Vec::new();
    let mut first: Option<&(u64, Kind, LineRef<'_>)> = None;
    for key in &keys {
        match first {
            Some(same) if same.0 == key.0 && compare(same, key).is_eq() => {
                found.push(Twice { a: same.2.line_no(), b: key.2.line_no() });
            }
            _ => first = Some(key),
        }
    }
    found.sort_unstable_by_key(|twice| twice.b);
    found
}

/// A number that is equal for lines that are the same, and seldom for others. Only speed rests on it.
fn hash(line: LineRef<'_>) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
    let of = |hash: u64, text: &str| text.bytes().fold(hash, mix);
    let amount = line.int(Field::Amount).unwrap_or(0).cast_unsigned();
    let payee = [Field::Household, Field::ToUnit, Field::Project];
    payee.iter().fold(amount.wrapping_mul(PRIME), |hash, field| of(hash, line.text(*field)))
}

fn compare(a: &(u64, Kind, LineRef<'_>), b: &(u64, Kind, LineRef<'_>)) -> Ordering {
    let amount = |line: LineRef<'_>| line.int(Field::Amount);
    a.1.cmp(&b.1).then_with(|| amount(a.2).cmp(&amount(b.2))).then_with(|| {
        COMPARED
            .iter()
            .map(|field| a.2.text(*field).cmp(b.2.text(*field)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    })
}
