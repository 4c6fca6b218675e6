//! The desks of the organisations: who signs, how vouchers, documents and bank orders are numbered.

use crate::codes::Unit;
use crate::date::{Day, Month};
use crate::voucher::{BankRef, SimLine, SimVoucher, Value};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Lines of one voucher of ours: a message below 4 MiB, a voucher far below the limit of 20,000.
const VOUCHER_LINES: usize = 2_000;
/// From this total on a second official approves. Source: approval rule, first version.
const THRESHOLD_FEN: i64 = 5_000_000;
/// Kinds that a second official approves at any amount, of those that are made here.
pub(crate) const ALWAYS_APPROVED: [&str; 24] = [
    "OrganisationRegistered",
    "RoleGranted",
    "BaselineSet",
    "AreaRegistered",
    "HouseholdRegistered",
    "HouseholdMoved",
    "HouseholdSplit",
    "HouseholdExited",
    "HouseholdReturned",
    "HouseholdDissolved",
    "HouseholdRemoved",
    "HouseholdReinstated",
    "MemberMoved",
    "AccountBound",
    "AccountReleased",
    "ProjectRegistered",
    "TrancheOpened",
    "QuotaIssued",
    "QuotaReleased",
    "TransferSent",
    "TransferReturned",
    "FundsReturnedUp",
    "PeriodClosed",
    "Reversed",
];
/// Kinds that rest on a document, of those that are made here.
pub(crate) const DOCUMENTED: [&str; 12] = [
    "BaselineSet",
    "HouseholdRegistered",
    "HouseholdMoved",
    "HouseholdSplit",
    "HouseholdExited",
    "HouseholdReturned",
    "HouseholdDissolved",
    "HouseholdRemoved",
    "HouseholdReinstated",
    "TrancheOpened",
    "QuotaIssued",
    "QuotaReleased",
];
/// Kinds for which a document is given though none is asked for.
const DOCUMENT_GIVEN: [&str; 2] = ["OrganisationRegistered", "AreaRegistered"];

/// The number of an organisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Org(u32);

impl Org {
    /// The poverty office of the province, which `init` registers.
    pub(crate) const PO44: Org = Org(0);
    /// The finance bureau of the province, which `init` registers.
    pub(crate) const FB44: Org = Org(1);
}

/// What an organisation writes on a voucher.
struct Letterhead {
    name: Arc<str>,
    preparer: Arc<str>,
    approver: Arc<str>,
    document_prefix: &'static str,
    unit: Unit,
    month: Month,
    vouchers: u32,
}

/// A line that another line names: `organisation/voucher_no/line_no`.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    voucher: Arc<str>,
    line: u32,
}

impl Default for Reference {
    /// A line that is not posted yet.
    fn default() -> Reference {
        Reference { voucher: Arc::from(""), line: 0 }
    }
}

impl Reference {
    pub(crate) fn value(&self) -> Value {
        Value::Text(self.to_string())
    }

    /// `organisation/voucher_no` of the line.
    pub(crate) fn voucher(&self) -> Arc<str> {
        Arc::clone(&self.voucher)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.voucher, self.line)
    }
}

/// How a voucher differs from what its desk would write.
#[derive(Clone, Default)]
pub(crate) struct Form {
    /// The date it takes effect, where that is not the day it is posted.
    pub(crate) effective: Option<Day>,
    /// Why soft refusals are passed over; who approves then is a head of finance.
    pub(crate) exception: Option<&'static str>,
    pub(crate) preparer: Option<Arc<str>>,
    pub(crate) approver: Option<Arc<str>>,
}

/// The vouchers that one act became.
pub(crate) struct Posted {
    keys: Vec<Arc<str>>,
}

impl Posted {
    /// `organisation/voucher_no` of each voucher.
    pub(crate) fn keys(&self) -> &[Arc<str>] {
        &self.keys
    }

    /// The name of the line with this index among all lines of the act.
    pub(crate) fn reference(&self, index: usize) -> Reference {
        let voucher = Arc::clone(&self.keys[index / VOUCHER_LINES]);
        Reference { voucher, line: (index % VOUCHER_LINES) as u32 + 1 }
    }
}

/// All desks, and the vouchers that wait to be taken.
pub(crate) struct Desk {
    heads: Vec<Letterhead>,
    ready: VecDeque<SimVoucher>,
    bank_day: Day,
    bank_serial: u32,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        let (heads, ready) = (Vec::new(), VecDeque::new());
        let mut desk = Desk { heads, ready, bank_day: Day::from_days(0), bank_serial: 0 };
        desk.open("PO", Unit::PROVINCE, None);
        desk.open("FB", Unit::PROVINCE, None);
        desk
    }

    /// Opens the desk of `kind` and `unit`; a village committee's vouchers are approved in the town.
    pub(crate) fn open(&mut self, kind: &str, unit: Unit, approved_in: Option<Org>) -> Org {
        let lower = kind.to_lowercase();
        let approver = match approved_in {
            Some(org) => Arc::clone(&self.heads[org.0 as usize].approver),
            None => format!("a.{lower}{unit}").into(),
        };
        self.heads.push(Letterhead {
            name: format!("{kind}{unit}").into(),
            preparer: format!("p.{lower}{unit}").into(),
            approver,
            document_prefix: if kind == "PO" { "粤扶示" } else { "粤财示" },
            unit,
            month: Month { year: 0, month: 0 },
            vouchers: 0,
        });
        Org(self.heads.len() as u32 - 1)
    }

    pub(crate) fn name(&self, org: Org) -> Value {
        Value::Name(Arc::clone(&self.heads[org.0 as usize].name))
    }

    pub(crate) fn preparer(&self, org: Org) -> Value {
        Value::Name(Arc::clone(&self.heads[org.0 as usize].preparer))
    }

    pub(crate) fn approver(&self, org: Org) -> Value {
        Value::Name(Arc::clone(&self.heads[org.0 as usize].approver))
    }

    pub(crate) fn unit(&self, org: Org) -> Unit {
        self.heads[org.0 as usize].unit
    }

    /// The next voucher that is ready.
    pub(crate) fn take(&mut self) -> Option<SimVoucher> {
        self.ready.pop_front()
    }

    /// A reference for the next order at the bank. Days must not fall.
    pub(crate) fn bank_ref(&mut self, day: Day) -> BankRef {
        if self.bank_day < day {
            (self.bank_day, self.bank_serial) = (day, 0);
        }
        self.bank_serial += 1;
        BankRef { day, serial: self.bank_serial }
    }

    /// Posts the lines, all of one group, as one voucher or as several where there are many.
    pub(crate) fn post(&mut self, org: Org, day: Day, lines: Vec<SimLine>) -> Posted {
        self.post_pieces(org, day, lines, VOUCHER_LINES)
    }

    /// As [`Desk::post`], with pieces of another size; then `reference` may not be asked.
    pub(crate) fn post_pieces(
        &mut self,
        org: Org,
        day: Day,
        lines: Vec<SimLine>,
        piece: usize,
    ) -> Posted {
        let mut keys = Vec::new();
        let mut lines = lines.into_iter().peekable();
        while lines.peek().is_some() {
            let part: Vec<SimLine> = lines.by_ref().take(piece).collect();
            let voucher = self.sign(org, day, part, &Form::default());
            keys.push(format!("{}/{}", voucher.organisation, voucher.voucher_no).into());
            self.ready.push_back(voucher);
        }
        Posted { keys }
    }

    /// As [`Desk::post`] for a few lines, in another form than usual.
    pub(crate) fn post_as(
        &mut self,
        org: Org,
        day: Day,
        lines: Vec<SimLine>,
        form: &Form,
    ) -> Posted {
        let voucher = self.sign(org, day, lines, form);
        let key = format!("{}/{}", voucher.organisation, voucher.voucher_no).into();
        self.ready.push_back(voucher);
        Posted { keys: vec![key] }
    }

    fn sign(&mut self, org: Org, day: Day, lines: Vec<SimLine>, form: &Form) -> SimVoucher {
        let head = &mut self.heads[org.0 as usize];
        if head.month != day.month() {
            (head.month, head.vouchers) = (day.month(), 0);
        }
        head.vouchers += 1;
        let Month { year, month } = head.month;
        let number = head.vouchers;
        let total_fen = lines.iter().map(SimLine::amount_fen).sum();
        let any = |kinds: &[&str]| lines.iter().any(|line| kinds.contains(&line.kind));
        let documented = any(&DOCUMENTED) || any(&DOCUMENT_GIVEN);
        let approved = THRESHOLD_FEN <= total_fen
            || any(&ALWAYS_APPROVED)
            || form.exception.is_some()
            || form.approver.is_some();
        let maker = form.preparer.as_ref().unwrap_or(&head.preparer);
        let checker = form.approver.as_ref().unwrap_or(&head.approver);
        SimVoucher {
            organisation: Arc::clone(&head.name),
            voucher_no: format!("{year:04}-{month:02}-{number:03}").into(),
            posted: day,
            effective_date: form.effective.unwrap_or(day),
            doc_no: documented.then(|| {
                format!("{}〔{year}〕{}-{month:02}{number:03}号", head.document_prefix, head.unit)
            }),
            prepared_by: Arc::clone(maker),
            approved_by: approved.then(|| Arc::clone(checker)),
            exception_reason: form.exception.map(str::to_owned),
            total_fen,
            lines,
        }
    }
}
