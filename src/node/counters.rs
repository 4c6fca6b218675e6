//! What happened since the process began, in numbers.
//!
//! Lives here: counting. Lives elsewhere: showing them (`services::admin`).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::reply::{Found, Waiting};

/// Counters since the start of the process.
#[derive(Debug, Default)]
pub struct Counters {
    /// Vouchers posted.
    pub vouchers_posted: AtomicU64,
    /// Lines posted.
    pub lines_posted: AtomicU64,
    /// Postings answered with an earlier reply.
    pub duplicates: AtomicU64,
    /// Dry runs.
    pub dry_runs: AtomicU64,
    /// Blocks written.
    pub blocks: AtomicU64,
    /// How often each code was answered, by its number.
    refusals: Mutex<BTreeMap<u16, u64>>,
}

impl Counters {
    /// Counts what is durable and answered.
    pub(crate) fn answered(&self, waiting: &Waiting) {
        if let Waiting::Post { found: Found::Posted(reply), .. } = waiting {
            Self::one(&self.vouchers_posted);
            Self::add(&self.lines_posted, reply.last_seq.0.saturating_sub(reply.first_seq.0));
        }
    }

    /// Counts one more.
    pub(crate) fn one(counter: &AtomicU64) {
        Self::add(counter, 1);
    }

    /// Counts `n` more.
    pub(crate) fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts a refusal.
    pub(crate) fn refused(&self, code: u16) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let count = refusals.entry(code).or_default();
        *count = count.saturating_add(1);
    }

    /// Returns how often each code was answered, in the order of codes.
    pub fn refusals(&self) -> Vec<(u16, u64)> {
        let refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.iter().map(|(code, count)| (*code, *count)).collect()
    }
}
