//! The data set as files, without writing one: paths and bytes go to the caller.
//!
//! `post/YYYY-MM.jsonl` holds the vouchers of a month in posting order, `bank/YYYY-MM.csv` what the
//! bank says of that month, `labels.csv` the injected irregularities, `MANIFEST` a row a file.
//! At most a few MiB are held at a time.

use crate::date::Month;
use crate::labels::{LABELS_HEADER, Label};
use crate::plan::Plan;
use crate::render::{render_bank_row, render_voucher};
use crate::voucher::SimVoucher;
use std::fmt::Write as _;

/// Bytes gathered before they are handed on.
const CHUNK_BYTES: usize = 1 << 20;
const BANK_HEADER: &str = "bank_ref,account,date,amount_yuan,direction,status\n";
const MANIFEST_HEADER: &str = "path,vouchers,lines,sum_fen,bytes,blake3\n";

/// Takes the next bytes of the file at a path.
pub type Sink<'a, E> = dyn FnMut(&str, &[u8]) -> Result<(), E> + 'a;

/// Counts of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files, MANIFEST included.
    pub files: u64,
    /// Vouchers.
    pub vouchers: u64,
    /// Voucher lines, headers not counted.
    pub lines: u64,
    /// Rows of the bank's files.
    pub bank_rows: u64,
    /// Sum of the amounts of all voucher lines, in fen.
    pub sum_fen: i64,
    /// Bytes of all files, MANIFEST included.
    pub bytes: u64,
}

/// Makes all files of a plan and hands them to `out` as (path, next bytes of it).
///
/// The pieces of one file come in order and are to be joined; those of a month's two files may
/// alternate; `labels.csv` and `MANIFEST` come last. The manifest has a row for every other file,
/// by path: vouchers, lines (rows of a CSV without its header), sum of their amounts in fen, bytes,
/// BLAKE3.
///
/// # Errors
/// The first error of `out`; nothing is handed on after it.
pub fn write_files<E>(plan: &Plan, out: &mut Sink<'_, E>) -> Result<Totals, E> {
    let mut done = Vec::new();
    let mut month: Option<(Month, File, File)> = None;
    let mut vouchers = plan.vouchers();
    for voucher in vouchers.by_ref() {
        let at = voucher.posted.month();
        let (mut post, mut bank) = match month.take() {
            Some((current, post, bank)) if current == at => (post, bank),
            Some((_, post, bank)) => {
                done.push(post.close(out)?);
                done.push(bank.close(out)?);
                month_files(at)
            }
            None => month_files(at),
        };
        post.add_voucher(&voucher);
        bank.add_bank_rows(&voucher);
        post.hand_on(CHUNK_BYTES, out)?;
        bank.hand_on(CHUNK_BYTES, out)?;
        month = Some((at, post, bank));
    }
    if let Some((_, post, bank)) = month {
        done.push(post.close(out)?);
        done.push(bank.close(out)?);
    }
    done.push(labels_file(&vouchers.labels()).close(out)?);
    done.sort_by(|a, b| a.path.cmp(&b.path));
    let mut totals = done.iter().fold(Totals::default(), Totals::plus);
    let manifest = manifest(&done);
    totals.files += 1;
    totals.bytes += manifest.len() as u64;
    out("MANIFEST", manifest.as_bytes())?;
    Ok(totals)
}

fn month_files(month: Month) -> (File, File) {
    let mut bank = File::new(format!("bank/{month}.csv"));
    bank.buffer.extend_from_slice(BANK_HEADER.as_bytes());
    (File::new(format!("post/{month}.jsonl")), bank)
}

fn labels_file(labels: &[Label]) -> File {
    let mut file = File::new("labels.csv".to_owned());
    file.buffer.extend_from_slice(LABELS_HEADER.as_bytes());
    file.buffer.push(b'\n');
    for label in labels {
        let (id, flag, decoy) = (label.id, label.flag, label.decoy);
        let keys = label.voucher_keys.join(";");
        let row = format!(
            "{id},F{flag:02},{decoy},{},{keys},{},\"{}\"\n",
            label.subject, label.amount_fen, label.note
        );
        file.buffer.extend_from_slice(row.as_bytes());
        file.lines += 1;
        file.sum_fen += label.amount_fen;
    }
    file
}

fn manifest(files: &[Closed]) -> String {
    let mut text = MANIFEST_HEADER.to_owned();
    for file in files {
        let Closed { path, vouchers, lines, sum_fen, bytes, hash } = file;
        // Writing to a String never fails.
        let _ = writeln!(text, "{path},{vouchers},{lines},{sum_fen},{bytes},{hash}");
    }
    text
}

/// A file that grows.
struct File {
    path: String,
    buffer: Vec<u8>,
    hasher: blake3::Hasher,
    vouchers: u64,
    lines: u64,
    sum_fen: i64,
    bytes: u64,
}

/// A file that is complete.
struct Closed {
    path: String,
    vouchers: u64,
    lines: u64,
    sum_fen: i64,
    bytes: u64,
    hash: blake3::Hash,
}

impl File {
    fn new(path: String) -> File {
        let hasher = blake3::Hasher::new();
        File { path, buffer: Vec::new(), hasher, vouchers: 0, lines: 0, sum_fen: 0, bytes: 0 }
    }

    fn add_voucher(&mut self, voucher: &SimVoucher) {
        render_voucher(voucher, &mut self.buffer);
        self.vouchers += 1;
        self.lines += voucher.lines.len() as u64;
        self.sum_fen += voucher.total_fen;
    }

    fn add_bank_rows(&mut self, voucher: &SimVoucher) {
        for row in voucher.lines.iter().filter_map(|line| line.bank.as_ref()) {
            render_bank_row(row, voucher.effective_date, &mut self.buffer);
            self.lines += 1;
            self.sum_fen += row.fen;
        }
    }

    fn hand_on<E>(&mut self, from_bytes: usize, out: &mut Sink<'_, E>) -> Result<(), E> {
        if self.buffer.len() < from_bytes {
            return Ok(());
        }
        self.hasher.update(&self.buffer);
        self.bytes += self.buffer.len() as u64;
        out(&self.path, &self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn close<E>(mut self, out: &mut Sink<'_, E>) -> Result<Closed, E> {
        self.hand_on(1, out)?;
        Ok(Closed {
            path: self.path,
            vouchers: self.vouchers,
            lines: self.lines,
            sum_fen: self.sum_fen,
            bytes: self.bytes,
            hash: self.hasher.finalize(),
        })
    }
}

impl Totals {
    fn plus(self, file: &Closed) -> Totals {
        let post = file.path.starts_with("post/");
        let bank = file.path.starts_with("bank/");
        Totals {
            files: self.files + 1,
            vouchers: self.vouchers + file.vouchers,
            lines: self.lines + if post { file.lines } else { 0 },
            bank_rows: self.bank_rows + if bank { file.lines } else { 0 },
            sum_fen: self.sum_fen + if post { file.sum_fen } else { 0 },
            bytes: self.bytes + file.bytes,
        }
    }
}
