//! What is posted: vouchers of the synthetic workload, made before the clock starts.

use std::io::Cursor;

use ledger::voucher::Voucher;
use sim::{Day, SimVoucher};

use super::{Args, SEED};
use crate::cli::failure::Failure;
use crate::files::{Encoding, Format, read};

/// Lines made ahead of a round, so that making them costs nothing while the clock runs.
const LINES_AHEAD: u64 = 1_200_000;

/// The day of all of them.
pub(super) fn day() -> Day {
    Day::of(2018, 6, 1)
}

/// The workload of a command.
pub(super) fn load(args: &Args) -> sim::load::Load {
    sim::load::Load::new(args.profile, SEED, day())
}

/// Turns vouchers of the generator into documents, by way of a file's text.
pub(super) fn documents(
    vouchers: impl Iterator<Item = SimVoucher>,
) -> Result<Vec<Voucher>, Failure> {
    let mut text = Vec::new();
    let mut out = Vec::new();
    for voucher in vouchers {
        text.clear();
        sim::render_voucher(&voucher, &mut text);
        let unread = || Failure::unfinished("a voucher of the generator cannot be read");
        let read = read(Cursor::new(&text), Format::JsonLines, Encoding::Utf8);
        for entry in read.map_err(|_| unread())? {
            out.push(entry.map_err(|_| unread())?.outcome.map_err(|_| unread())?);
        }
    }
    Ok(out)
}

/// How many vouchers a round of so many seconds may need at most.
pub(super) fn ahead(lines: u32) -> usize {
    LINES_AHEAD
        .checked_div(u64::from(lines))
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(1)
        .clamp(64, 400_000)
}
