//! Vouchers that could be posted: a small province, drawn from what the model holds.
//!
//! Lives here: the first vouchers of a sequence, a mostly legal next one, of every kind.
//! Lives elsewhere: spoiling one (`spoil`).
//!
//! Always: a sequence is a function of its seed.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::doc::{Doc, number, text};
use crate::form::{check_digit, padded};
use crate::model::{Model, days, on, plus};
use crate::money::{SOURCES, parts};

pub(crate) const CITIES: [&str; 3] = ["4414", "4418", "4405"];
pub(crate) const UNITS: [&str; 19] = [
    "4414",
    "4418",
    "4405",
    "441424",
    "441423",
    "441882",
    "440507",
    "441424901",
    "441424902",
    "441423901",
    "441882901",
    "440507901",
    "441424901201",
    "441424901202",
    "441424902201",
    "441423901201",
    "441882901201",
    "440507901201",
    "440106",
];
const POOR: [&str; 3] = ["441424901201", "441424902201", "440507901201"];
pub(crate) const PURPOSES: [&str; 17] = [
    "P01", "P02", "P03", "P04", "P05", "P06", "P07", "S01", "S02", "S03", "S04", "S05", "U01",
    "U02", "N01", "N99", "P02",
];

/// SplitMix64.
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len())].clone()) }
    }
}

/// What draws the next voucher.
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) day: String,
    pub(crate) count: u32,
    /// Whether dates go back on purpose.
    late: bool,
}

fn token(word: &str) -> String {
    let mut hex = String::new();
    word.bytes().for_each(|b| write!(hex, "{b:02x}").unwrap());
    hex.push_str(&"0".repeat(32));
    hex[..32].to_owned()
}

pub(crate) fn code(village: &str, serial: usize) -> String {
    let sixteen = format!("{village}{serial:04}");
    format!("{sixteen}{}", check_digit(&sixteen))
}

fn org_of(unit: &str) -> String {
    let kind = match unit.len() {
        12 => "VC",
        9 => "TG",
        _ => "FB",
    };
    format!("{kind}{unit}")
}

pub(crate) fn official(org: &str, letter: char) -> String {
    format!("{letter}.{}", org.to_lowercase())
}

fn number_of(path: &str, nth: usize) -> String {
    path.split('.').nth(nth).unwrap_or_default().to_owned()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rng: Rng(seed), day: "2016-07-01".into(), count: 0, late: false }
    }

    fn no(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}-{}", self.count)
    }

    /// A voucher of an organisation on a day, with what is always allowed: document, approver.
    fn by(&mut self, org: &str, approver: &str) -> Doc {
        let no = self.no("V");
        let date = self.date();
        let mut doc = Doc::new(org, &no, &date, &official(org, 'p'));
        doc.set("doc_no", "DOC-1").set("approved_by", approver);
        doc
    }

    fn money(&mut self, org: &str) -> Doc {
        let own = match org.get(..2).unwrap_or_default() {
            "VC" => format!("a.tg{}", &org[2..11]),
            _ => official(org, 'a'),
        };
        let approver = if self.rng.one_in(3) && org != "FB44" { "a.fb44".into() } else { own };
        self.by(org, &approver)
    }

    fn date(&mut self) -> String {
        let most = if self.rng.one_in(9) { 90 } else { 34 };
        let back = if self.late { self.rng.below(most) } else { 0 };
        plus(&self.day, -(back as i64))
    }

    /// A part of what is there, mostly all or much of it.
    fn part(&mut self, of: i128) -> i128 {
        let of = of.clamp(1, 900_000_000_000);
        match self.rng.below(6) {
            0 | 1 => of,
            2 => 1 + (of - 1) / 2,
            3 => of.min(1 + self.rng.below(999) as i128),
            4 => of.min(100 * (1 + self.rng.below(60_000) as i128)),
            _ => 1 + i128::from(self.rng.next() >> 8) % of,
        }
    }

    /// The first vouchers: organisations, officials, heads, areas, households, accounts, projects.
    pub(crate) fn first(&mut self) -> Vec<Doc> {
        let mut out = vec![self.officials()];
        for (home, heads) in [("4414", 146_217), ("4405", 52_025), ("4418", 90_000)] {
            let mut doc = self.by("PO44", "a.po44");
            doc.line(
                "BaselineSet",
                &json!({"version": 1, "home_city": home, "heads": heads,
                "as_of": "2016-06-20"}),
            );
            out.push(doc);
        }
        let mut areas = self.by("PO44", "a.po44");
        for unit in UNITS.iter().filter(|unit| unit.len() == 9) {
            areas.line(
                "AreaRegistered",
                &json!({"code": padded(unit), "name_zh": "镇",
                "parent": padded(&unit[..6])}),
            );
        }
        for unit in UNITS.iter().filter(|unit| unit.len() == 12) {
            areas.line(
                "AreaRegistered",
                &json!({"code": unit, "name_zh": "村",
                "parent": padded(&unit[..9]), "poor": POOR.contains(unit)}),
            );
        }
        out.push(areas);
        let mut houses = self.by("PO44", "a.po44");
        let mut accounts = self.by("PO44", "a.po44");
        let villages: Vec<&str> = UNITS.into_iter().filter(|unit| unit.len() == 12).collect();
        for (i, village) in villages.iter().cycle().take(10).enumerate() {
            let members: Vec<Value> =
                (1..=1 + i % 3).map(|no| member(no, &format!("first{i}-{no}"))).collect();
            let class = ["general", "dibao", "wubao"][i % 3];
            let household = code(village, 1 + i);
            houses.line(
                "HouseholdRegistered",
                &json!({"household": household, "village": village,
                "class": class, "causes": ["illness"], "members": members}),
            );
            accounts.line("AccountBound", &json!({"household": household,
                "account": token(&format!("acc{i}")), "account_kind": if i % 2 == 0 { "yikatong" } else { "bank" },
                "holder": token(&format!("first{i}-1")), "primary": true}));
        }
        out.extend([houses, accounts]);
        out.extend(self.endowed());
        for doc in &mut out {
            doc.state_totals();
        }
        out
    }

    /// Money that is there from the beginning, and two projects.
    fn endowed(&mut self) -> Vec<Doc> {
        let mut out = Vec::new();
        for (unit, source, treasury, programme) in [
            ("441424901201", "P", "44", "dev"),
            ("440507901201", "H", "4405", "dev"),
            ("441424", "S", "4414", "special"),
            ("441424901", "U", "440106", "unit"),
        ] {
            let quota = self.no("O");
            let mut doc = self.by(&org_of(unit), "a.fb44");
            doc.line(
                "OpeningBalance",
                &json!({"quota": quota, "source": source,
                "treasury": treasury, "home_city": &unit[..4], "programme": programme,
                "unit": unit, "issued": 40_000_000, "cash_in": 30_000_000, "paid_before": 1_000,
                "amount": 40_000_000}),
            );
            out.push(doc);
        }
        let mut doc = self.by("PO44", "a.po44");
        for unit in ["441424901201", "440507901201"] {
            doc.line(
                "ProjectRegistered",
                &json!({"project": format!("P{}-00001", &unit[..6]),
                "unit": unit, "purpose": "P04", "planned": 9_000_000, "operator": token("op"),
                "shares": [{"village": unit, "shares": 3},
                    {"household": code("441424901201", 1), "shares": 2}]}),
            );
        }
        out.push(doc);
        out
    }

    fn officials(&mut self) -> Doc {
        let mut doc = self.by("PO44", "a.po44");
        let finance =
            ["4401", "4403", "4414", "4418", "4405", "441424", "441423", "441882", "440507"];
        let mut orgs: Vec<(String, &str)> =
            finance.iter().map(|unit| (format!("FB{unit}"), *unit)).collect();
        for unit in UNITS.into_iter().filter(|unit| unit.len() > 6) {
            orgs.push((org_of(unit), unit));
        }
        for unit in ["4414", "4405", "441424", "441882"] {
            orgs.push((format!("PO{unit}"), unit));
        }
        orgs.extend([
            ("HU440106-07".into(), "440106"),
            ("DI44".into(), "44"),
            ("AU44".into(), "44"),
        ]);
        for (org, unit) in &orgs {
            doc.line(
                "OrganisationRegistered",
                &json!({"organisation": org, "org_kind": &org[..2], "unit": unit}),
            );
        }
        for (org, unit) in &orgs {
            let roles: &[(char, &str)] = match &org[..2] {
                "FB" | "TG" => &[('p', "preparer"), ('a', "approver"), ('h', "finance_head")],
                "HU" => &[('p', "preparer"), ('a', "approver")],
                "PO" => &[('p', "registrar"), ('a', "registrar_approver")],
                "DI" => &[('p', "inspector")],
                "AU" => &[('p', "auditor")],
                _ => &[('p', "preparer")],
            };
            for (letter, role) in roles {
                doc.line(
                    "RoleGranted",
                    &json!({"official": official(org, *letter),
                    "organisation": org, "role": role, "scope": [unit]}),
                );
            }
        }
        doc
    }

    /// The next voucher; `None` when the draw finds nothing to do.
    pub(crate) fn next(&mut self, model: &Model) -> Option<Doc> {
        if self.rng.one_in(2) {
            self.day = plus(&self.day, self.rng.below(9) as i64);
            if self.day.as_str() > "2019-11-30" {
                self.day = "2019-11-30".into();
            }
        }
        self.late = self.rng.one_in(6);
        if self.rng.one_in(12) {
            let mut doc = self.rare(model)?;
            return Some(std::mem::take(doc.state_totals()));
        }
        let draw = self.rng.below(100);
        let mut doc = self.draw(model, draw)?;
        if self.rng.one_in(4) {
            let second = self.draw(model, draw);
            if let Some(second) =
                second.filter(|s| s.head["organisation"] == doc.head["organisation"])
                && group(&second) == group(&doc)
            {
                for line in second.lines {
                    let kind = text(&line, "kind").to_owned();
                    let mut fields = line.clone();
                    fields.remove("line_no");
                    doc.line(&kind, &Value::Object(fields));
                }
            }
        }
        if self.rng.one_in(25) {
            let head = if matches!(draw, 64..=83) { "a.po44" } else { "a.fb44" };
            doc.set("exception_reason", "it has happened already").set("approved_by", head);
        }
        doc.state_totals();
        Some(doc)
    }

    fn draw(&mut self, model: &Model, draw: usize) -> Option<Doc> {
        match draw {
            0..=3 => self.tranche(),
            4..=8 => self.issue(model),
            9..=14 => self.release(model),
            15..=16 => self.withdraw(model),
            17..=23 => self.send(model),
            24..=31 => self.arrive(model),
            32..=33 => self.give_back(model),
            44..=46 => self.pay_project(model),
            47..=49 => self.benefit(model),
            50..=52 => self.refund(model),
            53..=55 => self.income(model),
            56..=60 => self.reverse(model),
            61 => self.opening(),
            62..=63 => self.books(model),
            64..=67 => self.household(model),
            68..=71 => self.state(model),
            72..=76 => self.member(model),
            77..=79 => self.account(model),
            80..=81 => self.project(model),
            82 => self.area(model),
            83 => self.loan(model),
            84..=87 => self.rule(model),
            88..=90 => self.access(model),
            _ => self.pay_household(model),
        }
    }

    /// What meets a refusal that a small change of a legal voucher seldom meets.
    fn rare(&mut self, model: &Model) -> Option<Doc> {
        let house = self.a_house(model)?;
        let day = self.day.clone();
        let mut doc = self.by("PO44", "a.po44");
        doc.set("effective_date", &day);
        let next = |key: &str| {
            model.rules.get(key).and_then(|v| v.last()).map_or(1, |last| fen(last.number + 1))
        };
        match self.rng.below(14) {
            0 => {
                let taken =
                    model.houses[&house].stays.iter().map(|stay| stay.no).max().unwrap_or(0);
                let first = usize::try_from(taken).unwrap() + 1;
                for no in first..(first + 31).min(99) {
                    let person = member(no, &format!("m{}-{no}", self.count));
                    doc.line(
                        "MemberAdded",
                        &json!({"household": house, "member": person, "reason": "omitted"}),
                    );
                }
            }
            1 => {
                let other = self.a_house(model)?;
                let stay = self.rng.pick(&model.active(&other, &day))?;
                let mut person = member(90, "x");
                person["person"] = json!(stay.person);
                doc.line(
                    "MemberAdded",
                    &json!({"household": house, "member": person, "reason": "return"}),
                );
            }
            2 => {
                let (home, end) = (self.rng.pick(&["*", "4418"])?, plus(&day, 20));
                doc.line(
                    "SchemeAdopted",
                    &json!({"version": next(&format!("SchemeAdopted {home}")),
                    "effective_to": end, "scheme": "GD", "home_code": home, "weights": [6, 3, 1],
                    "helper_share_borne_by": "paired_helper"}),
                );
            }
            3 => {
                doc.line(
                    "PairingAdopted",
                    &json!({"version": next("PairingAdopted 4418"),
                    "helper": "4401", "home": "4418", "mode": "paired",
                    "effective_to": plus(&day, 30)}),
                );
            }
            4 => {
                doc.line(
                    "BaselineSet",
                    &json!({"version": next("BaselineSet 4418"),
                    "home_city": "4418", "heads": 90_000, "as_of": "2016-06-20",
                    "counties": [{"unit": "441882", "heads": 90_000 + self.rng.below(2)}]}),
                );
            }
            5 => {
                let parent = self.rng.pick(&["441424000000", "441424901000", "440500000000"])?;
                let code = self.rng.pick(&["441424901201", "441424901401", "441424901402"])?;
                doc.line(
                    "AreaRegistered",
                    &json!({"code": code, "name_zh": "村", "parent": parent}),
                );
            }
            6 | 7 => {
                let unit = self.rng.pick(&UNITS[..18])?;
                doc = self.money(&org_of(unit));
                doc.set("effective_date", &day);
                let month = if self.rng.one_in(2) { &day[..7] } else { "2016-06" };
                doc.line(
                    "PeriodClosed",
                    &json!({"unit": unit, "period": month, "records": 0, "amount": 0}),
                );
            }
            8 => {
                let home = self.rng.pick(&["4401", "4417", "4418"])?;
                doc = self.by("FB44", "a.fb44");
                let id = format!("T17-{home}-{}", self.count);
                doc.line(
                    "TrancheOpened",
                    &json!({"tranche": id, "home_city": home, "year": 2017, "amount": 100}),
                );
            }
            9 => {
                let given: Vec<_> = model.of(&[332]).cloned().collect();
                let given = self.rng.pick(&given)?;
                doc = self.money(&org_of(&model.projects[given.text("project")].unit));
                doc.line(
                    "BenefitWithdrawn",
                    &json!({"project": given.text("project"),
                    "household": house, "amount": fen(given.amount)}),
                );
            }
            12 => {
                let always: Vec<&str> =
                    crate::table::ROWS.iter().filter(|row| row.approval).map(|r| r.name).collect();
                doc.line(
                    "ApprovalRuleAdopted",
                    &json!({"version": next("ApprovalRuleAdopted"),
                    "threshold_fen": self.rng.pick(&[5_000_000, 1_000_000])?, "always": always,
                    "self_approval": "never"}),
                );
                doc.line(
                    "FlagParametersAdopted",
                    &json!({"version": next("FlagParametersAdopted F01"), "flag": "F01",
                    "params": [{"name": "min_households", "value": 3}]}),
                );
            }
            13 if self.rng.one_in(2) => {
                doc.line(
                    "OrganisationRegistered",
                    &json!({"organisation": "FB4414", "org_kind": "FB", "unit": "4414"}),
                );
            }
            13 => {
                doc.line(
                    "SchemeAdopted",
                    &json!({"version": next("SchemeAdopted 4418"),
                    "scheme": "GD", "home_code": "4418", "weights": [0, 0, 0],
                    "helper_share_borne_by": "paired_helper"}),
                );
            }
            10 => {
                doc.line(
                    "RoleGranted",
                    &json!({"official": "p.fb4414", "organisation": "FB4414",
                    "role": self.rng.pick(&["preparer", "inspector"])?, "scope": ["4414"]}),
                );
                doc.line(
                    "RoleRevoked",
                    &json!({"official": "x.y", "organisation": "FB4414",
                    "role": "preparer"}),
                );
            }
            _ => {
                let loans: Vec<&String> = model.loans.keys().collect();
                let loan = self.rng.pick(&loans).cloned().unwrap_or("LOAN-0".into());
                doc.line(
                    "LoanRegistered",
                    &json!({"loan": loan, "household": house,
                    "bank": token("bank"), "principal": 5_000_000 + self.rng.below(2),
                    "months": 36 + self.rng.below(2), "rate_bp": 100, "start": day}),
                );
            }
        }
        Some(doc)
    }

    fn tranche(&mut self) -> Option<Doc> {
        let home = self.rng.pick(&CITIES)?;
        let mut doc = self.by("FB44", "a.fb44");
        let year = self.rng.pick(&[2016, 2017, 2018])?;
        let id = format!("T{}-{home}-{}", year - 2000, self.count);
        let most = self.rng.pick(&[9, 99, 1_000, 3_333_333_333, 60_000_000_000])?;
        let amount = self.part(most);
        doc.line(
            "TrancheOpened",
            &json!({"tranche": id, "home_city": home, "year": year,
            "amount": fen(amount)}),
        );
        Some(doc)
    }

    fn issue(&mut self, model: &Model) -> Option<Doc> {
        let id = self.no("Q");
        if self.rng.one_in(4) {
            let unit = self.rng.pick(&["441424901201", "441424901", "441424", "440507901"])?;
            let mut doc = self.by("HU440106-07", "a.hu440106-07");
            let amount = self.part(5_000_000);
            doc.line("QuotaIssued", &json!({"quota": id, "source": "U", "treasury": "440106",
                "home_city": &unit[..4], "programme": "unit", "to_unit": unit, "amount": fen(amount)}));
            return Some(doc);
        }
        if self.rng.one_in(4) {
            let unit = self.rng.pick(&["4414", "441424", "4405", "441882"])?;
            let mut doc = self.money(&format!("FB{}", &unit[..4]));
            let amount = self.part(50_000_000);
            doc.line("QuotaIssued", &json!({"quota": id, "source": "S", "treasury": &unit[..4],
                "home_city": &unit[..4], "programme": "special", "to_unit": unit, "amount": fen(amount)}));
            return Some(doc);
        }
        let open: Vec<_> = model.of(&[311]).cloned().collect();
        let tranche = self.rng.pick(&open)?;
        let i = self.rng.below(3);
        let (source, home) = (SOURCES[i], tranche.text("home_city"));
        let treasury = match source {
            "P" => "44".to_owned(),
            "H" => model.helper(home, &self.day)?.to_owned(),
            _ if self.rng.one_in(3) => self.rng.pick(&["441424", "440507", "441882"])?.to_owned(),
            _ => home.to_owned(),
        };
        let to = match source {
            "P" if self.rng.one_in(4) => "441423".to_owned(),
            "L" => treasury.clone(),
            _ => home.to_owned(),
        };
        let owed = model.balance(&format!("Q.owed.{source}.{home}")).min(parts(&tranche)[i]);
        let amount = self.part(owed);
        let mut doc = self.money(&format!("FB{treasury}"));
        doc.line(
            "QuotaIssued",
            &json!({"quota": id, "source": source, "treasury": treasury,
            "home_city": home, "tranche": tranche.text("tranche"), "programme": "dev",
            "to_unit": to, "amount": fen(amount)}),
        );
        Some(doc)
    }

    /// An account of a class with something on it: unit, quota, balance.
    fn funded(&mut self, model: &Model, class: &str) -> Option<(String, String, i128)> {
        let found: Vec<_> =
            model.balances.iter().filter(|(p, fen)| p.starts_with(class) && **fen > 0).collect();
        let (path, fen) = self.rng.pick(&found)?;
        Some((number_of(path, 2), number_of(path, 3), *fen))
    }

    fn below(&mut self, unit: &str) -> Option<String> {
        let under: Vec<&str> = UNITS
            .into_iter()
            .filter(|u| u.starts_with(unit) && *u != unit)
            .filter(|u| u.len() - unit.len() <= 3 || (unit.len() == 6 && POOR.contains(u)))
            .collect();
        self.rng.pick(&under).map(str::to_owned)
    }

    fn above(&mut self, unit: &str) -> String {
        match unit.len() {
            12 if self.rng.one_in(2) => unit[..6].into(),
            12 => unit[..9].into(),
            9 => unit[..6].into(),
            _ => unit[..unit.len().min(4)].into(),
        }
    }

    fn release(&mut self, model: &Model) -> Option<Doc> {
        let (from, quota, fen_) = self.funded(model, "Q.quota.")?;
        let to = self.below(&from)?;
        let amount = self.part(fen_);
        let mut doc = self.money(&org_of(&from));
        doc.line(
            "QuotaReleased",
            &json!({"quota": quota, "from_unit": from, "to_unit": to,
            "amount": fen(amount)}),
        );
        Some(doc)
    }

    fn withdraw(&mut self, model: &Model) -> Option<Doc> {
        let (from, quota, left) = self.funded(model, "Q.quota.")?;
        let def = model.quota(&quota)?;
        let top = def.text(if def.no == 310 { "unit" } else { "to_unit" }) == from;
        let org = if top { def.note.clone() } else { org_of(&self.above(&from)) };
        let amount = self.part(left);
        let mut doc = self.money(&org);
        doc.line(
            "QuotaWithdrawn",
            &json!({"quota": quota, "from_unit": from, "amount": fen(amount)}),
        );
        Some(doc)
    }

    fn send(&mut self, model: &Model) -> Option<Doc> {
        let bank_ref = format!("B{}", self.rng.below(400));
        if self.rng.one_in(2) {
            let quotas: Vec<_> = model.of(&[310, 312]).cloned().collect();
            let def = self.rng.pick(&quotas)?;
            let to = def.text(if def.no == 310 { "unit" } else { "to_unit" }).to_owned();
            let quota = def.text("quota");
            let source = format!("C.src.{}.{}.{quota}", def.text("source"), def.text("treasury"));
            let open = model.issued_net(&def) + model.balance(&source);
            let amount = self.part(open);
            let mut doc = self.money(&def.note);
            doc.line(
                "TransferSent",
                &json!({"quota": quota, "from": "src", "to_unit": to,
                "bank_ref": bank_ref, "amount": fen(amount)}),
            );
            return Some(doc);
        }
        let (from, quota, left) = self.funded(model, "C.hold.")?;
        let to = self.below(&from)?;
        let amount = self.part(left);
        let mut doc = self.money(&org_of(&from));
        doc.line(
            "TransferSent",
            &json!({"quota": quota, "from_unit": from, "to_unit": to,
            "bank_ref": bank_ref, "amount": fen(amount)}),
        );
        Some(doc)
    }

    /// A record's position or its name.
    fn reference(&mut self, rec: &crate::model::Rec) -> String {
        if self.rng.one_in(2) { rec.seq.to_string() } else { rec.name.clone() }
    }

    fn arrive(&mut self, model: &Model) -> Option<Doc> {
        let open: Vec<_> =
            model.of(&[320, 343]).filter(|rec| 0 < model.under_way(rec)).cloned().collect();
        let sent = self.rng.pick(&open)?;
        let def = model.quota(sent.text("quota"))?;
        let returned = self.rng.one_in(6);
        let source =
            if returned { sent.text("from_unit").is_empty() } else { sent.text("to") == "src" };
        let unit = sent.text(if returned { "from_unit" } else { "to_unit" });
        let org = if source { def.note.clone() } else { org_of(unit) };
        let amount = self.part(model.under_way(&sent));
        let reference = self.reference(&sent);
        let mut doc = self.money(&org);
        let kind = if returned { "TransferReturned" } else { "TransferReceived" };
        doc.line(
            kind,
            &json!({"quota": sent.text("quota"), "ref": reference, "amount": fen(amount)}),
        );
        Some(doc)
    }

    fn give_back(&mut self, model: &Model) -> Option<Doc> {
        let (from, quota, left) = self.funded(model, "C.hold.")?;
        let amount = self.part(left);
        let def = model.quota(&quota)?;
        let bank_ref = format!("B{}", self.rng.below(400));
        let mut doc = self.money(&org_of(&from));
        let mut line = json!({"quota": quota, "from_unit": from, "bank_ref": bank_ref,
            "amount": fen(amount)});
        if def.text("to_unit") == from || def.text("unit") == from || from.len() == 4 {
            line["to"] = json!("src");
            line["to_unit"] = json!(def.text("treasury"));
        } else {
            line["to_unit"] = json!(self.above(&from));
        }
        doc.line("FundsReturnedUp", &line);
        Some(doc)
    }

    fn payer(&mut self, model: &Model) -> Option<(String, String, i128)> {
        let found: Vec<_> = model
            .balances
            .iter()
            .filter(|(p, fen)| p.starts_with("C.hold.") && **fen > 0 && number_of(p, 2).len() > 4)
            .map(|(p, fen)| (number_of(p, 2), number_of(p, 3), *fen))
            .filter(|(u, q, _)| 0 < model.balance(&format!("Q.quota.{u}.{q}")))
            .collect();
        self.rng.pick(&found)
    }

    fn pay_household(&mut self, model: &Model) -> Option<Doc> {
        let (unit, quota, cash) = self.payer(model)?;
        let mut houses: Vec<String> = model.houses.keys().cloned().collect();
        if !self.rng.one_in(12) {
            houses.retain(|code| model.village(code, &self.day).starts_with(&unit));
        }
        let household = self.rng.pick(&houses)?;
        let mut accounts: Vec<_> = model.bindings.iter().collect();
        if !self.rng.one_in(10) {
            accounts.retain(|b| b.household == household);
        }
        let account = self.rng.pick(&accounts)?.account.clone();
        let def = model.quota(&quota)?;
        let fit: &[&str] = match def.text("programme") {
            _ if self.rng.one_in(8) => &PURPOSES,
            "dev" => &["P01", "P02", "P03", "P05", "P06", "P07"],
            "special" => &["S01", "S02", "S03", "S04"],
            _ => &["U02"],
        };
        let purpose = self.rng.pick(fit)?;
        let most = cash.min(model.balance(&format!("Q.quota.{unit}.{quota}"))).min(800_000);
        let amount = self.part(most);
        let bank_ref = format!("B{}", self.rng.below(60));
        let mut doc = self.money(&org_of(&unit));
        if amount < 5_000_000 && self.rng.one_in(2) {
            doc.set("approved_by", "");
        }
        let mut line = json!({"quota": quota, "unit": unit, "household": household,
            "account": account, "purpose": purpose, "bank_ref": bank_ref, "amount": fen(amount)});
        if self.rng.one_in(5) {
            let stays = &model.houses[&household].stays;
            line["member_no"] = json!(fen(self.rng.pick(stays)?.no));
        }
        if purpose == "P05" {
            let loans: Vec<&String> = model
                .loans
                .iter()
                .filter(|(_, loan)| loan.household == household)
                .map(|(id, _)| id)
                .collect();
            line["loan"] = json!(self.rng.pick(&loans)?);
        }
        doc.line("DisbursedToHousehold", &line);
        Some(doc)
    }

    fn pay_project(&mut self, model: &Model) -> Option<Doc> {
        let (unit, quota, cash) = self.payer(model)?;
        let projects: Vec<&String> = model
            .projects
            .iter()
            .filter(|(_, p)| p.unit.starts_with(&unit))
            .map(|(id, _)| id)
            .collect();
        let project = self.rng.pick(&projects)?;
        let purpose = match model.quota(&quota)?.text("programme") {
            "dev" => self.rng.pick(&["P04", "P02", "P07"])?,
            "special" => "S05",
            _ => "U01",
        };
        let amount = self.part(cash.min(model.balance(&format!("Q.quota.{unit}.{quota}"))));
        let bank_ref = format!("B{}", self.rng.below(60));
        let mut doc = self.money(&org_of(&unit));
        doc.line(
            "DisbursedToProject",
            &json!({"quota": quota, "unit": unit, "project": project,
            "purpose": purpose, "bank_ref": bank_ref, "amount": fen(amount)}),
        );
        Some(doc)
    }

    /// A household or a village, by its field.
    fn target(&mut self, model: &Model, line: &mut Value) -> Option<()> {
        if self.rng.one_in(3) {
            line["village"] = json!(self.rng.pick(&["441424901201", "440507901201"])?);
        } else {
            let houses: Vec<&String> = model.houses.keys().collect();
            line["household"] = json!(self.rng.pick(&houses)?);
        }
        Some(())
    }

    fn benefit(&mut self, model: &Model) -> Option<Doc> {
        if self.rng.one_in(4) {
            let given: Vec<_> = model.of(&[332]).cloned().collect();
            let given = self.rng.pick(&given)?;
            let project = given.text("project");
            let amount = self.part(given.amount);
            let mut line = json!({"project": project, "amount": fen(amount)});
            for field in ["household", "village"] {
                if !given.text(field).is_empty() {
                    line[field] = json!(given.text(field));
                }
            }
            let mut doc = self.money(&org_of(&model.projects[project].unit));
            doc.line("BenefitWithdrawn", &line);
            return Some(doc);
        }
        let (project, _, open) = self.funded(model, "B.open.")?;
        let amount = self.part(open);
        let mut line = json!({"project": project, "amount": fen(amount)});
        self.target(model, &mut line)?;
        let mut doc = self.money(&org_of(&model.projects[&project].unit));
        doc.line("BenefitAttributed", &line);
        Some(doc)
    }

    fn refund(&mut self, model: &Model) -> Option<Doc> {
        let paid: Vec<_> = model.of(&[330, 331]).cloned().collect();
        let paid = self.rng.pick(&paid)?;
        let left = paid.amount - model.against(paid.seq, &[340, 341, 342]);
        let (kind, reason) = match paid.no {
            331 => ("ProjectSurplusReturned", "surplus"),
            _ if self.rng.one_in(2) => ("PaymentReturned", "wrong_number"),
            _ => ("OverpaymentRepaid", "overpaid"),
        };
        let most = match paid.no {
            331 => left.min(model.balance(&format!("B.open.{}", paid.text("project")))),
            _ => left,
        };
        let amount = self.part(most);
        let reference = self.reference(&paid);
        let mut doc = self.money(&org_of(paid.text("unit")));
        doc.line(
            kind,
            &json!({"quota": paid.text("quota"), "ref": reference, "reason": reason,
            "amount": fen(amount)}),
        );
        Some(doc)
    }

    fn income(&mut self, model: &Model) -> Option<Doc> {
        let ids: Vec<String> = model.projects.keys().cloned().collect();
        let id = self.rng.pick(&ids)?;
        let mut doc = self.money(&org_of(&model.projects[&id].unit));
        let due = model.balance(&format!("I.due.{id}"));
        if due == 0 || self.rng.one_in(3) {
            let amount = self.part(800_000);
            doc.line(
                "IncomeDeclared",
                &json!({"project": id, "period": &self.day[..7],
                "amount": fen(amount)}),
            );
            return Some(doc);
        }
        let amount = self.part(due);
        let mut line = json!({"project": id, "amount": fen(amount)});
        let shares = on(&model.projects[&id].shares, &self.day).cloned().unwrap_or_default();
        let holders: Vec<String> = shares.keys().cloned().collect();
        let holder = self.rng.pick(&holders)?;
        if holder.len() == 17 {
            line["household"] = json!(holder);
            let accounts: Vec<_> =
                model.bindings.iter().filter(|b| b.household == holder).collect();
            if let (Some(binding), true) = (self.rng.pick(&accounts), self.rng.one_in(2)) {
                line["account"] = json!(binding.account);
            }
        } else {
            line["village"] = json!(holder);
        }
        doc.line("IncomeDistributed", &line);
        Some(doc)
    }

    fn reverse(&mut self, model: &Model) -> Option<Doc> {
        let recs: Vec<_> =
            model.recs.iter().filter(|r| (310..=361).contains(&r.no) && r.no != 350).collect();
        // Mostly one of the last: older ones have what depends on them.
        let from = if self.rng.one_in(3) { 0 } else { recs.len().saturating_sub(12) };
        let old = self.rng.pick(&recs[from..])?;
        let reference = self.reference(old);
        let mut doc = self.money(&old.org);
        doc.line(
            "Reversed",
            &json!({"ref": reference, "reason": "amount",
            "memo": "typed by mistake, see file", "amount": fen(old.amount)}),
        );
        Some(doc)
    }

    fn opening(&mut self) -> Option<Doc> {
        let unit = self.rng.pick(&["4414", "441424", "441882", "440507901", "441424901201"])?;
        let quota = self.no("O");
        let (source, treasury, programme) = self.rng.pick(&[
            ("P", "44", "dev"),
            ("H", "4401", "dev"),
            ("U", "440106", "unit"),
            ("S", "4414", "special"),
        ])?;
        let issued = self.part(9_000_000);
        let cash = self.part(issued);
        let paid = self.part(cash);
        let mut doc = self.money(&org_of(unit));
        doc.line(
            "OpeningBalance",
            &json!({"quota": quota, "source": source, "treasury": treasury,
            "home_city": &unit[..4], "programme": programme, "unit": unit, "issued": fen(issued),
            "cash_in": fen(cash), "paid_before": fen(paid), "amount": fen(issued)}),
        );
        Some(doc)
    }

    fn books(&mut self, model: &Model) -> Option<Doc> {
        let unit = self.rng.pick(&UNITS[..18])?;
        let mut doc = self.money(&org_of(unit));
        doc.set("effective_date", &self.day.clone());
        if self.rng.one_in(3) {
            let quota = self.funded(model, "C.hold.").map_or("*".into(), |(_, quota, _)| quota);
            let amount = self.rng.below(3) as i64 * 100;
            doc.line(
                "BalanceAsserted",
                &json!({"unit": unit, "quota": quota, "date": self.day,
                "amount": amount}),
            );
            return Some(doc);
        }
        let kept = |month: &str| -> (usize, i128) {
            let recs = model.recs.iter().filter(|r| {
                (310..=361).contains(&r.no) && r.unit == unit && r.date.starts_with(month)
            });
            recs.fold((0, 0), |(n, sum), rec| (n + 1, sum + rec.amount))
        };
        let last = model.closed.get(unit).cloned().unwrap_or_default();
        let mut months: Vec<String> = model
            .recs
            .iter()
            .filter(|r| (310..=361).contains(&r.no) && r.unit == unit)
            .map(|r| r.date[..7].to_owned())
            .filter(|month| *month > last && month[..] < self.day[..7])
            .collect();
        months.sort();
        let month = months.first()?;
        let (records, sum) = kept(month);
        doc.line(
            "PeriodClosed",
            &json!({"unit": unit, "period": month, "records": records,
            "amount": fen(sum)}),
        );
        Some(doc)
    }

    fn registry(&mut self, unit: &str) -> Doc {
        let near = if unit.starts_with("4414") { "PO4414" } else { "PO44" };
        let near = if unit.starts_with("441424") && self.rng.one_in(2) { "PO441424" } else { near };
        let org = if self.rng.one_in(3) { "PO44" } else { near };
        self.by(org, "a.po44")
    }

    fn household(&mut self, model: &Model) -> Option<Doc> {
        let date = self.day.clone();
        let village = self.rng.pick(&UNITS[12..18])?;
        let serial = 100 + self.count as usize;
        let house = self.a_house(model)?;
        let at = model.village(&house, &date);
        match self.rng.below(6) {
            0 | 1 => {
                let mut doc = self.registry(village);
                let members: Vec<Value> = (1..=1 + self.rng.below(4))
                    .map(|no| member(no, &format!("p{serial}-{no}")))
                    .collect();
                let class = self.rng.pick(&["general", "dibao", "wubao"])?;
                doc.line(
                    "HouseholdRegistered",
                    &json!({"household": code(village, serial),
                    "village": village, "class": class, "causes": ["no_skill", "illness"],
                    "members": members}),
                );
                Some(doc)
            }
            2 => {
                let mut doc = self.registry(&at);
                let class = self.rng.pick(&["general", "dibao", "wubao"])?;
                doc.line("HouseholdAmended", &json!({"household": house, "class": class}));
                Some(doc)
            }
            3 => {
                let mut doc = self.by("PO44", "a.po44");
                doc.line("HouseholdMoved", &json!({"household": house, "village": village}));
                Some(doc)
            }
            4 => {
                let mut doc = self.registry(&at);
                let stays = model.active(&house, &date);
                let no = self.rng.pick(&stays)?.no;
                doc.line(
                    "HouseholdSplit",
                    &json!({"household": house,
                    "new_household": code(&at, serial), "members": [{"no": fen(no)}]}),
                );
                Some(doc)
            }
            _ => {
                let other = self.a_house(model)?;
                let mut doc = self.by("PO44", "a.po44");
                doc.line("HouseholdsMerged", &json!({"into": house, "from": other}));
                Some(doc)
            }
        }
    }

    fn a_house(&mut self, model: &Model) -> Option<String> {
        let houses: Vec<String> = model.houses.keys().cloned().collect();
        self.rng.pick(&houses)
    }

    fn state(&mut self, model: &Model) -> Option<Doc> {
        let house = self.a_house(model)?;
        let at = model.village(&house, &self.day);
        let mut doc = self.registry(&at);
        let year: i64 = self.day[..4].parse().unwrap();
        let fits: &[&str] = match model.state(&house, &self.day) {
            "registered" => {
                &["HouseholdExited", "HouseholdExited", "HouseholdRemoved", "HouseholdDissolved"]
            }
            "exited" => &["HouseholdReturned", "HouseholdReturned", "HouseholdRemoved"],
            _ => &["HouseholdReinstated"],
        };
        let kind = self.rng.pick(fits)?;
        let mut line = json!({ "household": house });
        match kind {
            "HouseholdExited" => line["year"] = json!(year),
            "HouseholdDissolved" => line["reason"] = json!("left_province"),
            _ => line["reason"] = json!("as the village committee found"),
        }
        doc.line(kind, &line);
        Some(doc)
    }

    fn member(&mut self, model: &Model) -> Option<Doc> {
        let house = self.a_house(model)?;
        let at = model.village(&house, &self.day);
        let mut doc = self.registry(&at);
        if self.rng.one_in(2) {
            doc.set("approved_by", "");
        }
        let stays = &model.houses[&house].stays;
        let no = self.rng.pick(stays)?.no;
        let next = |house: &str| {
            model.houses[house].stays.iter().map(|stay| stay.no).max().unwrap_or(0) + 1
        };
        match self.rng.below(6) {
            0 | 1 => {
                let person = format!("n{}", self.count);
                let no = usize::try_from(next(&house)).unwrap();
                doc.line(
                    "MemberAdded",
                    &json!({"household": house, "member": member(no, &person),
                    "reason": "birth"}),
                );
            }
            2 => {
                let ability = self.rng.pick(&["full", "partial", "none"])?;
                doc.line(
                    "MemberAmended",
                    &json!({"household": house, "no": fen(no), "ability": ability}),
                );
            }
            3 => {
                doc.line(
                    "MemberLeft",
                    &json!({"household": house, "no": fen(no), "reason": "army"}),
                );
            }
            4 => {
                let died = plus(text(&doc.head, "effective_date"), -(self.rng.below(20) as i64));
                doc.line("MemberDied", &json!({"household": house, "no": fen(no), "died": died}));
            }
            _ => {
                let to = self.a_house(model)?;
                doc = self.by("PO44", "a.po44");
                doc.line(
                    "MemberMoved",
                    &json!({"from": house, "no": fen(no), "to": to,
                    "new_no": fen(next(&to))}),
                );
            }
        }
        Some(doc)
    }

    fn account(&mut self, model: &Model) -> Option<Doc> {
        let house = self.a_house(model)?;
        let at = model.village(&house, &self.day);
        let mut doc = self.registry(&at);
        let bound: Vec<_> =
            model.bindings.iter().filter(|b| b.household == house && b.end.is_none()).collect();
        if let (Some(binding), true) = (self.rng.pick(&bound), self.rng.one_in(3)) {
            doc.line("AccountReleased", &json!({"household": house, "account": binding.account}));
            return Some(doc);
        }
        let stays = model.active(&house, &self.day);
        let holder = self.rng.pick(&stays)?.person;
        let word = if self.rng.one_in(4) { "acc3".into() } else { format!("k{}", self.count) };
        let kind = self.rng.pick(&["yikatong", "bank"])?;
        doc.line(
            "AccountBound",
            &json!({"household": house, "account": token(&word),
            "account_kind": kind, "holder": holder, "primary": self.rng.one_in(2)}),
        );
        Some(doc)
    }

    fn shares(&mut self, model: &Model) -> Option<Value> {
        let (a, b) = (self.a_house(model)?, self.a_house(model)?);
        let mut list = vec![json!({"household": a, "shares": 3})];
        if a != b {
            list.push(json!({"household": b, "shares": 1 + self.rng.below(9)}));
        }
        list.push(json!({"village": self.rng.pick(&UNITS[12..18])?, "shares": 1}));
        Some(Value::Array(list))
    }

    fn project(&mut self, model: &Model) -> Option<Doc> {
        let ids: Vec<String> = model.projects.keys().cloned().collect();
        let known = self.rng.pick(&ids).filter(|_| ids.len() > 3 || self.rng.one_in(3));
        let Some(id) = known else {
            let unit = self.rng.pick(&UNITS[3..18])?;
            let mut doc = self.registry(unit);
            let id = format!("P{}-{:05}", &unit[..6], self.count);
            let purpose = self.rng.pick(&["P04", "P04", "P02", "S05", "U01"])?;
            let planned = self.part(9_000_000);
            let mut line = json!({"project": id, "unit": unit, "purpose": purpose,
                "planned": fen(planned), "operator": token("op")});
            if !self.rng.one_in(3) {
                line["shares"] = self.shares(model)?;
            }
            doc.line("ProjectRegistered", &line);
            return Some(doc);
        };
        let unit = model.projects[&id].unit.clone();
        let mut doc = self.registry(&unit);
        match self.rng.below(5) {
            0 => doc.line("ProjectClosed", &json!({ "project": id })),
            1 => doc.line("ProjectAmended", &json!({"project": id, "state": "accepted"})),
            2 => doc.line("ProjectAmended", &json!({"project": id, "shares": self.shares(model)?})),
            _ => doc
                .line("ProjectAmended", &json!({"project": id, "planned": fen(self.part(99_999))})),
        };
        Some(doc)
    }

    fn area(&mut self, model: &Model) -> Option<Doc> {
        let mut doc = self.by("PO44", "a.po44");
        let year: i64 = self.day[..4].parse().unwrap();
        match self.rng.below(5) {
            0 => {
                let town = self.rng.pick(&["441424901", "440507901"])?;
                let code = format!("{town}{}", 210 + self.count % 190);
                doc.line(
                    "AreaRegistered",
                    &json!({"code": code, "name_zh": "新村",
                    "parent": padded(town), "poor": self.rng.one_in(2)}),
                );
            }
            1 => {
                let direct = self.rng.one_in(3) || !model.direct("441423", &self.day);
                doc.line("AreaAmended", &json!({"code": "441423000000", "direct_county": direct}));
            }
            2 => {
                let village = self.rng.pick(&UNITS[12..18])?;
                doc.line(
                    "AreaAmended",
                    &json!({"code": village, "name_zh": format!("村{}", self.count)}),
                );
            }
            3 => {
                // A village that came later is joined to an older one.
                let later: Vec<&String> = model
                    .areas
                    .keys()
                    .filter(|a| a.len() == 12 && !UNITS.contains(&a.as_str()))
                    .collect();
                let code = self.rng.pick(&later)?;
                doc.line("AreaClosed", &json!({"code": code, "successor": "441424901201"}));
            }
            _ => {
                doc.line("VillageExited", &json!({"code": self.rng.pick(&POOR)?, "year": year}));
            }
        }
        Some(doc)
    }

    fn loan(&mut self, model: &Model) -> Option<Doc> {
        let ids: Vec<&String> = model.loans.keys().collect();
        let known = self.rng.pick(&ids).filter(|_| self.rng.one_in(4));
        if let Some(id) = known {
            let at = model.village(&model.loans[id].household, &self.day);
            let mut doc = self.registry(&at);
            doc.line("LoanClosed", &json!({ "loan": id }));
            return Some(doc);
        }
        let house = self.a_house(model)?;
        let at = model.village(&house, &self.day);
        let id = self.no("LOAN");
        let mut doc = self.registry(&at);
        let principal = self.part(5_000_000);
        let start = text(&doc.head, "effective_date").to_owned();
        doc.line(
            "LoanRegistered",
            &json!({"loan": id, "household": house, "bank": token("bank"),
            "principal": fen(principal), "months": 1 + self.rng.below(36),
            "rate_bp": self.rng.below(2_400), "start": start}),
        );
        Some(doc)
    }

    fn rule(&mut self, model: &Model) -> Option<Doc> {
        let mut doc =
            if self.rng.one_in(3) { self.by("FB44", "a.fb44") } else { self.by("PO44", "a.po44") };
        let next = |key: &str| {
            model.rules.get(key).and_then(|v| v.last()).map_or(1, |last| last.number + 1)
        };
        let home = self.rng.pick(&CITIES)?;
        match self.rng.below(7) {
            0 | 1 => {
                let weights =
                    self.rng.pick(&[[6, 3, 1], [5, 3, 2], [1, 1, 1], [6, 4, 0], [60, 30, 10]])?;
                let city = self.rng.pick(&[home, "*", home])?;
                let version = next(&format!("SchemeAdopted {city}"));
                doc.line("SchemeAdopted", &json!({"version": fen(version), "scheme": "GD",
                    "home_code": city, "weights": weights, "helper_share_borne_by": "paired_helper"}));
            }
            2 => {
                let version = next("PairingAdopted 4418");
                doc.line(
                    "PairingAdopted",
                    &json!({"version": fen(version), "helper": "4401",
                    "home": "4418", "mode": "paired"}),
                );
            }
            3 => {
                let version = next(&format!("BaselineSet {home}"));
                let heads = self.rng.pick(&[200_000, 150_000, 60_000, 10])?;
                doc.line(
                    "BaselineSet",
                    &json!({"version": fen(version), "home_city": home,
                    "heads": heads, "as_of": "2016-06-30"}),
                );
            }
            4 => {
                let version = next("PeriodRuleAdopted");
                doc.line(
                    "PeriodRuleAdopted",
                    &json!({"version": fen(version), "period": "month",
                    "backdate_days": self.rng.pick(&[31, 40])?, "future_days": 0,
                    "registry_backdate_days": self.rng.pick(&[366, 60])?}),
                );
            }
            5 => {
                let version = next("CapRuleAdopted");
                doc.line("CapRuleAdopted", &json!({"version": fen(version),
                    "per_head_fen": self.rng.pick(&[2_000_000, 2_100_000, 200_000])?, "pool_cap": "hard",
                    "household_line": self.rng.pick(&["flag", "flag", "hard"])?, "programmes": ["dev"], "head_basis": "declared",
                    "drift_basis": "labour", "years": [2016, 2017, 2018]}));
            }
            _ => {
                let (key, rows) = self.rng.pick(&[
                    ("PurposesAdopted", include_str!("../../data/purposes.csv")),
                    ("FlowsAdopted", include_str!("../../data/flows.csv")),
                    ("AreasAdopted", include_str!("../../data/areas_guangdong.csv")),
                ])?;
                let version = next(key);
                doc.line(key, &json!({"version": fen(version), "rows": crate::model::rows(rows)}));
            }
        }
        Some(doc)
    }

    fn access(&mut self, model: &Model) -> Option<Doc> {
        let mut doc = self.by("PO44", "a.po44");
        let n = self.count;
        match self.rng.below(6) {
            0 => doc.line(
                "OrganisationRegistered",
                &json!({"organisation": format!("HU440106-{n}"),
                "org_kind": "HU", "unit": "440106"}),
            ),
            1 => doc.line(
                "RoleGranted",
                &json!({"official": format!("x{n}.fb4414"),
                "organisation": "FB4414", "role": "reporter", "scope": ["4414"]}),
            ),
            2 => {
                let held: Vec<_> =
                    model.roles.keys().filter(|(who, ..)| who.starts_with('x')).collect();
                let (official, org, role) = self.rng.pick(&held)?;
                doc.line(
                    "RoleRevoked",
                    &json!({"official": official, "organisation": org, "role": role}),
                )
            }
            3 => {
                let official = self.rng.pick(&["a.fb4418", "h.fb4418"])?;
                doc.line(
                    "OfficialKeyRegistered",
                    &json!({"official": official, "public_key": token("key").repeat(2)}),
                )
            }
            4 => doc.line(
                "CertificateBound",
                &json!({"organisation": "FB4414",
                "key_hash": token(&format!("c{}", n % 5)).repeat(2), "not_after": "2019-12-31"}),
            ),
            _ => doc.line(
                "CertificateRevoked",
                &json!({"key_hash": token(&format!("c{}", n % 5)).repeat(2)}),
            ),
        };
        Some(doc)
    }
}

fn fen(amount: i128) -> i64 {
    i64::try_from(amount).unwrap()
}

fn group(doc: &Doc) -> &'static str {
    crate::table::row(text(&doc.lines[0], "kind")).map_or("", |row| row.group)
}

fn member(no: usize, person: &str) -> Value {
    json!({"no": no, "person": token(person), "birth_year": 1970, "sex": "f", "ability": "full",
        "dibao": false, "student": false, "insured": true})
}

/// Days and numbers are the only arithmetic of dates here.
#[test]
fn days_come_back() {
    for n in 0..2_000 {
        let date = plus("2015-12-30", n);
        assert_eq!(days(&date) - days("2015-12-30"), n);
        assert!(crate::form::date(&date));
    }
    assert!(number(&Doc::default().head, "x").is_none());
}
