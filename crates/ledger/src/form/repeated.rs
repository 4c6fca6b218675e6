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
    if voucher.len() < 2 || !kinds.iter().any(counts) {
        return Vec::new();
    }
    let mut keys: Vec<(u64, u32)> = Vec::with_capacity(voucher.len());
    for ((line, kind), index) in voucher.lines().zip(kinds).zip(0_u32..) {
        if counts(kind) {
            keys.push((hash(line), index));
        }
    }
    keys.sort_unstable();
    let line = |key: &(u64, u32)| voucher.line(usize::try_from(key.1).unwrap_or(usize::MAX));
    let mut found = Vec::new();
    for same_hash in keys.chunk_by_mut(|a, b| a.0 == b.0).filter(|chunk| 1 < chunk.len()) {
        // Equal hashes are told apart by content, so that nobody gains by making hashes equal.
        same_hash.sort_by(|a, b| compare(line(a), line(b)));
        for same in same_hash.chunk_by(|a, b| compare(line(a), line(b)).is_eq()) {
            let number = |key: &(u64, u32)| line(key).map_or(0, |line| line.line_no());
            if let Some((first, others)) = same.split_first() {
                found.extend(others.iter().map(|key| Twice { a: number(first), b: number(key) }));
            }
        }
    }
    found.sort_unstable_by_key(|twice| twice.b);
    found
}

/// A number that is equal for lines that are the same, and seldom for others. Only speed rests on it.
fn hash(line: LineRef<'_>) -> u64 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(PRIME).rotate_left(29);
    let mut hash = mix(0, line.int(Field::Amount).unwrap_or(0).cast_unsigned());
    for field in [Field::Household, Field::BankRef, Field::ToUnit, Field::Project] {
        let (words, rest) = line.text(field).as_bytes().as_chunks::<8>();
        let mut last = [0_u8; 8];
        for (slot, byte) in last.iter_mut().zip(rest) {
            *slot = *byte;
        }
        hash = words.iter().fold(hash, |hash, word| mix(hash, u64::from_le_bytes(*word)));
        hash = mix(hash, u64::from_le_bytes(last));
    }
    hash
}

fn compare(a: Option<LineRef<'_>>, b: Option<LineRef<'_>>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else { return Ordering::Equal };
    let of_kind = a.kind_name().cmp(b.kind_name());
    of_kind.then_with(|| a.int(Field::Amount).cmp(&b.int(Field::Amount))).then_with(|| {
        COMPARED
            .iter()
            .map(|field| a.text(*field).cmp(b.text(*field)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    })
}
