//! Codes with arithmetic of their own: units, household codes, tokens, and the split of a tranche.

use std::fmt;

/// A unit code: an area code without its trailing zero groups, of 2, 4, 6, 9 or 12 digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Unit {
    digits: u64,
    len: u8,
}

impl Unit {
    /// The province.
    pub const PROVINCE: Unit = Unit { digits: 44, len: 2 };

    /// The unit of a number and its count of digits.
    pub(crate) const fn new(digits: u64, len: u8) -> Unit {
        Unit { digits, len }
    }

    /// The unit below this one whose own group of digits is `group`.
    pub(crate) fn child(self, group: u64) -> Unit {
        let (factor, width) = if self.len < 6 { (100, 2) } else { (1000, 3) };
        Unit { digits: self.digits * factor + group, len: self.len + width }
    }

    /// The digits as a number.
    pub const fn digits(self) -> u64 {
        self.digits
    }

    /// The 12-digit area code of the unit.
    pub const fn area_code(self) -> u64 {
        self.digits * 10_u64.pow(12 - self.len as u32)
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.digits)
    }
}

/// A household code: village of first registration, serial of four digits, check digit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct HouseholdCode(u64);

impl HouseholdCode {
    /// The code of the household with `serial` (1-9999) in `village`.
    pub fn new(village: Unit, serial: u32) -> HouseholdCode {
        let body = village.area_code() * 10_000 + u64::from(serial);
        HouseholdCode(body * 10 + u64::from(check_digit(body)))
    }
}

impl fmt::Display for HouseholdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:017}", self.0)
    }
}

/// Returns the check digit of 16 digits. Source: ISO 7064, MOD 11,10.
fn check_digit(body: u64) -> u8 {
    let mut product = 10;
    for place in (0..16).rev() {
        let digit = body / 10_u64.pow(place) % 10;
        let sum = (product + digit) % 10;
        product = (if sum == 0 { 10 } else { sum } * 2) % 11;
    }
    ((11 - product) % 10) as u8
}

/// A surrogate of a person, an account or a bank: 16 bytes, shown as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct Token(pub [u8; 16]);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

const PERSON: u8 = 1;
const ACCOUNT: u8 = 2;

/// The tokens of one seed: the first 16 bytes of `derive_key(context, seed ‖ kind ‖ index)`,
/// numbers little-endian.
#[derive(Clone)]
pub(crate) struct Tokens {
    seeded: blake3::Hasher,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Tokens {
        let mut seeded = blake3::Hasher::new_derive_key(record::context::SYNTHETIC_TOKEN);
        seeded.update(&seed.to_le_bytes());
        Tokens { seeded }
    }

    pub(crate) fn person(&self, index: u64) -> Token {
        self.token(PERSON, index)
    }

    pub(crate) fn account(&self, index: u64) -> Token {
        self.token(ACCOUNT, index)
    }

    fn token(&self, kind: u8, index: u64) -> Token {
        let mut hasher = self.seeded.clone();
        hasher.update(&[kind]).update(&index.to_le_bytes());
        let mut bytes = [0; 16];
        hasher.finalize_xof().fill(&mut bytes);
        Token(bytes)
    }
}

/// Province, helper and home, as they bear the cost. Source: 粤发〔2016〕13号 §13.
pub(crate) const WEIGHTS: [u64; 3] = [6, 3, 1];

/// Splits `fen` by weights: floors first, the left-over fen to the largest remainders, on a tie to
/// the weight that stands first. The weights must not all be zero.
pub(crate) fn split(fen: i64, weights: &[u64]) -> Vec<i64> {
    let total: i128 = weights.iter().map(|&w| i128::from(w)).sum();
    let products: Vec<i128> = weights.iter().map(|&w| i128::from(fen) * i128::from(w)).collect();
    let mut parts: Vec<i64> = products.iter().map(|p| (p / total) as i64).collect();
    let left = (fen - parts.iter().sum::<i64>()).unsigned_abs();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(products[i] % total), i));
    for &i in order.iter().take(left as usize) {
        parts[i] += 1;
    }
    parts
}

/// Returns what a tranche of `fen` charges each source of 6:3:1 when `planned` fen were planned
/// before it without any reversal: the difference of two exact splits, so rounding never drifts.
pub(crate) fn tranche_parts(planned: i64, fen: i64) -> [i64; 3] {
    let before = split(planned, &WEIGHTS);
    let after = split(planned + fen, &WEIGHTS);
    [after[0] - before[0], after[1] - before[1], after[2] - before[2]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_household_of_the_contract() {
        let village = Unit::new(441_424, 6).child(901).child(201);
        assert_eq!(HouseholdCode::new(village, 1).to_string(), "44142490120100013");
        assert_eq!(HouseholdCode::new(village, 2).to_string(), "44142490120100021");
        assert_eq!(HouseholdCode::new(village, 3).to_string(), "44142490120100030");
    }

    #[test]
    fn tokens_are_derived_as_the_contract_says() {
        let [seed, index] = [20_160_604_u64, 7];
        let text = [&seed.to_le_bytes()[..], &[1], &index.to_le_bytes()].concat();
        let hash = blake3::derive_key("mingzhang 2026-11-24 synthetic token v1", &text);
        let tokens = Tokens::new(seed);
        assert_eq!(tokens.person(index).0, hash[..16]);
        assert_ne!(tokens.account(index), tokens.person(index));
    }

    #[test]
    fn units_have_groups_of_two_and_three_digits() {
        let town = Unit::new(4414, 4).child(24).child(901);
        assert_eq!((town.to_string().as_str(), town.area_code()), ("441424901", 441_424_901_000));
        assert_eq!(Unit::PROVINCE.area_code(), 440_000_000_000);
    }

    #[test]
    fn the_split_by_last_digit() {
        let expected = [(1, [1, 0, 0]), (2, [1, 1, 0]), (5, [3, 2, 0]), (7, [4, 2, 1])];
        for (fen, parts) in expected {
            assert_eq!(split(fen, &WEIGHTS), parts);
        }
        assert_eq!(split(3_333_333_333, &WEIGHTS), [2_000_000_000, 1_000_000_000, 333_333_333]);
        assert_eq!(split(10, &[0, 1, 1]), [0, 5, 5]);
    }

    #[test]
    fn tranches_add_up_to_the_exact_split() {
        let mut acc = [0; 3];
        for step in 0..30 {
            let parts = tranche_parts(step * 3, 3);
            acc = [acc[0] + parts[0], acc[1] + parts[1], acc[2] + parts[2]];
        }
        assert_eq!(acc, [54, 27, 9]);
    }
}
