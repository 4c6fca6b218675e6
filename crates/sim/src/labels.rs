//! The labels of injected irregularities.
//!
//! An irregularity is made in `world::irregular`, beside the honest event it imitates, and leaves a
//! [`Label`] with the keys of its vouchers. [`crate::Vouchers::labels`] returns them, and
//! [`crate::write_files`] writes them to `labels.csv` after the last month.

/// The first line of `labels.csv`.
pub const LABELS_HEADER: &str = "label_id,flag,decoy,subject,voucher_keys,amount_fen,note";

/// One injected case, or a decoy that only looks like one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// From 1.
    pub id: u32,
    /// The number of the flag, 1 for F01.
    pub flag: u8,
    /// True for the harmless likeness.
    pub decoy: bool,
    /// The subject as the flag names it.
    pub subject: String,
    /// `organisation/voucher_no`, one for each voucher that belongs to the case.
    pub voucher_keys: Vec<String>,
    /// The money at stake.
    pub amount_fen: i64,
    /// What was done.
    pub note: &'static str,
}
