//! The cost split in fen: largest remainder, and tranches that never drift from it.
//!
//! Always: parts sum to the amount exactly; products are 128 bits wide; a tie goes to the source that
//! stands first in the scheme row.
//! Source: 粤发〔2016〕13号 §13 (6:3:1); domain contract, section 5; `split_vectors.csv`.

/// Most sources of a scheme.
pub const SOURCES_MAX: usize = 8;
/// Greatest sum of a scheme's weights (4004). One period of the split has this many amounts, and
/// `falls` walks all of them.
pub const WEIGHT_SUM_MAX: u64 = 10_000;

/// What is wrong with the weights of a scheme.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WeightsError {
    /// Not 1 to 8 sources, a negative weight, or all zero (4003).
    Weights,
    /// They sum to more than [`WEIGHT_SUM_MAX`] (4004).
    Sum(u64),
    /// The part of a source falls while the total grows (4005).
    Falls {
        /// Which source, from 0.
        source: usize,
        /// At which amount in fen.
        amount: u64,
    },
}

/// Checks the weights of a scheme before it is adopted.
///
/// # Errors
/// The first of the contract's order: count and signs, sum, monotony.
pub fn check_weights(weights: &[i64]) -> Result<(), WeightsError> {
    let mut sum: u64 = 0;
    if !(1..=SOURCES_MAX).contains(&weights.len()) {
        return Err(WeightsError::Weights);
    }
    for weight in weights {
        let weight = u64::try_from(*weight).map_err(|_| WeightsError::Weights)?;
        sum = sum.saturating_add(weight);
    }
    if sum == 0 {
        return Err(WeightsError::Weights);
    }
    if sum > WEIGHT_SUM_MAX {
        return Err(WeightsError::Sum(sum));
    }
    let weights: Vec<u32> = weights.iter().filter_map(|w| u32::try_from(*w).ok()).collect();
    match falls(&weights) {
        Some((source, amount)) => Err(WeightsError::Falls { source, amount }),
        None => Ok(()),
    }
}

/// Returns the first source and amount where a part falls while the total grows by a fen (the Alabama
/// paradox), if any. As `split(a + W) = split(a) + weights`, one period 0…W decides.
fn falls(weights: &[u32]) -> Option<(usize, u64)> {
    let total: u64 = weights.iter().map(|w| u64::from(*w)).fold(0, u64::saturating_add);
    let mut before = vec![0_i64; weights.len()];
    for amount in 1..=total {
        let parts = split(i64::try_from(amount).ok()?, weights)?;
        if let Some(source) = parts.iter().zip(&before).position(|(now, was)| now < was) {
            return Some((source, amount));
        }
        before = parts;
    }
    None
}

/// Splits an amount by weights: each source gets its whole fen, and the fen left over go one each to the
/// largest remainders, on a tie to the source that stands first.
///
/// `None` when the amount is negative or the weights are empty or all zero.
pub fn split(amount: i64, weights: &[u32]) -> Option<Vec<i64>> {
    let amount = u128::try_from(amount).ok()?;
    let total: u128 = weights.iter().map(|w| u128::from(*w)).fold(0, u128::saturating_add);
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    let mut left = amount;
    for (source, weight) in weights.iter().enumerate() {
        let product = amount.checked_mul(u128::from(*weight))?;
        let quotient = product.checked_div(total)?;
        parts.push(i64::try_from(quotient).ok()?);
        remainders.push((product.checked_rem(total)?, source));
        left = left.checked_sub(quotient)?;
    }
    // Stable: equal remainders keep the order of the sources.
    remainders.sort_by_key(|(remainder, _)| std::cmp::Reverse(*remainder));
    for (_, source) in remainders.into_iter().take(usize::try_from(left).ok()?) {
        let part = parts.get_mut(source)?;
        *part = part.checked_add(1)?;
    }
    Some(parts)
}

/// Parts of a new tranche, given what each source was charged before under the same scheme version.
///
/// The target is the exact split of the new total; a source is charged what it is short of it. A part that
/// would be negative (only after a reversal out of order) becomes 0, and the excess is taken fen by fen
/// from the largest part, on a tie from the first source.
///
/// `None` when the new total leaves `i64` (3012), or `amount` is not positive.
pub fn tranche(charged: &[i64], amount: i64, weights: &[u32]) -> Option<Vec<i64>> {
    if amount <= 0 || charged.len() != weights.len() {
        return None;
    }
    let total = charged.iter().try_fold(amount, |sum, part| sum.checked_add(*part))?;
    let mut parts = split(total, weights)?;
    let mut excess: i64 = 0;
    for (part, before) in parts.iter_mut().zip(charged) {
        *part = part.checked_sub(*before)?;
        if *part < 0 {
            excess = excess.checked_sub(*part)?;
            *part = 0;
        }
    }
    // A few fen at most: a reversal moves the charged parts off the exact split by less than one
    // fen a source and reversal.
    while excess > 0 {
        let largest = parts.iter().copied().max()?;
        let part = parts.iter_mut().find(|part| **part == largest)?;
        *part = part.checked_sub(1)?;
        excess = excess.checked_sub(1)?;
    }
    Some(parts)
}

#[cfg(test)]
mod tests;
