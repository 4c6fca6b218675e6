//! What readers ask for, folded from the log: balances of households, units, cities, quotas, transits.
//!
//! Lives here: one file a view with a pure `apply`, digests, balances at the edge, the cache that
//! follows behind. Lives elsewhere: what may be posted (`ledger`), bytes (`record`), network and gRPC
//! (the program).
//!
//! Always: a view is a function of the records before it and of nothing else; nothing that decides a
//! posting stands here; no hash order reaches a digest or an answer.

mod difference;
mod digest;
mod drift;
mod names;
mod step;
mod table;
mod value;

mod helper_city;
mod home_city;
mod household;
mod quota;
mod transit;
mod unit;

mod resolve;

mod projection;
mod views;

pub mod balance;
pub mod flags;
pub mod history;

mod fold;

mod idle;

pub mod reports;

pub mod cache;

pub use difference::{CanonicalRow, first_difference, rows};
pub use digest::{ColumnType, Layout, ViewDigest, layout_page};
pub use drift::Drift;
pub use fold::{FoldError, fold};
pub use projection::Projection;
pub use views::Views;

/// Version of the views' definitions, as seals name it. A change of any canonical row raises it.
pub const VERSION: u8 = 1;

/// Layouts of the canonical rows, by number. Numbers 7 (project), 9 (areas), 10 (members and bindings)
/// and 11 (rules) come with their features; a retired number is never used again.
pub const LAYOUTS: &[Layout] = &[
    ACCOUNTS,
    household::LAYOUT,
    unit::LAYOUT,
    home_city::LAYOUT,
    helper_city::LAYOUT,
    quota::LAYOUT,
    transit::LAYOUT,
];

/// View 1 is kept by `record::Accounts`, so that the stand-alone verifier computes it too.
const ACCOUNTS: Layout = Layout {
    number: 1,
    name: "accounts",
    key: &[("path", ColumnType::Rest)],
    columns: &[("balance", ColumnType::I64)],
};
