//! The content digest of a voucher: what makes a retry a retry, and what an approver signs.
//!
//! Lives here: the content text, `name=value` a line, and its hash. It runs over the kinds' rows, so a
//! field that a row lacks is not content.
//! Lives elsewhere: the key, and what a second voucher of the same key gets (`decide`); the signed
//! approval text, which holds this digest.
//!
//! Always: the text depends on what the voucher says and on nothing else: not on the order of fields in
//! a message, not on the file format. Approval signature and key are no content.
//! Source: domain contract, "Key and retries".

use std::sync::LazyLock;

use record::context;

use crate::field::Field;
use crate::kind::{Kind, Spec, Sub, Type};
use crate::voucher::{HeaderText, LineRef, Struct, Value, Voucher};

/// Text is handed to the hash in pieces of about this size: wide enough for its parallel lanes.
const PIECE_BYTES: usize = 16 << 10;

/// The keyed hash before its first byte: the context is hashed once a process.
static BEGIN: LazyLock<blake3::Hasher> =
    LazyLock::new(|| blake3::Hasher::new_derive_key(context::VOUCHER_CONTENT));

/// Returns the content digest of a voucher on the ledger of an origin.
///
/// `kinds` are the kinds of its lines, one a line, as the form checks found them.
pub fn digest(origin: &str, voucher: &Voucher, kinds: &[Kind]) -> [u8; 32] {
    let mut hasher = BEGIN.clone();
    let mut out = Out(Vec::with_capacity(PIECE_BYTES.min(voucher.size_bytes())));
    write_header(&mut out, origin, voucher, kinds);
    for (line, kind) in voucher.lines().zip(kinds) {
        write_line(&mut out, line, *kind);
        if PIECE_BYTES <= out.0.len() {
            hasher.update(&out.0);
            out.0.clear();
        }
    }
    hasher.update(&out.0);
    *hasher.finalize().as_bytes()
}

/// Returns the content text itself, for people and for golden files.
pub fn text(origin: &str, voucher: &Voucher, kinds: &[Kind]) -> String {
    let mut out = Out(Vec::new());
    write_header(&mut out, origin, voucher, kinds);
    for (line, kind) in voucher.lines().zip(kinds) {
        write_line(&mut out, line, *kind);
    }
    String::from_utf8_lossy(&out.0).into_owned()
}

/// The text signed by an approver. Source: `docs/format.md`, signed texts.
pub fn approval_text(origin: &str, voucher: &Voucher, digest: &[u8; 32]) -> String {
    let mut out = Out(Vec::new());
    for part in ["mingzhang approval v1\n", origin, "\n", voucher.organisation(), "/"] {
        out.text(part);
    }
    out.text(voucher.voucher_no());
    out.text("\n");
    out.hex(digest);
    out.text("\n");
    String::from_utf8_lossy(&out.0).into_owned()
}

fn write_header(out: &mut Out, origin: &str, voucher: &Voucher, kinds: &[Kind]) {
    out.pair("origin", origin);
    for field in HeaderText::ALL {
        let text = voucher.header(field);
        if !text.is_empty() {
            out.pair(field.name(), text);
        }
    }
    if let Some(count) = voucher.line_count() {
        out.name("line_count");
        out.number(i64::from(count));
        out.end();
    }
    // In groups without money the total may be left out: given as 0 and absent are equal.
    let free = kinds.first().is_some_and(|kind| !kind.group().is_money());
    if let Some(total) = voucher.total_fen().or(free.then_some(0)) {
        out.name("total");
        out.number(total);
        out.end();
    }
}

fn write_line(out: &mut Out, line: LineRef<'_>, kind: Kind) {
    out.name("line_no");
    out.number(i64::from(line.line_no()));
    out.end();
    out.pair("kind", kind.name());
    let mut hint = 0;
    for spec in kind.row().fields {
        // The memo comes last, of a reversal too.
        if spec.field != Field::Memo
            && let Some(value) = line.get_near(spec.field, &mut hint)
        {
            write_field(out, spec, value);
        }
    }
    let memo = line.text(Field::Memo);
    if !memo.is_empty() {
        out.pair("memo", memo);
    }
}

fn write_field(out: &mut Out, spec: &Spec, value: Value<'_>) {
    let name = spec.field.name();
    match value {
        Value::Struct(value) => write_struct(out, &[name], value, spec.ty),
        Value::List(list) => {
            let of = if let Type::List { of, .. } = spec.ty { *of } else { spec.ty };
            for (i, entry) in list.iter().enumerate() {
                let mut index = Decimal::default();
                let index = index.of(i64::try_from(i).unwrap_or(i64::MAX));
                if let Value::Struct(value) = entry {
                    write_struct(out, &[name, index], value, of);
                } else {
                    out.names(&[name, index]);
                    out.value(entry);
                    out.end();
                }
            }
        }
        value => {
            out.name(name);
            out.value(value);
            out.end();
        }
    }
}

/// Members in the order of their row; of a row of a data file first the columns that its file has,
/// then any others as given (they are refused later).
fn write_struct(out: &mut Out, path: &[&str], value: Struct<'_>, ty: Type) {
    let mut write = |name: &str, value: Value<'_>| {
        for part in path {
            out.text(part);
            out.text(".");
        }
        out.name(name);
        out.value(value);
        out.end();
    };
    match ty {
        Type::Struct(subs) => {
            for Sub { name, .. } in subs {
                if let Some(member) = value.get(name) {
                    write(name, member);
                }
            }
        }
        Type::Rows(columns) => {
            for column in columns {
                if let Some(cell) = value.get(column) {
                    write(column, cell);
                }
            }
            for (column, cell) in value.iter().filter(|(column, _)| !columns.contains(column)) {
                write(column, cell);
            }
        }
        _ => {}
    }
}

/// Bytes of the content text.
struct Out(Vec<u8>);

impl Out {
    fn text(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    fn name(&mut self, name: &str) {
        self.text(name);
        self.0.push(b'=');
    }

    fn names(&mut self, path: &[&str]) {
        for (i, part) in path.iter().enumerate() {
            if i > 0 {
                self.0.push(b'.');
            }
            self.text(part);
        }
        self.0.push(b'=');
    }

    fn end(&mut self) {
        self.0.push(b'\n');
    }

    fn pair(&mut self, name: &str, value: &str) {
        self.name(name);
        self.text(value);
        self.end();
    }

    fn number(&mut self, number: i64) {
        let mut text = Decimal::default();
        self.text(text.of(number));
    }

    fn hex(&mut self, bytes: &[u8]) {
        let digit = |n: u8| n.wrapping_add(if n < 10 { b'0' } else { b'a' - 10 });
        // Tokens and hashes are short: sixteen bytes at a time, on the stack.
        for piece in bytes.chunks(16) {
            let mut text = [0_u8; 32];
            for (pair, b) in text.as_chunks_mut::<2>().0.iter_mut().zip(piece) {
                *pair = [digit(b >> 4), digit(b & 15)];
            }
            self.0.extend_from_slice(text.get(..piece.len().wrapping_mul(2)).unwrap_or_default());
        }
    }

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Text(text) => self.text(text),
            Value::Blob(bytes) => self.hex(bytes),
            Value::Int(number) => self.number(number),
            Value::Wide(number) => self.text(&number.to_string()),
            Value::Bool(true) => self.text("true"),
            Value::Bool(false) => self.text("false"),
            // Neither lists of lists nor structures in structures exist.
            Value::List(_) | Value::Struct(_) => {}
        }
    }
}

/// Decimal digits of a number, without allocation.
#[derive(Default)]
struct Decimal([u8; 20]);

impl Decimal {
    fn of(&mut self, number: i64) -> &str {
        let mut rest = number.unsigned_abs();
        let mut start = self.0.len();
        for (i, slot) in self.0.iter_mut().enumerate().rev() {
            *slot = u8::try_from(rest % 10).unwrap_or(0).saturating_add(b'0');
            start = i;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        if number < 0 {
            start = start.saturating_sub(1);
            if let Some(slot) = self.0.get_mut(start) {
                *slot = b'-';
            }
        }
        self.0.get(start..).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form;
    use crate::ids::Token;
    use crate::voucher::VoucherBuilder;

    const ORIGIN: &str = "ledger.example/gd/2016";
    /// Never regenerated: what an approver signed, and what makes a retry a retry.
    const GOLDEN: &str = include_str!("../tests/data/golden/content_digest.txt");

    #[test]
    fn numbers_are_decimal() {
        for n in [0, 1, -1, 9, 10, 99, 100, -100, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::default().of(n), n.to_string());
        }
    }

    /// A household with two members, and one that changes nothing but its causes.
    fn registry() -> Voucher {
        let mut b = VoucherBuilder::new();
        b.key("PO441424", "2016-06-002", "2016-06-25", "p.po441424");
        b.header(HeaderText::ApprovedBy, "a.po441424").header(HeaderText::DocNo, "粤扶〔2016〕1号");
        b.header(HeaderText::NoticeRef, "公示2016-1").header(HeaderText::Memo, "第一批");
        b.begin_line(1, "HouseholdRegistered").text(Field::Village, "441424901201");
        b.text(Field::Household, "44142490120100013").text(Field::Class, "general");
        for (no, year, sex, ability) in [(1, 1970, "f", "full"), (2, 2004, "m", "minor")] {
            b.begin_entry(Field::Members).member_bool("insured", true).member_text("sex", sex);
            b.member_int("no", no).member_token("person", Token([0xa0; 16]));
            b.member_int("birth_year", year).member_text("ability", ability);
            b.member_bool("dibao", false).member_bool("student", no == 2);
        }
        b.push_text(Field::Causes, "no_skill").push_text(Field::Causes, "illness");
        b.begin_line(2, "MemberAdded").text(Field::Household, "44142490120100013");
        b.text(Field::Memo, "born").text(Field::Reason, "birth").begin_struct(Field::Member);
        b.member_int("no", 3).member_token("person", Token([0x0b; 16])).member_text("sex", "m");
        b.member_int("birth_year", 2016).member_text("ability", "minor");
        b.member_bool("dibao", false).member_bool("student", false).member_bool("insured", false);
        b.line_count(Some(2));
        b.finish()
    }

    /// Two payments of one voucher, the second with all that is optional.
    fn money() -> Voucher {
        let mut b = VoucherBuilder::new();
        b.key("VC441424901201", "2016-09-001", "2016-09-01", "p.vc1");
        b.header(HeaderText::ExceptionReason, "paid before the register was right");
        b.header(HeaderText::ApprovedBy, "h.tg1");
        for (no, fen) in [(1, 300_000), (2, 150_000)] {
            b.begin_line(no, "DisbursedToHousehold").int(Field::Amount, fen);
            b.text(Field::Quota, "Q16-4401-0001").text(Field::Unit, "441424901201");
            b.text(Field::Household, "44142490120100013").text(Field::BankRef, "B20160901-022");
            b.token(Field::Account, Token(*b"0123456789abcdef")).text(Field::Purpose, "P05");
        }
        b.int(Field::MemberNo, 1).text(Field::Loan, "L-1").text(Field::Memo, "扶贫贷款=贴息");
        b.state_totals();
        b.finish()
    }

    /// A rule with rows, cells in another order than their file's, and one with lists of numbers.
    fn rule() -> Voucher {
        let mut b = VoucherBuilder::new();
        b.key("PO44", "R-1", "2016-06-04", "p.po44").header(HeaderText::ApprovedBy, "a.po44");
        b.header(HeaderText::DocNo, "粤发〔2016〕13号");
        b.begin_line(1, "FlowsAdopted").int(Field::Version, 2);
        b.begin_entry(Field::Rows).cell("from", "Q.quota.city").cell("id", "W03");
        b.cell("note", "").cell("event", "QuotaReleased").cell("to", "Q.quota.county");
        b.begin_entry(Field::Rows).cell("id", "W04").cell("relation", "town in county");
        b.begin_line(2, "SchemeAdopted").int(Field::Version, 1).text(Field::HomeCode, "*");
        b.text(Field::Scheme, "GD-631").text(Field::EffectiveFrom, "2016-06-04");
        b.push_int(Field::Weights, 6).push_int(Field::Weights, 3).push_int(Field::Weights, 1);
        b.text(Field::HelperShareBorneBy, "paired_helper");
        b.begin_line(3, "FlagParametersAdopted").int(Field::Version, 1).text(Field::Flag, "F05");
        b.begin_entry(Field::Params).member_text("name", "days").member_int("value", 30);
        b.begin_entry(Field::Params).member_text("name", "low_fen").member_int("value", -1);
        b.begin_line(4, "PeriodRuleAdopted").int(Field::Version, 1).int(Field::FutureDays, 0);
        b.int(Field::BackdateDays, 31).int(Field::RegistryBackdateDays, 366);
        b.text(Field::PeriodUnit, "month").line_count(Some(4)).total_fen(Some(0));
        b.finish()
    }

    fn golden(name: &str, voucher: &Voucher) -> String {
        let kinds = form::check(voucher).unwrap().kinds;
        let digest = digest(ORIGIN, voucher, &kinds);
        let mut hex = Out(Vec::new());
        hex.hex(&digest);
        let hex = String::from_utf8(hex.0).unwrap();
        let content = text(ORIGIN, voucher, &kinds);
        let approval = approval_text(ORIGIN, voucher, &digest);
        format!("== {name}\n{content}== digest\n{hex}\n== approval text\n{approval}")
    }

    #[test]
    fn three_vouchers_have_the_digests_they_always_had() {
        let vouchers = [("registry", registry()), ("money", money()), ("rule", rule())];
        let found: Vec<String> = vouchers.iter().map(|(name, v)| golden(name, v)).collect();
        assert_eq!(found.concat(), GOLDEN);
    }

    #[test]
    fn what_is_no_content_changes_nothing() {
        let kinds = form::check(&money()).unwrap().kinds;
        let of = |voucher: &Voucher| digest(ORIGIN, voucher, &kinds);
        let mut signed = VoucherBuilder::resume(money());
        signed.approval_signature(&[1; 64]).approver_key(&[2; 32]);
        assert_eq!(of(&signed.finish()), of(&money()));
        assert_ne!(of(&money()), digest("ledger.example/other", &money(), &kinds));
        // A total that may be left out is 0 whether it is given or not.
        let mut given = VoucherBuilder::resume(registry());
        given.total_fen(Some(0));
        let kinds = form::check(&registry()).unwrap().kinds;
        assert_eq!(digest(ORIGIN, &given.finish(), &kinds), digest(ORIGIN, &registry(), &kinds));
    }

    #[test]
    fn pieces_of_a_long_text_are_the_text() {
        let mut b = VoucherBuilder::new();
        b.key("VC1", "1", "2016-09-01", "p");
        for no in 1..=500 {
            b.begin_line(no, "LoanClosed").text(Field::Loan, "L-1");
        }
        b.line_count(Some(500));
        let voucher = b.finish();
        let kinds = vec![Kind::LoanClosed; 500];
        let whole = text(ORIGIN, &voucher, &kinds);
        assert!(PIECE_BYTES < whole.len());
        let expected = blake3::derive_key(context::VOUCHER_CONTENT, whole.as_bytes());
        assert_eq!(digest(ORIGIN, &voucher, &kinds), expected);
    }
}
