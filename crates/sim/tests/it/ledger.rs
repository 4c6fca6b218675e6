//! A naive ledger: plain maps, one function a kind, everything checked that a correct ledger refuses.
//! It reads the JSON lines and shares no code with the generator.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const KINDS: &str = include_str!("../../data/kinds.csv");
const PURPOSES: &str = include_str!("../../data/purposes.csv");
const AREAS: &str = include_str!("../../data/areas_guangdong.csv");
const THRESHOLD: i64 = 5_000_000;

/// A row of the kinds table.
pub(crate) struct Kind {
    pub(crate) no: u32,
    pub(crate) group: String,
    pub(crate) always_approved: bool,
    pub(crate) fields: Vec<(String, bool)>,
}

#[derive(Default)]
pub(crate) struct Household {
    pub(crate) state: String,
    pub(crate) village: String,
    pub(crate) class: String,
    /// Active members by number, with their token.
    pub(crate) active: BTreeMap<u64, String>,
    pub(crate) used_numbers: BTreeSet<u64>,
    pub(crate) split_off: bool,
    pub(crate) paid: i64,
    pub(crate) peak: usize,
    pub(crate) first: usize,
    pub(crate) heads: usize,
}

pub(crate) struct Sent {
    kind: &'static str,
    quota: String,
    sender: String,
    to: String,
    to_source: bool,
    date: String,
    pub(crate) open: i64,
}

struct Payment {
    quota: String,
    unit: String,
    household: String,
    fen: i64,
    left: i64,
    date: String,
    reversed: bool,
    organisation: String,
}

pub(crate) struct Quota {
    pub(crate) source: String,
    pub(crate) treasury: String,
    pub(crate) home: String,
    pub(crate) issuer: String,
    pub(crate) issued: i64,
    pub(crate) sent: i64,
}

struct Tranche {
    home: String,
    parts: [i64; 3],
    issued: [i64; 3],
}

#[derive(Default)]
pub(crate) struct Ledger {
    pub(crate) kinds: BTreeMap<String, Kind>,
    after_exit: BTreeMap<String, bool>,
    orgs: BTreeMap<String, (String, String)>,
    roles: BTreeMap<String, (String, Vec<(String, String)>)>,
    areas: BTreeMap<String, bool>,
    pub(crate) baselines: BTreeMap<String, i64>,
    planned: BTreeMap<String, i64>,
    charged: BTreeMap<String, [i64; 3]>,
    tranches: BTreeMap<String, Tranche>,
    pub(crate) quotas: BTreeMap<String, Quota>,
    pub(crate) right: BTreeMap<(String, String), i64>,
    pub(crate) hold: BTreeMap<(String, String), i64>,
    pub(crate) households: BTreeMap<String, Household>,
    persons: BTreeMap<String, String>,
    all_persons: BTreeSet<String>,
    accounts: BTreeMap<(String, String), bool>,
    all_accounts: BTreeSet<String>,
    pub(crate) sent: BTreeMap<String, Sent>,
    payments: BTreeMap<String, Payment>,
    bank_refs: BTreeMap<(String, String, String, String), i64>,
    keys: BTreeSet<String>,
    date: String,
    pub(crate) counts: BTreeMap<String, u64>,
    pub(crate) amounts: BTreeMap<String, i64>,
    pub(crate) purposes: BTreeMap<String, (u64, i64)>,
    pub(crate) vouchers: u64,
    pub(crate) lines: u64,
    pub(crate) exits: BTreeMap<String, u64>,
    pub(crate) whole_hundreds: u64,
    pub(crate) lines_of_payments: BTreeMap<usize, u64>,
}

/// One line with what its header says.
struct Line<'a> {
    key: String,
    org: &'a str,
    date: &'a str,
    fields: &'a Value,
}

impl Line<'_> {
    fn text(&self, name: &str) -> &str {
        self.fields[name].as_str().unwrap_or_else(|| panic!("{}: no {name}", self.key))
    }
    fn fen(&self) -> i64 {
        fen(&self.fields["amount_yuan"]).unwrap_or_else(|| panic!("{}: amount", self.key))
    }
}

fn fen(value: &Value) -> Option<i64> {
    let text = value.as_str()?;
    let (yuan, fen) = text.split_once('.')?;
    assert_eq!(fen.len(), 2);
    assert!(yuan == "0" || !yuan.starts_with('0'));
    Some(yuan.parse::<i64>().ok()? * 100 + fen.parse::<i64>().ok()?)
}

fn days(date: &str) -> i64 {
    let part = |i: usize| date.split('-').nth(i).unwrap().parse::<i64>().unwrap();
    let (y, m, d) = (part(0), part(1), part(2));
    let leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    let months = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    assert!((1..=12).contains(&m) && 1 <= d && d <= months[m as usize - 1], "{date}");
    let before = |y: i64| 365 * y + (y - 1) / 4 - (y - 1) / 100 + (y - 1) / 400;
    before(y) + months[..m as usize - 1].iter().sum::<i64>() + d
}

/// ISO 7064 MOD 11,10 over the 17 digits: the check must leave 1.
fn household_code_holds(code: &str) -> bool {
    let mut p = 10;
    for (i, c) in code.bytes().enumerate() {
        let s = (p + u32::from(c - b'0')) % 10;
        if i == 16 {
            return code.len() == 17 && s == 1;
        }
        p = if s == 0 { 10 } else { s } * 2 % 11;
    }
    false
}

fn token_holds(token: &str) -> bool {
    token.len() == 32 && token.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn short(area: &str) -> String {
    assert_eq!(area.len(), 12, "{area}");
    let cut = [(9, "000"), (6, "000"), (4, "00"), (2, "00")];
    let mut unit = area;
    for (len, zeros) in cut {
        if unit[len..] != *zeros {
            break;
        }
        unit = &unit[..len];
    }
    unit.to_owned()
}

fn parent(unit: &str) -> &str {
    match unit.len() {
        12 => &unit[..9],
        9 => &unit[..6],
        6 => &unit[..4],
        _ => &unit[..2],
    }
}

/// No digit run longer than 10, but in bank references, household codes and tokens.
fn memo_safe(text: &str) -> bool {
    !text.split(|c: char| !c.is_ascii_digit()).any(|run| 10 < run.len())
}

impl Ledger {
    pub(crate) fn new() -> Ledger {
        let mut ledger = Ledger::default();
        let (mut rows, mut quoted) = (Vec::new(), false);
        for line in KINDS.lines().skip(1) {
            let mut cells = vec![String::new()];
            for c in line.chars() {
                match c {
                    '"' => quoted = !quoted,
                    ',' if !quoted => cells.push(String::new()),
                    c => cells.last_mut().unwrap().push(c),
                }
            }
            rows.push(cells);
        }
        for row in rows {
            let fields = field_names(&row[7]);
            let kind = Kind {
                no: row[0].parse().unwrap(),
                group: row[3].clone(),
                always_approved: row[5] == "yes",
                fields,
            };
            ledger.kinds.insert(row[1].clone(), kind);
        }
        for line in PURPOSES.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            if cells[3] == "dev" && cells[6].starts_with("household") {
                ledger.after_exit.insert(cells[0].to_owned(), cells[7] == "yes");
            }
        }
        for line in AREAS.lines().skip(1) {
            let code = format!("{}000000", line.split(',').next().unwrap());
            ledger.areas.insert(short(&code), false);
        }
        for (org, kind) in [("PO44", "PO"), ("FB44", "FB"), ("OP44", "OP")] {
            ledger.orgs.insert(org.into(), (kind.into(), "44".into()));
        }
        for (official, org, roles) in [
            ("p.po44", "PO44", "rule_keeper registrar"),
            ("a.po44", "PO44", "rule_keeper registrar_approver"),
            ("p.fb44", "FB44", "preparer rule_keeper"),
            ("a.fb44", "FB44", "approver finance_head rule_keeper"),
        ] {
            let roles = roles.split(' ').map(|r| (r.to_owned(), "44".to_owned())).collect();
            ledger.roles.insert(official.into(), (org.into(), roles));
        }
        ledger
    }

    /// Posts one rendered voucher. Panics on whatever a correct ledger refuses.
    pub(crate) fn post(&mut self, text: &str) {
        let mut objects = text.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
        let header = objects.next().unwrap();
        let lines: Vec<Value> = objects.collect();
        let org = header["organisation"].as_str().unwrap();
        let no = header["voucher_no"].as_str().unwrap();
        let date = header["effective_date"].as_str().unwrap();
        let key = format!("{org}/{no}");
        self.check_header(&key, &header, &lines);
        let payments = lines.iter().filter(|l| l["kind"] == "DisbursedToHousehold").count();
        if 0 < payments {
            *self.lines_of_payments.entry(payments).or_default() += 1;
        }
        for (i, fields) in lines.iter().enumerate() {
            assert_eq!(fields["line_no"], i as u64 + 1);
            let line = Line { key: format!("{key}/{}", i + 1), org, date, fields };
            self.check_fields(&line);
            self.check_authority(&line, &header);
            self.apply(&line);
            let kind = line.text("kind").to_owned();
            *self.counts.entry(kind.clone()).or_default() += 1;
            *self.amounts.entry(kind).or_default() += fen(&fields["amount_yuan"]).unwrap_or(0);
        }
        self.vouchers += 1;
        self.lines += lines.len() as u64;
    }

    fn check_header(&mut self, key: &str, header: &Value, lines: &[Value]) {
        assert_eq!(header["type"], "voucher");
        let known = [
            "type",
            "organisation",
            "voucher_no",
            "effective_date",
            "doc_no",
            "prepared_by",
            "approved_by",
            "line_count",
            "total_yuan",
        ];
        assert!(header.as_object().unwrap().keys().all(|k| known.contains(&k.as_str())));
        assert!(self.keys.insert(key.to_owned()), "{key}: 1030");
        let date = header["effective_date"].as_str().unwrap();
        days(date);
        assert!(*self.date <= *date, "{key}: date falls");
        assert!("2016-06-04" <= date && date <= "2018-12-31", "{key}: 1022 1023");
        self.date = date.to_owned();
        assert!(!lines.is_empty() && lines.len() <= 20_000, "{key}: 1032 6001");
        assert_eq!(header["line_count"], lines.len() as u64, "{key}: 1010");
        let total: i64 = lines.iter().filter_map(|l| fen(&l["amount_yuan"])).sum();
        assert_eq!(fen(&header["total_yuan"]), Some(total), "{key}: 1011");
        let kinds: Vec<&Kind> =
            lines.iter().map(|l| &self.kinds[l["kind"].as_str().unwrap()]).collect();
        let group = |k: &Kind| k.group.clone();
        assert!(kinds.iter().all(|k| group(k) == group(kinds[0])), "{key}: 1012");
        let documented = |k: &&&Kind| matches!(k.no, 110..=119 | 201..=210 | 310..=314);
        if kinds.iter().any(|k| documented(&k)) {
            let doc = header["doc_no"].as_str().unwrap_or_else(|| panic!("{key}: 1026"));
            assert!(memo_safe(doc) && doc.chars().count() <= 64, "{key}: 1027");
        }
        let approval = kinds.iter().any(|k| k.always_approved) || THRESHOLD <= total;
        if approval {
            assert!(header["approved_by"].is_string(), "{key}: 5020");
        }
        assert_ne!(header["prepared_by"], header["approved_by"], "{key}: 5021");
        let mut same = BTreeSet::new();
        for line in lines.iter().filter(|l| l.get("bank_ref").is_some()) {
            let payee = line.get("household").unwrap_or(&line["to_unit"]);
            let parts = [
                &line["kind"],
                payee,
                &line["quota"],
                &line["purpose"],
                &line["amount_yuan"],
                &line["bank_ref"],
            ];
            assert!(same.insert(format!("{parts:?}")), "{key}: 1033");
        }
    }

    fn check_fields(&self, line: &Line<'_>) {
        let kind = &self.kinds[line.text("kind")];
        let given = line.fields.as_object().unwrap();
        for (name, value) in given {
            if ["type", "line_no", "kind", "memo"].contains(&name.as_str()) {
                continue;
            }
            let bare = name.strip_suffix("_yuan").unwrap_or(name);
            assert!(kind.fields.iter().any(|(f, _)| f == bare), "{}: 1015 {name}", line.key);
            if let Some(text) = value.as_str() {
                assert!(!text.is_empty(), "{}: {name} empty", line.key);
                let free_text = ["name_zh", "reason"].contains(&name.as_str());
                assert!(!free_text || memo_safe(text), "{}: 1027", line.key);
            }
        }
        for (name, required) in &kind.fields {
            let there = given.contains_key(name) || given.contains_key(&format!("{name}_yuan"));
            assert!(there || !required, "{}: 1018 {name}", line.key);
        }
        if let Some(code) = given.get("household") {
            assert!(household_code_holds(code.as_str().unwrap()), "{}: 1014", line.key);
        }
        if given.contains_key("amount_yuan") {
            assert!((1..=1_000_000_000_000_000).contains(&line.fen()), "{}: 1021 1029", line.key);
        }
    }

    /// The unit that the organisation must be allowed to post for.
    fn unit_of_account(&self, line: &Line<'_>) -> Vec<String> {
        let of = |name: &str| vec![line.text(name).to_owned()];
        let key = &line.key;
        let village = |name: &str| {
            let household = self.households.get(line.text(name));
            vec![household.unwrap_or_else(|| panic!("{key}: 2002")).village.clone()]
        };
        let quota = |name: &str| self.quotas.get(name).unwrap_or_else(|| panic!("{key}: 3017"));
        let sent = |name: &str| self.sent.get(name).unwrap_or_else(|| panic!("{key}: 3030"));
        let payment = |name: &str| self.payments.get(name).unwrap_or_else(|| panic!("{key}: 3060"));
        match line.text("kind") {
            "AreaRegistered" => vec![short(line.text("code"))],
            "HouseholdRegistered" => of("village"),
            "HouseholdMoved" => [village("household"), of("village")].concat(),
            "QuotaIssued" => of("treasury"),
            "QuotaReleased" | "FundsReturnedUp" => of("from_unit"),
            "TransferSent" if line.fields["from"] == "src" => {
                vec![quota(line.text("quota")).treasury.clone()]
            }
            "TransferSent" => of("from_unit"),
            "TransferReceived" => {
                let sent = sent(line.text("ref"));
                let treasury = &quota(&sent.quota).treasury;
                vec![if sent.to_source { treasury.clone() } else { sent.to.clone() }]
            }
            "TransferReturned" => vec![sent(line.text("ref")).sender.clone()],
            "DisbursedToHousehold" => of("unit"),
            "PaymentReturned" | "OverpaymentRepaid" | "Reversed" => {
                vec![payment(line.text("ref")).unit.clone()]
            }
            "OrganisationRegistered" | "RoleGranted" | "BaselineSet" | "TrancheOpened" => {
                vec!["44".to_owned()]
            }
            _ => village("household"),
        }
    }

    fn check_authority(&self, line: &Line<'_>, header: &Value) {
        let (kind, key) = (&self.kinds[line.text("kind")], &line.key);
        let (org_kind, org_unit) =
            &self.orgs.get(line.org).unwrap_or_else(|| panic!("{key}: 5010"));
        let (prepares, approves): (&[&str], &[&str]) = match kind.no {
            101..=146 => (&["registrar"], &["registrar_approver"]),
            201..=311 | 500..=505 => (&["rule_keeper"], &["rule_keeper"]),
            _ => (&["preparer"], &["approver", "finance_head"]),
        };
        match kind.no {
            201..=210 => assert!(["PO44", "FB44"].contains(&line.org), "{key}: 5012"),
            311 => assert_eq!(line.org, "FB44", "{key}: 5012"),
            500..=505 => assert_eq!(line.org, "PO44", "{key}: 5012"),
            _ => {}
        }
        let preparer = header["prepared_by"].as_str().unwrap();
        let holds = |official: &str, wanted: &[&str], unit: &str| {
            let (_, roles) =
                self.roles.get(official).unwrap_or_else(|| panic!("{key}: {official}"));
            roles.iter().any(|(r, s)| wanted.contains(&r.as_str()) && unit.starts_with(&**s))
        };
        assert_eq!(self.roles[preparer].0, line.org, "{key}: 5011");
        for unit in self.unit_of_account(line) {
            let may = match org_kind.as_str() {
                "FB" => unit == *org_unit,
                "TG" => unit == *org_unit || parent(&unit) == org_unit,
                "VC" => unit == *org_unit,
                "PO" => unit.starts_with(&**org_unit),
                _ => false,
            };
            assert!(may, "{key}: 5013 {} for {unit}", line.org);
            assert!(holds(preparer, prepares, &unit), "{key}: 5011");
            if let Some(approver) = header["approved_by"].as_str() {
                assert!(holds(approver, approves, &unit), "{key}: 5023 {approver} {unit}");
            }
        }
    }

    fn apply(&mut self, line: &Line<'_>) {
        match line.text("kind") {
            "OrganisationRegistered" | "RoleGranted" => self.access(line),
            "BaselineSet" => {
                let counties = line.fields["counties"].as_array().into_iter().flatten();
                let sum: i64 = counties.map(|c| c["heads"].as_i64().unwrap()).sum();
                let heads = line.fields["heads"].as_i64().unwrap();
                assert!(sum <= heads, "4013");
                assert!(self.baselines.insert(line.text("home_city").to_owned(), heads).is_none());
                assert_eq!(line.fields["version"], 1);
                assert!(line.text("as_of") <= line.date);
            }
            "AreaRegistered" => self.area(line),
            "HouseholdRegistered" => self.register(line),
            "AccountBound" => self.bind(line),
            "AccountReleased" => {
                let key = (line.text("household").to_owned(), line.text("account").to_owned());
                assert_eq!(self.accounts.insert(key, false), Some(true), "{}: 2030", line.key);
            }
            "TrancheOpened" => self.tranche(line),
            "QuotaIssued" => self.issue(line),
            "QuotaReleased" => self.release(line),
            "TransferSent" | "FundsReturnedUp" => self.send(line),
            "TransferReceived" | "TransferReturned" => self.arrive(line),
            "DisbursedToHousehold" => self.pay(line),
            "PaymentReturned" | "OverpaymentRepaid" | "Reversed" => self.take_back(line),
            _ => self.life(line),
        }
    }

    fn access(&mut self, line: &Line<'_>) {
        let name = line.text("organisation").to_owned();
        if line.text("kind") == "OrganisationRegistered" {
            let (kind, unit) = (line.text("org_kind"), line.text("unit"));
            assert_eq!(name, format!("{kind}{unit}"));
            let value = (kind.to_owned(), unit.to_owned());
            assert!(self.orgs.insert(name, value).is_none(), "{}: 5025", line.key);
            return;
        }
        let (kind, _) = &self.orgs.get(&name).expect("5010");
        let role = line.text("role");
        let allowed: &[&str] = match kind.as_str() {
            "FB" => &["preparer", "approver", "helper_finance"],
            "TG" => &["preparer", "approver"],
            "VC" => &["preparer"],
            "PO" => &["registrar", "registrar_approver"],
            _ => &[],
        };
        assert!(allowed.contains(&role), "{}: 5024", line.key);
        let entry = self
            .roles
            .entry(line.text("official").to_owned())
            .or_insert_with(|| (name.clone(), Vec::new()));
        assert_eq!(entry.0, name, "{}: 5024", line.key);
        for scope in line.fields["scope"].as_array().unwrap() {
            entry.1.push((role.to_owned(), scope.as_str().unwrap().to_owned()));
        }
    }

    fn area(&mut self, line: &Line<'_>) {
        let (code, up) = (short(line.text("code")), short(line.text("parent")));
        assert!(self.areas.contains_key(&up) && parent(&code) == up, "{}: 2012", line.key);
        let poor = line.fields["poor"] == true;
        assert!(!poor || code.len() == 12);
        assert!(self.areas.insert(code, poor).is_none(), "{}: 2011", line.key);
        assert!((1..=40).contains(&line.text("name_zh").chars().count()));
    }

    fn register(&mut self, line: &Line<'_>) {
        let code = line.text("household").to_owned();
        let village = line.text("village").to_owned();
        assert!(self.areas.contains_key(&village) && village.len() == 12, "{}: 2010", line.key);
        assert_eq!(code[..12], village);
        let causes = line.fields["causes"].as_array().unwrap();
        assert!((1..=3).contains(&causes.len()));
        let mut household = Household {
            state: "registered".to_owned(),
            village,
            class: line.text("class").to_owned(),
            ..Household::default()
        };
        for member in line.fields["members"].as_array().unwrap() {
            self.add_member(&mut household, &code, member);
        }
        household.first = household.active.len();
        household.heads = household.first;
        assert!(self.households.insert(code, household).is_none(), "{}: 2001", line.key);
    }

    fn add_member(&mut self, household: &mut Household, code: &str, member: &Value) {
        let (no, person) = (member["no"].as_u64().unwrap(), member["person"].as_str().unwrap());
        assert!(token_holds(person) && self.all_persons.insert(person.to_owned()));
        assert!(self.persons.insert(person.to_owned(), code.to_owned()).is_none(), "2021");
        assert!((1..=99).contains(&no) && household.used_numbers.insert(no));
        let born = member["birth_year"].as_u64().unwrap();
        assert!((1900..=2018).contains(&born));
        assert!(["m", "f"].contains(&member["sex"].as_str().unwrap()));
        assert!(
            ["full", "partial", "none", "minor", "elder"]
                .contains(&member["ability"].as_str().unwrap())
        );
        assert_eq!(member["dibao"], household.class == "dibao");
        assert!(member["student"].is_boolean() && member["insured"].is_boolean());
        assert_eq!(member.as_object().unwrap().len(), 8);
        household.active.insert(no, person.to_owned());
        household.peak = household.peak.max(household.active.len());
        assert!(household.active.len() <= 30, "2022");
    }

    fn bind(&mut self, line: &Line<'_>) {
        let code = line.text("household");
        let household = self.households.get(code).unwrap_or_else(|| panic!("{}: 2002", line.key));
        let holder = line.text("holder");
        assert!(household.active.values().any(|p| p == holder), "{}: 2031", line.key);
        let account = line.text("account").to_owned();
        assert!(token_holds(&account) && self.all_accounts.insert(account.clone()));
        let before = self.accounts.insert((code.to_owned(), account), true);
        assert_eq!(before, None, "{}: 2032", line.key);
    }

    fn life(&mut self, line: &Line<'_>) {
        let (kind, key) = (line.text("kind").to_owned(), line.key.clone());
        let code = line.text("household").to_owned();
        let mut household = self.households.remove(&code).unwrap_or_else(|| panic!("{key}: 2002"));
        let state = household.state.clone();
        let in_state = |allowed: &[&str]| {
            assert!(allowed.contains(&state.as_str()), "{key}: 2003 {state}");
        };
        match kind.as_str() {
            "MemberAdded" => {
                in_state(&["registered"]);
                assert!(!household.split_off);
                self.add_member(&mut household, &code, &line.fields["member"]);
            }
            "MemberDied" => {
                assert!(!household.split_off);
                let no = line.fields["no"].as_u64().unwrap();
                let person = household.active.remove(&no).unwrap_or_else(|| panic!("{key}: 2020"));
                self.persons.remove(&person);
                assert!(line.text("died") <= line.date, "{key}: 1024");
                days(line.text("died"));
            }
            "HouseholdMoved" => {
                let village = line.text("village");
                assert!(self.areas.contains_key(village), "{key}: 2010");
                assert_ne!(household.village, village, "{key}: 2004");
                household.village = village.to_owned();
            }
            "HouseholdSplit" => {
                in_state(&["registered", "exited"]);
                self.split(line, &mut household);
            }
            "HouseholdExited" => {
                in_state(&["registered"]);
                household.state = "exited".to_owned();
                assert_eq!(line.fields["year"].to_string(), line.date[..4]);
                *self.exits.entry(line.date[..4].to_owned()).or_default() += 1;
            }
            "HouseholdReturned" => {
                in_state(&["exited"]);
                household.state = "registered".to_owned();
            }
            "HouseholdDissolved" => {
                in_state(&["registered", "exited"]);
                assert!(household.active.is_empty());
                household.state = "dissolved".to_owned();
            }
            other => panic!("{key}: {other} is not expected"),
        }
        self.households.insert(code, household);
    }

    fn split(&mut self, line: &Line<'_>, household: &mut Household) {
        let code = line.text("new_household").to_owned();
        assert!(household_code_holds(&code), "{}: 1014", line.key);
        assert_eq!(code[..12], household.village);
        let members = line.fields["members"].as_array().unwrap();
        assert!(!members.is_empty() && members.len() < household.active.len(), "2023");
        let mut new = Household {
            state: household.state.clone(),
            village: household.village.clone(),
            class: household.class.clone(),
            split_off: true,
            heads: members.len(),
            ..Household::default()
        };
        household.heads -= members.len();
        for member in members {
            let no = member["no"].as_u64().unwrap_or_else(|| panic!("{}: 1019", line.key));
            assert_eq!(member.as_object().unwrap().len(), 1, "{}: 1015", line.key);
            let person = household.active.remove(&no).expect("2020");
            self.persons.insert(person.clone(), code.clone());
            new.active.insert(no, person);
        }
        new.peak = new.active.len();
        assert!(self.households.insert(code, new).is_none(), "{}: 2001", line.key);
    }

    fn tranche(&mut self, line: &Line<'_>) {
        let (id, home) = (line.text("tranche").to_owned(), line.text("home_city").to_owned());
        let year = line.fields["year"].as_u64().unwrap();
        assert!((2016..=2018).contains(&year), "3011");
        assert_eq!(line.date[..4], year.to_string());
        assert!(id.starts_with(&format!("T{}-{home}-", year % 100)));
        let planned = self.planned.entry(home.clone()).or_default();
        *planned += line.fen();
        let ceiling = self.baselines[&home] * 2_000_000;
        assert!(*planned <= ceiling, "{}: 3013", line.key);
        // 6:3:1 written out: floors, then the left-over fen to the largest remainders.
        let target = {
            let a = i128::from(*planned);
            let mut rows: Vec<(i128, usize, i128)> =
                [6, 3, 1].iter().enumerate().map(|(i, w)| (-(a * w % 10), i, a * w / 10)).collect();
            rows.sort_unstable();
            let mut left = a - rows.iter().map(|r| r.2).sum::<i128>();
            for row in &mut rows {
                row.2 += i128::from(0 < left);
                left -= 1;
            }
            rows.sort_by_key(|r| r.1);
            [rows[0].2 as i64, rows[1].2 as i64, rows[2].2 as i64]
        };
        let acc = self.charged.insert(home.clone(), target).unwrap_or_default();
        let parts = [target[0] - acc[0], target[1] - acc[1], target[2] - acc[2]];
        let tranche = Tranche { home, parts, issued: [0; 3] };
        assert!(self.tranches.insert(id, tranche).is_none(), "{}: 3010", line.key);
    }

    fn issue(&mut self, line: &Line<'_>) {
        let (key, home) = (&line.key, line.text("home_city").to_owned());
        let (source, treasury) = (line.text("source"), line.text("treasury"));
        let at = ["P", "H", "L"].iter().position(|s| *s == source).unwrap();
        let expected = match source {
            "P" => "44".to_owned(),
            "L" => home.clone(),
            _ => helper(&home),
        };
        assert_eq!(treasury, expected, "{key}: 3020");
        assert_eq!(line.text("to_unit"), home, "{key}: 3020");
        assert_eq!(line.text("programme"), "dev");
        let tranche = self.tranches.get_mut(line.text("tranche")).expect("3015");
        assert_eq!(tranche.home, home, "{key}: 3015");
        tranche.issued[at] += line.fen();
        assert!(tranche.issued[at] <= tranche.parts[at], "{key}: 3016");
        let id = line.text("quota").to_owned();
        let quota = Quota {
            source: source.to_owned(),
            treasury: treasury.to_owned(),
            home: home.clone(),
            issuer: line.org.to_owned(),
            issued: line.fen(),
            sent: 0,
        };
        assert!(self.quotas.insert(id.clone(), quota).is_none(), "{key}: 3014");
        *self.right.entry((home, id)).or_default() += line.fen();
    }

    fn take(
        map: &mut BTreeMap<(String, String), i64>,
        unit: &str,
        quota: &str,
        fen: i64,
        why: &str,
    ) {
        let balance = map.entry((unit.to_owned(), quota.to_owned())).or_default();
        *balance -= fen;
        assert!(0 <= *balance, "{why}: {unit} {quota} would have {balance}");
    }

    /// W03-W06 and W11-W14 are the same pairs of units.
    fn may_go_down(&self, from: &str, to: &str) -> bool {
        self.areas.contains_key(to)
            && match (from.len(), to.len()) {
                (4, 6) | (6, 9) | (9, 12) => to.starts_with(from),
                (6, 12) => to.starts_with(from) && self.areas[to],
                _ => false,
            }
    }

    fn release(&mut self, line: &Line<'_>) {
        let (from, to, quota) = (line.text("from_unit"), line.text("to_unit"), line.text("quota"));
        assert!(self.quotas.contains_key(quota), "{}: 3017", line.key);
        assert!(self.may_go_down(from, to), "{}: 3020", line.key);
        Self::take(&mut self.right, from, quota, line.fen(), &format!("{}: 3018", line.key));
        *self.right.entry((to.to_owned(), quota.to_owned())).or_default() += line.fen();
    }

    fn use_bank_ref(&mut self, line: &Line<'_>, sender: &str, payee: &str) {
        let reference = line.text("bank_ref");
        assert!(reference.is_ascii() && reference.len() <= 64);
        let key = (
            sender.to_owned(),
            payee.to_owned(),
            reference.to_owned(),
            line.text("quota").to_owned(),
        );
        let today = days(line.date);
        let before = self.bank_refs.insert(key, today);
        assert!(before.is_none_or(|d| 92 < today - d), "{}: 3023", line.key);
    }

    fn send(&mut self, line: &Line<'_>) {
        let (key, fen) = (line.key.clone(), line.fen());
        let (id, to) = (line.text("quota").to_owned(), line.text("to_unit").to_owned());
        let from_source = line.fields["from"] == "src";
        let to_source = line.fields["to"] == "src";
        let down = line.text("kind") == "TransferSent";
        let quota = self.quotas.get_mut(&id).unwrap_or_else(|| panic!("{key}: 3017"));
        let sender;
        if from_source {
            sender = "src".to_owned();
            assert_eq!(quota.issuer, line.org, "{key}: 5013");
            assert_eq!(to, quota.home, "{key}: 3020");
            quota.sent += fen;
            assert!(quota.sent <= quota.issued, "{key}: 3021");
        } else {
            sender = line.text("from_unit").to_owned();
            let allowed = if to_source {
                to == quota.treasury && sender == quota.home
            } else if down {
                self.may_go_down(&sender, &to)
            } else {
                self.may_go_down(&to, &sender)
            };
            assert!(allowed, "{key}: 3020 {sender} {to}");
            Self::take(&mut self.hold, &sender, &id, fen, &format!("{key}: 3022"));
        }
        self.use_bank_ref(line, &sender, &to);
        let sender = if from_source { self.quotas[&id].treasury.clone() } else { sender };
        let kind = if down { "320" } else { "343" };
        let date = line.date.to_owned();
        let sent = Sent { kind, quota: id, sender, to, to_source, date, open: fen };
        self.sent.insert(key, sent);
    }

    fn arrive(&mut self, line: &Line<'_>) {
        let key = &line.key;
        let sent = self.sent.get_mut(line.text("ref")).unwrap_or_else(|| panic!("{key}: 3030"));
        assert_eq!(sent.quota, line.text("quota"), "{key}: 3030");
        assert!(*sent.date <= *line.date, "{key}: 3031");
        sent.open -= line.fen();
        assert!(0 <= sent.open, "{key}: 3032");
        let unit = if line.text("kind") == "TransferReturned" {
            assert_eq!(sent.kind, "320");
            sent.sender.clone()
        } else {
            sent.to.clone()
        };
        if line.text("kind") == "TransferReceived" && sent.to_source {
            self.quotas.get_mut(&sent.quota).unwrap().sent -= line.fen();
        } else {
            *self.hold.entry((unit, sent.quota.clone())).or_default() += line.fen();
        }
    }

    fn pay(&mut self, line: &Line<'_>) {
        let (key, fen) = (line.key.clone(), line.fen());
        let (unit, code) = (line.text("unit").to_owned(), line.text("household").to_owned());
        let (quota, purpose) = (line.text("quota").to_owned(), line.text("purpose").to_owned());
        assert!(self.quotas.contains_key(&quota), "{key}: 3017");
        let household = self.households.get_mut(&code).unwrap_or_else(|| panic!("{key}: 2002"));
        if let Some(no) = line.fields["member_no"].as_u64() {
            assert!(household.active.contains_key(&no), "{key}: 2020");
        }
        let account = (code.clone(), line.text("account").to_owned());
        assert_eq!(self.accounts.get(&account), Some(&true), "{key}: 2030 3047 3048");
        let after_exit = *self.after_exit.get(&purpose).unwrap_or_else(|| panic!("{key}: 4020"));
        match household.state.as_str() {
            "registered" => {}
            "exited" => assert!(after_exit, "{key}: 3044"),
            other => panic!("{key}: 3043 {other}"),
        }
        assert!(!household.active.is_empty(), "{key}: 3045");
        assert!(matches!(unit.len(), 6 | 9 | 12), "{key}: 3020");
        assert!(household.village.starts_with(&unit), "{key}: 3020");
        household.paid += fen;
        Self::take(&mut self.right, &unit, &quota, fen, &format!("{key}: 3018"));
        Self::take(&mut self.hold, &unit, &quota, fen, &format!("{key}: 3022"));
        self.use_bank_ref(line, &unit, &code);
        let entry = self.purposes.entry(purpose).or_default();
        *entry = (entry.0 + 1, entry.1 + fen);
        self.whole_hundreds += u64::from(fen % 10_000 == 0);
        let payment = Payment {
            quota,
            unit,
            household: code,
            fen,
            left: fen,
            date: line.date.to_owned(),
            reversed: false,
            organisation: line.org.to_owned(),
        };
        self.payments.insert(key, payment);
    }

    fn take_back(&mut self, line: &Line<'_>) {
        let (key, fen) = (&line.key, line.fen());
        let paid = self.payments.get_mut(line.text("ref")).unwrap_or_else(|| panic!("{key}: 3060"));
        assert!(!paid.reversed, "{key}: 3060 3081");
        assert!(*paid.date <= *line.date, "{key}: 3031");
        if line.text("kind") == "Reversed" {
            assert_eq!((paid.left, fen), (paid.fen, paid.fen), "{key}: 3082 3083");
            assert_eq!(paid.organisation, line.org, "{key}: 5013");
            assert!((10..=500).contains(&line.text("memo").chars().count()), "{key}: 1028");
            assert!(
                ["amount", "payee", "quota", "purpose", "date", "duplicate", "not_done"]
                    .contains(&line.text("reason"))
            );
            paid.reversed = true;
        } else {
            assert_eq!(paid.quota, line.text("quota"), "{key}: 3060");
            let reasons: &[&str] = if line.text("kind") == "PaymentReturned" {
                &["account_closed", "name_mismatch", "wrong_number", "other"]
            } else {
                &["overpaid", "not_entitled", "recovered", "other"]
            };
            assert!(reasons.contains(&line.text("reason")));
        }
        paid.left -= fen;
        assert!(0 <= paid.left, "{key}: 3061");
        let place = (paid.unit.clone(), paid.quota.clone());
        *self.right.entry(place.clone()).or_default() += fen;
        *self.hold.entry(place).or_default() += fen;
        let household = self.households.get_mut(&paid.household).unwrap();
        household.paid -= fen;
        assert!(0 <= household.paid, "{key}: C.hh below zero");
    }
}

/// Names of the fields column with whether they are required: `a|b` are alternatives, `?` optional,
/// also at the end of what stands in brackets.
fn field_names(column: &str) -> Vec<(String, bool)> {
    let mut names: Vec<(String, bool)> = Vec::new();
    let mut depth = 0;
    for word in column.split(' ') {
        let outside = depth == 0;
        depth += word.matches('(').count() as i32 - word.matches(')').count() as i32;
        let head: String = word.chars().take_while(|c| !":(?=".contains(*c)).collect();
        let prose = ["in", "110"].contains(&head.as_str());
        if !outside {
            if depth == 0 && word.ends_with('?') {
                names.last_mut().unwrap().1 = false;
            }
        } else if !prose {
            let optional = word.contains('?') || head.contains('|') || word.starts_with("from(");
            names.extend(head.split('|').map(|name| (name.to_owned(), !optional)));
            // `from(src)|from_unit`
            if let Some((_, other)) = word.split_once(")|") {
                names.push((other.to_owned(), false));
            }
        }
    }
    names
}

fn helper(home: &str) -> String {
    let helper = match home {
        "4414" | "4418" => "4401",
        "4416" | "4415" => "4403",
        "4417" | "4409" => "4404",
        "4408" | "4453" => "4406",
        "4402" | "4452" => "4419",
        "4412" | "4451" => "4420",
        own => own,
    };
    helper.to_owned()
}
