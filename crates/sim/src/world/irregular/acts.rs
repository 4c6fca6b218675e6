//! What several makers do: bring money, pay, send back, reverse, bind, grant, close a month.

use super::{Case, World};
use crate::codes::{Token, Unit};
use crate::date::{Day, Month};
use crate::people::account_bound;
use crate::voucher::{BankAccount, BankRow, Direction, SimLine, Value};
use crate::world::desk::{Form, Org, Posted, Reference};
use crate::world::funds::bank_out;
use std::sync::Arc;

/// A unit that pays, and who posts for it.
#[derive(Clone, Copy)]
pub(super) struct Till {
    pub(super) unit: Unit,
    pub(super) org: Org,
    pub(super) city: u32,
    pub(super) county: u32,
}

/// One payment to a household.
#[derive(Clone, Copy)]
pub(super) struct Pay {
    pub(super) household: u32,
    /// The household's own account where none is given.
    pub(super) account: Option<Token>,
    pub(super) member: Option<u8>,
    pub(super) purpose: &'static str,
    pub(super) fen: i64,
}

impl Pay {
    /// Of a helping unit's money.
    pub(super) fn to(household: u32, fen: i64) -> Pay {
        Pay { household, account: None, member: None, purpose: "U02", fen }
    }
}

/// Purpose of a payment to a project from a helping unit's money.
pub(super) const TO_PROJECT: &str = "U01";

impl World {
    /// The town in which a household lives now.
    pub(super) fn town_of(&self, household: u32) -> Till {
        self.town_till(self.household(household).village)
    }

    /// The town of a village.
    pub(super) fn town_till(&self, village: u32) -> Till {
        Till { unit: self.town_unit(village), ..self.village_till(village) }
    }

    fn town_unit(&self, village: u32) -> Unit {
        let town = self.plan.villages()[village as usize].town;
        self.plan.towns()[town as usize].unit
    }

    /// A village's own account, for which the town posts.
    pub(super) fn village_till(&self, village: u32) -> Till {
        let town = self.plan.villages()[village as usize].town;
        let county = self.plan.towns()[town as usize].county;
        let city = self.plan.counties()[county as usize].city;
        let unit = self.village_unit(village);
        Till { unit, org: self.town_orgs[town as usize], city, county }
    }

    /// Households that live in a village and can be paid on their first account, so that no payment
    /// follows a change.
    pub(super) fn payable(&self, village: u32) -> Vec<u32> {
        let fits = |h: &u32| {
            let row = self.household(*h);
            let first = row.account == self.plan.tokens.account(u64::from(*h));
            row.lives() && !row.blocked && !row.split_off && first
        };
        self.residents[village as usize].iter().copied().filter(fits).collect()
    }

    /// Counts a record of a village that holds no honest money.
    fn book(&mut self, unit: Unit, effective: Day, fen: i64) {
        if 100_000_000_000 <= unit.digits() {
            let row = self.irregular.books.entry((unit, effective.month())).or_default();
            *row = (row.0 + 1, row.1 + fen);
        }
    }

    fn new_quota(&mut self, treasury: Unit, source: char, day: Day) -> Arc<str> {
        let serial = self.irregular.serials.entry((treasury, source)).or_default();
        *serial += 1;
        format!("Q{}-{treasury}-{source}{serial:05}", day.month().year % 100).into()
    }

    /// A helping unit issues a quota to a unit and sends the money; it has not arrived yet.
    pub(super) fn send_own(&mut self, case: &mut Case, till: Till, fen: i64, day: Day) {
        let seat = self.plan.cities()[till.city as usize].helper;
        let org = self.irregular.helping[&seat];
        self.send_new(case, (org, seat, "U", "unit"), till, fen, day);
    }

    fn send_new(
        &mut self,
        case: &mut Case,
        (org, treasury, source, programme): (Org, Unit, &'static str, &'static str),
        till: Till,
        fen: i64,
        day: Day,
    ) {
        case.quota = self.new_quota(treasury, source.chars().next().unwrap_or('U'), day);
        let home = self.plan.cities()[till.city as usize].unit;
        let fields = vec![
            ("quota", Value::Name(Arc::clone(&case.quota))),
            ("source", Value::Word(source)),
            ("treasury", Value::Unit(treasury)),
            ("home_city", Value::Unit(home)),
            ("programme", Value::Word(programme)),
            ("to_unit", Value::Unit(till.unit)),
            ("amount", Value::Fen(fen)),
        ];
        let issued = self.desk.post(org, day, vec![SimLine::new("QuotaIssued", fields)]);
        let bank_ref = self.desk.bank_ref(day);
        let fields = vec![
            ("quota", Value::Name(Arc::clone(&case.quota))),
            ("from", Value::Word("src")),
            ("to_unit", Value::Unit(till.unit)),
            ("bank_ref", Value::BankRef(bank_ref)),
            ("amount", Value::Fen(fen)),
        ];
        let row = bank_out(bank_ref, till.unit, fen);
        let line = SimLine::new("TransferSent", fields).with_bank(row);
        let sent = self.desk.post(org, day, vec![line]);
        case.reference = sent.reference(0);
        case.keys.extend_from_slice(issued.keys());
        case.keys.extend_from_slice(sent.keys());
    }

    /// What was sent last arrives.
    pub(super) fn arrive(&mut self, case: &mut Case, till: Till, fen: i64, day: Day) {
        let fields = vec![
            ("quota", Value::Name(Arc::clone(&case.quota))),
            ("ref", case.reference.value()),
            ("amount", Value::Fen(fen)),
        ];
        let bank_ref = self.desk.bank_ref(day);
        let account = BankAccount::Unit(till.unit);
        let row = BankRow { bank_ref, account, fen, direction: Direction::In, status: "ok" };
        let line = SimLine::new("TransferReceived", fields).with_bank(row);
        let posted = self.desk.post(till.org, day, vec![line]);
        self.book(till.unit, day, fen);
        case.keys.extend_from_slice(posted.keys());
    }

    /// A helping unit's money reaches a unit within the day.
    pub(super) fn fund(&mut self, case: &mut Case, till: Till, fen: i64, day: Day) {
        self.send_own(case, till, fen, day);
        self.arrive(case, till, fen, day);
    }

    /// Special money of the county itself, in the county; returns who pays from it.
    pub(super) fn fund_special(&mut self, case: &mut Case, till: Till, fen: i64, day: Day) -> Till {
        let org = self.county_bureaus[till.county as usize];
        let unit = self.desk.unit(org);
        let county = Till { unit, org, ..till };
        self.send_new(case, (org, unit, "S", "special"), county, fen, day);
        self.arrive(case, county, fen, day);
        county
    }

    /// Pays from the case's quota in one voucher and remembers its first line.
    pub(super) fn pay_case(
        &mut self,
        case: &mut Case,
        till: Till,
        pays: &[Pay],
        day: Day,
        form: &Form,
    ) -> Posted {
        let effective = form.effective.unwrap_or(day);
        let mut lines = Vec::with_capacity(pays.len());
        for pay in pays {
            let line = self.case_payment(case, till, pay, day);
            self.book(till.unit, effective, pay.fen);
            lines.push(line);
        }
        let posted = self.desk.post_as(till.org, day, lines, form);
        case.reference = posted.reference(0);
        case.keys.extend_from_slice(posted.keys());
        posted
    }

    fn case_payment(&mut self, case: &Case, till: Till, pay: &Pay, day: Day) -> SimLine {
        let account = pay.account.unwrap_or(self.household(pay.household).account);
        let bank_ref = self.desk.bank_ref(day);
        let mut fields = vec![
            ("quota", Value::Name(Arc::clone(&case.quota))),
            ("unit", Value::Unit(till.unit)),
            ("household", Value::Household(self.code(pay.household))),
        ];
        if let Some(no) = pay.member {
            fields.push(("member_no", Value::Number(u64::from(no))));
        }
        fields.push(("account", Value::Token(account)));
        fields.push(("purpose", Value::Word(pay.purpose)));
        fields.push(("bank_ref", Value::BankRef(bank_ref)));
        fields.push(("amount", Value::Fen(pay.fen)));
        let (fen, account) = (pay.fen, BankAccount::Payee(account));
        let row = BankRow { bank_ref, account, fen, direction: Direction::Out, status: "ok" };
        let line = SimLine::new("DisbursedToHousehold", fields);
        match self.slip(case, row, day) {
            Some(row) => line.with_bank(row),
            None => line,
        }
    }

    /// The bank's row of a case's payment; a few are not as the ledger has them, so that reconciling
    /// finds one of each kind.
    fn slip(&mut self, case: &Case, row: BankRow, day: Day) -> Option<BankRow> {
        match (case.flag, case.decoy) {
            // Two equal payments under references that the ledger does not know: ambiguous.
            (28, false) => Some(BankRow { bank_ref: self.desk.bank_ref(day), ..row }),
            (20, true) => Some(BankRow { fen: row.fen + 100, ..row }),
            (25, true) => None,
            // The bank paid somebody else: one row only here, one only there.
            (10, true) => {
                let account = BankAccount::Payee(self.new_account());
                let bank_ref = self.desk.bank_ref(day);
                Some(BankRow { account, bank_ref, fen: row.fen + 1, ..row })
            }
            _ => Some(row),
        }
    }

    /// Pays once, in the usual form.
    pub(super) fn pay_once(&mut self, case: &mut Case, till: Till, pay: Pay, day: Day) {
        self.pay_case(case, till, &[pay], day, &Form::default());
    }

    /// Brings the money of one payment to the household's town and pays it there.
    pub(super) fn fund_and_pay(&mut self, case: &mut Case, pay: Pay, day: Day) -> Till {
        let till = self.town_of(pay.household);
        self.fund(case, till, pay.fen, day);
        self.pay_once(case, till, pay, day);
        till
    }

    /// The bank returns what was paid last.
    pub(super) fn return_paid(&mut self, case: &mut Case, till: Till, fen: i64, day: Day) {
        let fields = vec![
            ("quota", Value::Name(Arc::clone(&case.quota))),
            ("ref", case.reference.value()),
            ("reason", Value::Word("wrong_number")),
            ("amount", Value::Fen(fen)),
        ];
        let account = BankAccount::Payee(self.household(case.household()).account);
        let bank_ref = self.desk.bank_ref(day);
        let row = BankRow { bank_ref, account, fen, direction: Direction::In, status: "returned" };
        let line = SimLine::new("PaymentReturned", fields).with_bank(row);
        let posted = self.desk.post(till.org, day, vec![line]);
        self.book(till.unit, day, fen);
        case.keys.extend_from_slice(posted.keys());
    }

    /// Reverses what was paid last.
    pub(super) fn reverse_paid(
        &mut self,
        case: &mut Case,
        till: Till,
        (reason, memo): (&'static str, &'static str),
        fen: i64,
        day: Day,
    ) {
        let fields = vec![
            ("ref", case.reference.value()),
            ("reason", Value::Word(reason)),
            ("memo", Value::Word(memo)),
            ("amount", Value::Fen(fen)),
        ];
        let posted = self.desk.post(till.org, day, vec![SimLine::new("Reversed", fields)]);
        self.book(till.unit, day, fen);
        case.keys.extend_from_slice(posted.keys());
    }

    /// Posts registry lines of a household's county.
    pub(super) fn registry(
        &mut self,
        case: &mut Case,
        household: u32,
        lines: Vec<SimLine>,
        day: Day,
        form: &Form,
    ) {
        let county = self.county_of_village(self.household(household).village);
        let org = self.county_offices[county as usize];
        let posted = self.desk.post_as(org, day, lines, form);
        case.keys.extend_from_slice(posted.keys());
    }

    /// An account that nobody has yet.
    pub(super) fn new_account(&mut self) -> Token {
        self.accounts += 1;
        self.plan.tokens.account(self.accounts - 1)
    }

    /// A person whom no register knows yet.
    pub(super) fn new_person(&mut self) -> Token {
        self.people += 1;
        self.plan.tokens.person(self.people - 1)
    }

    /// The person token of a member of the first register.
    pub(super) fn member_token(&self, household: u32, no: u8) -> Token {
        let first = u64::from(self.household(household).first_person);
        self.plan.tokens.person(first + u64::from(no) - 1)
    }

    /// The last member of the first register, who holds no account.
    pub(super) fn last_member(&self, household: u32) -> u8 {
        self.household(household).size
    }

    /// A bank account beside the one-card account.
    pub(super) fn bind_second(&self, household: u32, account: Token, holder: Token) -> SimLine {
        let mut line = account_bound(self.code(household), account, holder);
        for field in &mut line.fields {
            match field.0 {
                "account_kind" => field.1 = Value::Word("bank"),
                "primary" => field.1 = Value::Flag(false),
                _ => {}
            }
        }
        line
    }

    /// Notes that a member is in the household no more.
    pub(super) fn gone(&mut self, household: u32, no: u8) {
        self.household_mut(household).active &= !(1 << no);
    }

    /// Grants a role to an official, who has a person token.
    pub(super) fn grant(
        &mut self,
        case: &mut Case,
        org: Org,
        official: &Arc<str>,
        role: &'static str,
        person: Option<Token>,
        day: Day,
    ) {
        let mut fields = vec![
            ("official", Value::Name(Arc::clone(official))),
            ("organisation", self.desk.name(org)),
            ("role", Value::Word(role)),
            ("scope", Value::List(vec![Value::Unit(self.desk.unit(org))])),
        ];
        fields.extend(person.map(|token| ("person", Value::Token(token))));
        let posted = self.desk.post(Org::PO44, day, vec![SimLine::new("RoleGranted", fields)]);
        case.keys.extend_from_slice(posted.keys());
    }

    /// The form of an exception, which the town's head of finance approves.
    pub(super) fn exception(
        &mut self,
        case: &mut Case,
        till: Till,
        reason: &'static str,
        day: Day,
    ) -> Form {
        let head: Arc<str> = format!("h.tg{}", self.desk.unit(till.org)).into();
        if self.irregular.heads_of_finance.insert(self.desk.unit(till.org)) {
            self.grant(case, till.org, &head, "finance_head", None, day);
        }
        Form { exception: Some(reason), approver: Some(head), ..Form::default() }
    }

    /// Closes the months of a village up to one, with the control totals of its records.
    pub(super) fn close_months(&mut self, case: &mut Case, till: Till, upto: Month, day: Day) {
        let from = self.irregular.closed.insert(till.unit, upto);
        let months: Vec<_> = self
            .irregular
            .books
            .range((till.unit, MONTH_ZERO)..=(till.unit, upto))
            .map(|(&(_, month), &totals)| (month, totals))
            .filter(|&(month, _)| from.is_none_or(|closed| closed < month))
            .collect();
        for (month, (records, fen)) in months {
            let fields = vec![
                ("unit", Value::Unit(till.unit)),
                ("period", Value::Text(month.to_string())),
                ("records", Value::Number(records)),
                ("amount", Value::Fen(fen)),
            ];
            let line = SimLine::new("PeriodClosed", fields);
            let posted = self.desk.post(till.org, day, vec![line]);
            case.keys.extend_from_slice(posted.keys());
        }
    }
}

const MONTH_ZERO: Month = Month { year: 0, month: 0 };

/// `organisation/voucher_no/line_no`, as a record is spelled.
pub(super) fn record(reference: &Reference) -> String {
    reference.to_string()
}
