//! Deterministic Guangdong: vouchers, bank files and a manifest from (profile, seed), and workloads.
//!
//! Lives here: where the invented people live ([`Plan`]), what happens to them and to the money
//! between June 2016 and December 2018 ([`Vouchers`]), how that is written as files
//! ([`write_files`]), and an endless stream of payments to measure with ([`load`]).
//! Lives elsewhere: what a voucher may do (`ledger`); reading and posting files (the binary).
//!
//! Always: the same profile and seed give the same bytes, on every machine; no clock, no I/O, no
//! floats, no hash map. Every voucher is one that a correct ledger accepts, in the order given,
//! after the three vouchers of `init`: the world below keeps its own balances and writes a payment
//! only where quota and cash are there. All persons, towns and villages are invented.
//!
//! Decisions where the plan of the data leaves room:
//! - A household has a target year (500 : 600 : 665, as the policy's yearly targets) and exits in
//!   December of it; 3 % of all households exit in the middle of the year before.
//! - Four payments a year go to a registered household and two to an exited one, of purposes that go
//!   on after the exit. The stated mix holds over all payments, so a registered household draws P06
//!   and P07 more rarely. P04 is paid to projects, which are not made yet: its 5 % stand under P02.
//!   P05 needs loans, which are not made yet: its 3 % stand under P03.
//! - A household is paid towards 88 % of 20,000 yuan for each of its first members, so what came
//!   back is paid again in a later round and no household passes its review line.
//! - Money of province and helper goes to poor villages and, for all other households, to towns. The
//!   home share stays in the county special account, from which the county pays P01 and P07 while it
//!   lasts. In `xs` and `s` a
//!   poor village has a committee that posts for it; in `m` and `l` the town posts for its villages.
//! - A reversed payment never left the bank, so it has no bank row.
//! - An irregularity of every flag stands among the honest vouchers (`world::irregular` says how), unless
//!   the plan is [`Plan::without_irregularities`].
#![expect(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    reason = "no input reaches this crate: all numbers come from compiled-in tables and bounded \
              draws, all indexes are the crate's own dense numbers, and the replay tests walk them"
)]

mod codes;
mod date;
mod files;
mod labels;
pub mod load;
mod people;
mod plan;
mod profile;
mod render;
mod rng;
mod voucher;
mod world;

pub use codes::{HouseholdCode, Token, Unit};
pub use date::{Day, Month};
pub use files::{Sink, Totals, write_files};
pub use labels::{LABELS_HEADER, Label};
pub use plan::{City, County, Plan, Town, Village};
pub use profile::Profile;
pub use render::render_voucher;
pub use voucher::{BankAccount, BankRef, BankRow, Direction, SimLine, SimVoucher, Value};
pub use world::Vouchers;

/// The seed of the published data sets: the date of the policy.
pub const DEFAULT_SEED: u64 = 20_160_604;

/// Returns the plan of a profile: where its households live and how large they are.
///
/// # Examples
/// ```
/// let plan = sim::plan(sim::Profile::Xs, sim::DEFAULT_SEED);
/// assert_eq!((plan.households(), plan.people()), (120, 300));
/// assert!(plan.vouchers().count() > 100);
/// ```
pub fn plan(profile: Profile, seed: u64) -> Plan {
    Plan::new(profile, seed)
}
