//! Model and ledger side by side.
//!
//! Lives here: posting to both, comparing what they say, a sequence from a seed.
//! Lives elsewhere: how many sequences, what must be met, shrinking one that fails (`run`).

use std::collections::{BTreeMap, BTreeSet};

use ledger::voucher::VoucherBuilder;
use ledger::{Outcome, Signature};
use record::Record;

use crate::bench::{self, hex, read_json_lines};
use crate::decide::Verdict;
use crate::doc::{Doc, text};
use crate::form::{No, no};
use crate::identities;
use crate::model::{Legs, Model};
use crate::spoil::spoil;
use crate::world::{Rng, World};

/// Model and ledger side by side.
pub(crate) struct Pair {
    pub(crate) model: Model,
    pub(crate) ledger: bench::World,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let pair = Self { model: Model::founded(), ledger: bench::World::new() };
        assert_eq!(pair.model.next, pair.ledger.next_seq().0, "the first vouchers");
        pair
    }

    /// Posts to both; says what differs, or which identity does not hold.
    pub(crate) fn post(&mut self, doc: &Doc) -> Result<Verdict, String> {
        let expected = self.model.post(doc);
        let found = self.ask(doc);
        if !same(&expected, &found) {
            return Err(format!("model  {expected:?}\nledger {found:?}"));
        }
        if let Verdict::Posted(_, legs) = &found {
            identities::check(&self.model, &self.ledger, legs)?;
        }
        Ok(found)
    }

    /// What the ledger says.
    fn ask(&mut self, doc: &Doc) -> Verdict {
        let voucher = read_json_lines(&doc.json_lines()).remove(0);
        let mut builder = VoucherBuilder::resume(voucher);
        self.ledger.signature = match text(&doc.head, "signature") {
            "valid" => Signature::Valid,
            "invalid" => Signature::Invalid,
            _ => Signature::Absent,
        };
        if self.ledger.signature != Signature::Absent {
            builder.approval_signature(&[1; 64]);
            builder.approver_key(&hex(text(&doc.head, "approver_key")));
        }
        match self.ledger.post(&builder.finish()) {
            Outcome::Posted { first_seq, last_seq, .. } => {
                let range = first_seq.0 as usize + 1..=last_seq.0 as usize;
                let legs = |bytes: &Vec<u8>| -> Legs {
                    let record = Record::parse(bytes).unwrap();
                    record.legs().map(|leg| (leg.path.to_owned(), leg.fen.into())).collect()
                };
                Verdict::Posted(first_seq.0, self.ledger.log.0[range].iter().map(legs).collect())
            }
            Outcome::Duplicate { first_seq } => Verdict::Duplicate(first_seq.0),
            Outcome::Refused(reject) => {
                let told = reject.refusals.iter();
                let told = told.map(|r| no(r.line, r.reason.code(), &r.field));
                Verdict::Refused(told.collect())
            }
        }
    }
}

/// Whether two answers are one; `*` stands for a field that the rules do not name.
fn same(expected: &Verdict, found: &Verdict) -> bool {
    let (Verdict::Refused(a), Verdict::Refused(b)) = (expected, found) else {
        return expected == found;
    };
    let both = |(a, b): (&No, &No)| {
        (a.line, a.code) == (b.line, b.code) && (a.field == b.field || a.field == "*")
    };
    a.len() == b.len() && a.iter().zip(b).all(both)
}

/// What a run has met: accepted lines by kind, refusals by code.
#[derive(Default)]
pub(crate) struct Met {
    pub(crate) kinds: BTreeMap<String, u32>,
    pub(crate) codes: BTreeMap<u16, u32>,
}

impl Met {
    pub(crate) fn note(&mut self, doc: &Doc, verdict: &Verdict) {
        match verdict {
            Verdict::Posted(..) => {
                for line in &doc.lines {
                    *self.kinds.entry(text(line, "kind").to_owned()).or_insert(0) += 1;
                }
            }
            Verdict::Refused(faults) => {
                let codes: BTreeSet<u16> = faults.iter().map(|fault| fault.code).collect();
                for code in codes {
                    *self.codes.entry(code).or_insert(0) += 1;
                }
            }
            Verdict::Duplicate(_) => (),
        }
    }
}

/// A sequence of so many vouchers from a seed, and where model and ledger part.
///
/// At a position that the seed chooses the state is kept; at the end a replay of the records up to there
/// must give it again, as a replay of all must give the last one.
pub(crate) fn sequence(seed: u64, steps: u32, met: &mut Met) -> Result<Pair, (Vec<Doc>, String)> {
    let (mut pair, mut world) = (Pair::new(), World::new(seed));
    let mut posted = Vec::new();
    let mut first = world.first().into_iter();
    let mut kept = None;
    let keep_at = Rng(seed).below(steps as usize) as u32;
    for step in 0..steps {
        if step == keep_at {
            kept = Some((pair.ledger.log.0.len(), bench::saved(&pair.ledger.state)));
        }
        let beginning = first.next();
        let must = beginning.is_some();
        let Some(mut doc) = beginning.or_else(|| world.next(&pair.model)) else { continue };
        if !must && world.rng.one_in(3) {
            spoil(&mut world.rng, &pair.model, &mut doc);
        }
        posted.push(doc.clone());
        match pair.post(&doc) {
            Ok(verdict) => {
                let accepted = matches!(verdict, Verdict::Posted(..));
                assert!(accepted || !must, "{verdict:?} {}", doc.json_lines());
                met.note(&doc, &verdict);
            }
            Err(why) => return Err((posted, why)),
        }
    }
    let (position, state) = kept.unwrap();
    let whole = pair.ledger.log.0.len();
    for (until, state) in [(position, state), (whole, bench::saved(&pair.ledger.state))] {
        if bench::saved(&pair.ledger.replayed_until(until)) != state {
            return Err((posted, format!("16: a replay of {until} records is another state")));
        }
    }
    Ok(pair)
}
