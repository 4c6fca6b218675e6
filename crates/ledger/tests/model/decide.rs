//! Steps B and C: the voucher as a whole, then line by line on what earlier lines left.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::doc::{Doc, Fields, number, text};
use crate::form::{self, No, no, repeated};
use crate::model::{Legs, Model, Rec, days};
use crate::table::row;

/// What becomes of a voucher.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// Accepted: position of its header, legs by line.
    Posted(u64, Vec<Legs>),
    /// Posted before, at this position.
    Duplicate(u64),
    /// Refused: all that is told.
    Refused(Vec<No>),
}

/// What a line is asked with.
pub(crate) struct Ctx<'a> {
    pub(crate) org: &'a str,
    pub(crate) date: &'a str,
    pub(crate) line: &'a Fields,
    pub(crate) nth: u32,
    pub(crate) exception: bool,
    pub(crate) skipped: BTreeSet<u16>,
    approver: &'a str,
    group: &'static str,
}

/// What a line that is accepted comes to.
#[derive(Default)]
pub(crate) struct Made {
    pub(crate) legs: Legs,
    pub(crate) unit: String,
    pub(crate) refers: Option<u64>,
    pub(crate) note: String,
}

pub(crate) type Answer<T> = Result<T, No>;

/// Codes after which later lines are still searched for codes of this list.
const UNKNOWN: [u16; 7] = [2_002, 2_010, 2_020, 2_030, 2_040, 2_053, 3_017];

impl<'a> Ctx<'a> {
    pub(crate) fn text(&self, name: &str) -> &'a str {
        text(self.line, name)
    }

    pub(crate) fn number(&self, name: &str) -> i128 {
        number(self.line, name).unwrap_or(0)
    }

    pub(crate) fn amount(&self) -> i128 {
        self.number("amount")
    }

    pub(crate) fn no<T>(&self, code: u16, field: &str) -> Answer<T> {
        Err(no(self.nth, code, field))
    }

    pub(crate) fn must(&self, holds: bool, code: u16, field: &str) -> Answer<()> {
        if holds { Ok(()) } else { self.no(code, field) }
    }

    /// A rule that an exception passes over.
    pub(crate) fn soft(&mut self, holds: bool, code: u16, field: &str) -> Answer<()> {
        if holds || !self.exception {
            return self.must(holds, code, field);
        }
        self.skipped.insert(code);
        Ok(())
    }
}

impl Model {
    /// Decides a voucher and remembers what is accepted.
    pub(crate) fn post(&mut self, doc: &Doc) -> Verdict {
        let faults = form::check(doc);
        if !faults.is_empty() {
            return Verdict::Refused(faults);
        }
        match self.whole(doc) {
            Ok(Some(first)) => return Verdict::Duplicate(first),
            Ok(None) => (),
            Err(fault) => return Verdict::Refused(vec![fault]),
        }
        let before = self.clone();
        match self.lines(doc) {
            Ok(legs) => {
                let first = self.next;
                let date = text(&doc.head, "effective_date");
                self.next += 1 + u64::try_from(doc.lines.len()).unwrap();
                self.today = self.today.clone().max(date.to_owned());
                self.keys.insert(key(doc), (first, content(doc)));
                Verdict::Posted(first, legs)
            }
            Err(faults) => {
                *self = before;
                Verdict::Refused(faults)
            }
        }
    }

    fn whole(&self, doc: &Doc) -> Answer<Option<u64>> {
        let head = |name: &str| text(&doc.head, name);
        let refuse = |code: u16, field: &str| Err(no(0, code, field));
        if let Some((first, said)) = self.keys.get(&key(doc)) {
            return if *said == content(doc) {
                Ok(Some(*first))
            } else {
                refuse(1030, "voucher_no")
            };
        }
        let org = head("organisation");
        let Some(org_row) = self.orgs.get(org) else { return refuse(5010, "organisation") };
        let group = row(text(&doc.lines[0], "kind")).unwrap().group;
        let province: &[&str] = match group {
            "rules" => &["PO44", "FB44"],
            "tranche" => &["FB44"],
            "access" => &["PO44"],
            _ => &[org],
        };
        if !province.contains(&org) {
            return Err(no(1, 5012, "kind"));
        }
        let roles: &[&str] = match (group, org_row.kind.as_str()) {
            ("registry", _) => &["registrar"],
            ("rules" | "tranche" | "access", _) => &["rule_keeper"],
            ("finding", "DI" | "AU") => &["inspector", "auditor"],
            ("finding", _) => &["preparer", "registrar", "rule_keeper"],
            ("reversal", _) => &["preparer", "rule_keeper"],
            _ => &["preparer"],
        };
        if self.scopes(head("prepared_by"), Some(org), roles).is_empty() {
            return refuse(5011, "prepared_by");
        }
        self.date_of(doc, group)?;
        self.approval(doc, group)?;
        Ok(None)
    }

    fn date_of(&self, doc: &Doc, group: &str) -> Answer<()> {
        let date = text(&doc.head, "effective_date");
        let refuse = |code: u16| Err(no(0, code, "effective_date"));
        let no_money = ["registry", "rules", "access", "finding"].contains(&group);
        if date < if no_money { "2016-01-01" } else { "2016-06-04" } {
            return refuse(1022);
        }
        if "2019-12-31" < date {
            return refuse(1023);
        }
        let today = self.today.as_str().max(date);
        let (field, code) = match group {
            "registry" => ("registry_backdate_days", 2060),
            _ => ("backdate_days", 1025),
        };
        let most = self.rule_number("PeriodRuleAdopted", field, date).unwrap();
        let late = most < i128::from(days(today) - days(date));
        if late && text(&doc.head, "exception_reason").is_empty() { refuse(code) } else { Ok(()) }
    }

    fn approval(&self, doc: &Doc, group: &str) -> Answer<()> {
        let head = |name: &str| text(&doc.head, name);
        let refuse = |code: u16| Err(no(0, code, "approved_by"));
        let rule = &self.version("ApprovalRuleAdopted", head("effective_date")).unwrap().content;
        let always = rule["always"].as_array().unwrap();
        let listed = |line: &Fields| always.iter().any(|kind| kind == text(line, "kind"));
        let total: i128 = doc.lines.iter().filter_map(|line| number(line, "amount")).sum();
        let money = !["registry", "rules", "access", "finding", "assertion"].contains(&group);
        let exception = !head("exception_reason").is_empty();
        let needed = exception
            || doc.lines.iter().any(listed)
            || (money && number(rule, "threshold_fen").unwrap() <= total);
        let approver = head("approved_by");
        if approver.is_empty() {
            return if needed { refuse(5020) } else { Ok(()) };
        }
        if approver == head("prepared_by") {
            return refuse(5021);
        }
        if self.scopes(approver, None, approvers(group, exception)).is_empty() {
            return refuse(5023);
        }
        let key = self.keys_of.get(approver).map(String::as_str);
        let signed = (head("signature") == "valid").then(|| head("approver_key"));
        let brings = !head("signature").is_empty();
        if (key.is_some() || brings) && (key.is_none() || signed != key) {
            return refuse(5022);
        }
        Ok(())
    }

    fn lines(&mut self, doc: &Doc) -> Result<Vec<Legs>, Vec<No>> {
        let head = |name: &str| text(&doc.head, name);
        let (mut legs, mut faults) = (Vec::new(), Vec::new());
        let exception = !head("exception_reason").is_empty();
        let doubled: BTreeSet<u32> = repeated(doc).into_iter().map(|fault| fault.line).collect();
        for (line, nth) in doc.lines.iter().zip(1_u32..) {
            let row = row(text(line, "kind")).unwrap();
            let mut ctx = Ctx {
                org: head("organisation"),
                date: head("effective_date"),
                line,
                nth,
                exception,
                skipped: doubled.get(&nth).map(|_| 1033).into_iter().collect(),
                approver: head("approved_by"),
                group: row.group,
            };
            let made = self.line(&mut ctx, row.no);
            match made {
                Ok(made) if faults.is_empty() => {
                    legs.push(made.legs.clone());
                    self.remember(doc, &ctx, row.no, made);
                }
                Err(fault) if faults.is_empty() && !UNKNOWN.contains(&fault.code) => {
                    return Err(vec![fault]);
                }
                Err(fault) if UNKNOWN.contains(&fault.code) => faults.push(fault),
                _ => (),
            }
        }
        if faults.is_empty() { Ok(legs) } else { Err(faults) }
    }

    fn line(&mut self, ctx: &mut Ctx<'_>, kind: u32) -> Answer<Made> {
        let made = match kind {
            101..=146 => self.registry(ctx, kind)?,
            201..=210 => self.rule(ctx, kind)?,
            310..=361 => self.money(ctx, kind)?,
            370 | 371 => self.books(ctx, kind)?,
            _ => self.access(ctx, kind)?,
        };
        if (310..=361).contains(&kind) || kind == 371 {
            let month = &ctx.date[..7];
            let closed = self.closed.get(&made.unit).is_some_and(|last| month <= last.as_str());
            if closed {
                return ctx.no(3090, "effective_date");
            }
        }
        Ok(made)
    }

    /// 5023: the approver's scope holds the unit that is posted for.
    pub(crate) fn approved(&self, ctx: &Ctx<'_>, unit: &str) -> Answer<()> {
        if ctx.approver.is_empty() {
            return Ok(());
        }
        let roles = approvers(ctx.group, ctx.exception);
        let scopes = self.scopes(ctx.approver, None, roles);
        ctx.must(scopes.iter().any(|scope| unit.starts_with(scope.as_str())), 5023, "approved_by")
    }

    fn remember(&mut self, doc: &Doc, ctx: &Ctx<'_>, kind: u32, made: Made) {
        for (path, fen) in &made.legs {
            *self.balances.entry(path.clone()).or_insert(0) += fen;
        }
        let rec = Rec {
            seq: self.next + u64::from(ctx.nth),
            no: kind,
            date: ctx.date.to_owned(),
            org: ctx.org.to_owned(),
            name: format!("{}/{}/{}", ctx.org, text(&doc.head, "voucher_no"), ctx.nth),
            fields: ctx.line.clone(),
            amount: ctx.amount(),
            legs: made.legs,
            unit: made.unit,
            refers: made.refers,
            note: made.note,
        };
        self.recs.push(Rc::new(rec));
    }
}

/// Roles that approve a voucher of a group.
fn approvers(group: &str, exception: bool) -> &'static [&'static str] {
    match (group, exception) {
        ("registry", _) => &["registrar_approver"],
        ("rules" | "tranche" | "access", _) => &["rule_keeper"],
        ("reversal", false) => &["approver", "finance_head", "rule_keeper"],
        (_, true) => &["finance_head"],
        _ => &["approver", "finance_head"],
    }
}

fn key(doc: &Doc) -> (String, String) {
    let head = |name: &str| text(&doc.head, name).to_owned();
    (head("organisation"), head("voucher_no"))
}

/// What a voucher says: all but how its approval is signed.
fn content(doc: &Doc) -> String {
    let mut said = doc.clone();
    said.head.remove("signature");
    said.head.remove("approver_key");
    said.json_lines()
}
