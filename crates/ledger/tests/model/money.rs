//! Money: openings, tranches, quotas, cash, payments, refunds, reversals, income, closed months.

use std::rc::Rc;

use serde_json::Value;

use crate::decide::{Answer, Ctx, Made};
use crate::doc::{Fields, number, text};
use crate::model::{Legs, Model, Rec, days, on, plus, split};

pub(crate) const SOURCES: [&str; 3] = ["P", "H", "L"];

/// Legs without those of zero.
fn legs(list: Vec<(String, i128)>) -> Legs {
    let mut out = Legs::new();
    for (path, fen) in list.into_iter().filter(|(_, fen)| *fen != 0) {
        *out.entry(path).or_insert(0) += fen;
    }
    out.retain(|_, fen| *fen != 0);
    out
}

fn city(unit: &str) -> &str {
    &unit[..unit.len().min(4)]
}

impl Model {
    pub(crate) fn money(&mut self, ctx: &mut Ctx<'_>, kind: u32) -> Answer<Made> {
        match kind {
            310 => self.opening(ctx),
            311 => self.tranche(ctx),
            312 => self.issue(ctx),
            313 => self.release(ctx),
            314 => self.withdraw(ctx),
            320 => self.send(ctx),
            321 | 322 => self.arrive(ctx, kind),
            330 => self.pay_household(ctx),
            331 => self.pay_project(ctx),
            332 | 333 => self.benefit(ctx, kind),
            340..=342 => self.refund(ctx, kind),
            343 => self.give_back(ctx),
            350 => self.reverse(ctx),
            360 => self.declare(ctx),
            _ => self.distribute(ctx),
        }
    }

    /// What may be planned for a city at a date, and what is planned.
    pub(crate) fn ceiling(&self, home: &str, date: &str) -> Option<i128> {
        let heads = self.rule_number(&format!("BaselineSet {home}"), "heads", date)?;
        Some(heads * self.rule_number("CapRuleAdopted", "per_head_fen", date)?)
    }

    pub(crate) fn planned(&self, home: &str) -> i128 {
        let counts = |rec: &&Rc<Rec>| {
            rec.text("home_city") == home && (rec.no == 311 || rec.text("programme") == "dev")
        };
        self.of(&[310, 311]).filter(counts).map(|rec| rec.amount).sum()
    }

    /// 1015, 1018, 1019: a quota's tranche and programme are those of its source.
    fn of_source(ctx: &Ctx<'_>) -> Answer<()> {
        let pool = SOURCES.contains(&ctx.text("source"));
        if ctx.text("kind") == "QuotaIssued" {
            let tranche = !ctx.text("tranche").is_empty();
            ctx.must(tranche || !pool, 1018, "tranche")?;
            ctx.must(!tranche || pool, 1015, "tranche")?;
        }
        let programme = match ctx.text("source") {
            "U" => "unit",
            "S" => "special",
            _ => "dev",
        };
        ctx.must(ctx.text("programme") == programme, 1019, "programme")
    }

    fn opening(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        Self::of_source(ctx)?;
        let (unit, quota, home) = (ctx.text("unit"), ctx.text("quota"), ctx.text("home_city"));
        let (source, treasury) = (ctx.text("source"), ctx.text("treasury"));
        ctx.must(self.may_post(ctx.org, unit), 5013, "unit")?;
        self.approved(ctx, unit)?;
        ctx.must(self.quota(quota).is_none(), 3001, "quota")?;
        let [issued, cash, paid] = ["issued", "cash_in", "paid_before"].map(|n| ctx.number(n));
        ctx.must(paid <= cash && cash <= issued && issued == ctx.amount(), 3002, "issued")?;
        if let (Some(most), "dev") = (self.ceiling(home, ctx.date), ctx.text("programme")) {
            ctx.must(self.planned(home) + issued <= most, 3013, "amount")?;
        }
        let issuer = if source == "U" {
            let mut seat = self.orgs.iter().filter(|(_, o)| o.kind == "HU" && o.unit == treasury);
            seat.next().map(|(id, _)| id.clone()).unwrap_or_default()
        } else {
            format!("FB{treasury}")
        };
        let legs = legs(vec![
            (format!("Q.plan.{source}.{home}"), -issued),
            (format!("Q.quota.{unit}.{quota}"), issued - paid),
            (format!("Q.used.{unit}.{quota}"), paid),
            (format!("C.src.{source}.{treasury}.{quota}"), -cash),
            (format!("C.hold.{unit}.{quota}"), cash - paid),
            (format!("C.prior.{unit}.{quota}"), paid),
        ]);
        Ok(Made { legs, unit: unit.into(), note: issuer, ..Made::default() })
    }

    fn tranche(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let (id, home, date) = (ctx.text("tranche"), ctx.text("home_city"), ctx.date);
        self.approved(ctx, "44")?;
        let used = self.recs.iter().any(|rec| rec.no == 311 && rec.text("tranche") == id);
        ctx.must(!used, 3010, "tranche")?;
        let years = &self.version("CapRuleAdopted", date).unwrap().content["years"];
        let year = Value::from(i64::try_from(ctx.number("year")).unwrap());
        ctx.must(years.as_array().unwrap().contains(&year), 3011, "year")?;
        ctx.must(self.helper(home, date).is_some(), 4010, "home_city")?;
        let Some((scheme, version)) = self.scheme(home, date) else {
            return ctx.no(4011, "home_city");
        };
        let Some(most) = self.ceiling(home, date) else { return ctx.no(4012, "home_city") };
        ctx.must(self.planned(home) + ctx.amount() <= most, 3013, "amount")?;
        let note = format!("{home} {scheme} {}", version.number);
        let weights = version.content["weights"].as_array().unwrap();
        let weights: Vec<i128> = weights.iter().map(|w| w.as_i64().unwrap().into()).collect();
        let (mut acc, mut sum) = (vec![0; 3], 0);
        for rec in self.of(&[311]).filter(|rec| rec.note == note) {
            sum += rec.amount;
            for (i, part) in parts(rec).into_iter().enumerate() {
                acc[i] += part;
            }
        }
        let exact = split(sum + ctx.amount(), &weights);
        let mut parts: Vec<i128> = exact.iter().zip(&acc).map(|(e, a)| e - a).collect();
        let mut excess: i128 = parts.iter().map(|p| (-p).max(0)).sum();
        for part in &mut parts {
            *part = (*part).max(0);
        }
        while 0 < excess {
            let most = *parts.iter().max().unwrap();
            *parts.iter_mut().find(|part| **part == most).unwrap() -= 1;
            excess -= 1;
        }
        let both = |(source, part): (&str, i128)| {
            [(format!("Q.plan.{source}.{home}"), -part), (format!("Q.owed.{source}.{home}"), part)]
        };
        let legs = legs(SOURCES.into_iter().zip(parts).flat_map(both).collect());
        Ok(Made { legs, unit: "44".into(), note, ..Made::default() })
    }

    /// Live issues of a tranche for a source, less what was withdrawn to the top.
    fn issued_of(&self, tranche: &str, source: &str) -> i128 {
        let of = |rec: &&Rc<Rec>| rec.text("tranche") == tranche && rec.text("source") == source;
        let issues: Vec<&Rc<Rec>> = self.of(&[312]).filter(of).collect();
        issues.iter().map(|rec| self.issued_net(rec)).sum()
    }

    /// What is issued of a quota, less what was withdrawn to the top.
    pub(crate) fn issued_net(&self, def: &Rec) -> i128 {
        let id = def.text("quota");
        let own = if self.live(def) { def.amount } else { 0 };
        let top = |rec: &&Rc<Rec>| rec.text("quota") == id && rec.note == "top";
        own - self.of(&[314]).filter(top).map(|rec| rec.amount).sum::<i128>()
    }

    fn source_account(def: &Rec) -> String {
        let (source, quota) = (def.text("source"), def.text("quota"));
        format!("C.src.{source}.{}.{quota}", def.text("treasury"))
    }

    /// The other leg of an issue.
    fn obligation(source: &str, home: &str) -> String {
        let class = if SOURCES.contains(&source) { "owed" } else { "plan" };
        format!("Q.{class}.{source}.{home}")
    }

    fn issue(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let (quota, source, treasury) =
            (ctx.text("quota"), ctx.text("source"), ctx.text("treasury"));
        let (home, to, tranche) = (ctx.text("home_city"), ctx.text("to_unit"), ctx.text("tranche"));
        Self::of_source(ctx)?;
        ctx.must(self.quota(quota).is_none(), 3014, "quota")?;
        ctx.must(self.is_treasury(ctx.org, source, treasury), 5013, "treasury")?;
        self.approved(ctx, treasury)?;
        let of_source = match source {
            "P" => treasury == "44",
            "H" => self.helper(home, ctx.date) == Some(treasury),
            "L" => treasury == home || (treasury.len() == 6 && city(treasury) == home),
            _ => true,
        };
        ctx.must(of_source, 3020, "treasury")?;
        let inside = city(to) == home && self.area(to, ctx.date).is_some();
        let direct = to.len() == 6 && self.direct(to, ctx.date);
        let flows = match source {
            "P" => to == home || direct,
            "H" => to == home,
            "L" => to == treasury,
            "U" => to.len() > 4,
            _ => to.len() <= 6,
        };
        ctx.must(inside && flows, 3020, "to_unit")?;
        if SOURCES.contains(&source) {
            let opened = |r: &&Rc<Rec>| r.text("tranche") == tranche && r.text("home_city") == home;
            let Some(opened) = self.of(&[311]).find(opened) else { return ctx.no(3015, "tranche") };
            let owed = format!("Q.owed.{source}.{home}");
            let part = opened.legs.get(&owed).copied().unwrap_or(0);
            let fits = ctx.amount() <= self.balance(&owed)
                && self.issued_of(tranche, source) + ctx.amount() <= part;
            ctx.must(fits, 3016, "amount")?;
        }
        let legs = legs(vec![
            (Self::obligation(source, home), -ctx.amount()),
            (format!("Q.quota.{to}.{quota}"), ctx.amount()),
        ]);
        Ok(Made { legs, unit: treasury.into(), note: ctx.org.into(), ..Made::default() })
    }

    /// Whether a unit lies one step below another: W03-W06, W11-W14.
    fn step(from: &str, to: &str, poor: bool) -> bool {
        let step = match (from.len(), to.len()) {
            (4, 6) | (6, 9) | (9, 12) => true,
            (6, 12) => poor,
            _ => false,
        };
        step && to.starts_with(from)
    }

    /// Whether quota and cash go down from one unit to another that is there on the day.
    fn down(&self, from: &str, to: &str, date: &str) -> bool {
        self.area(to, date).is_some() && Self::step(from, to, self.poor(to, date))
    }

    fn defined(&self, ctx: &Ctx<'_>) -> Answer<Rc<Rec>> {
        match self.quota(ctx.text("quota")) {
            Some(def) => Ok(def),
            None => ctx.no(3017, "quota"),
        }
    }

    fn release(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        self.defined(ctx)?;
        let (quota, from, to) = (ctx.text("quota"), ctx.text("from_unit"), ctx.text("to_unit"));
        ctx.must(self.may_post(ctx.org, from), 5013, "from_unit")?;
        self.approved(ctx, from)?;
        let flows = self.down(from, to, ctx.date);
        ctx.must(flows, 3020, "to_unit")?;
        let from_path = format!("Q.quota.{from}.{quota}");
        ctx.must(ctx.amount() <= self.balance(&from_path), 3018, "amount")?;
        let legs =
            legs(vec![(from_path, -ctx.amount()), (format!("Q.quota.{to}.{quota}"), ctx.amount())]);
        Ok(Made { legs, unit: from.into(), ..Made::default() })
    }

    /// The unit that a quota came to first.
    fn top(def: &Rec) -> &str {
        if def.no == 310 { def.text("unit") } else { def.text("to_unit") }
    }

    fn withdraw(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let def = self.defined(ctx)?;
        let (quota, from) = (ctx.text("quota"), ctx.text("from_unit"));
        let own = self.orgs[ctx.org].unit.clone();
        let top = from == Self::top(&def) && ctx.org == def.note;
        if !top {
            let above = Self::step(&own, from, self.once_poor(from, ctx.date));
            let at_top = from == Self::top(&def);
            ctx.must(!at_top && above && self.may_post(ctx.org, &own), 5013, "from_unit")?;
        }
        self.approved(ctx, &own)?;
        let from_path = format!("Q.quota.{from}.{quota}");
        ctx.must(ctx.amount() <= self.balance(&from_path), 3018, "amount")?;
        let to_path = if top {
            let sent = -self.balance(&Self::source_account(&def));
            ctx.must(sent <= self.issued_net(&def) - ctx.amount(), 3021, "amount")?;
            Self::obligation(def.text("source"), def.text("home_city"))
        } else {
            format!("Q.quota.{own}.{quota}")
        };
        let legs = legs(vec![(from_path, -ctx.amount()), (to_path, ctx.amount())]);
        let note = if top { "top".into() } else { String::new() };
        Ok(Made { legs, unit: own, note, ..Made::default() })
    }

    /// 3023: the reference was not used for this payee within 92 days.
    fn fresh(&self, ctx: &Ctx<'_>, kinds: &[u32], sender: &str, payee: &str) -> Answer<()> {
        let (quota, bank_ref) = (ctx.text("quota"), ctx.text("bank_ref"));
        let same = |rec: &&Rc<Rec>| {
            let (from, to) = ends(rec);
            (from.as_str(), to, rec.text("quota"), rec.text("bank_ref"))
                == (sender, payee, quota, bank_ref)
                && (days(&rec.date) - days(ctx.date)).abs() <= 92
        };
        let used = self.of(kinds).any(|rec| same(&rec));
        ctx.must(!used, 3023, "bank_ref")
    }

    fn send(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let def = self.defined(ctx)?;
        let (quota, to) = (ctx.text("quota"), ctx.text("to_unit"));
        let (treasury, home) = (def.text("treasury"), def.text("home_city"));
        let from = ctx.text("from_unit");
        let (path, unit) = if from.is_empty() {
            ctx.must(ctx.org == def.note, 5013, "from")?;
            self.approved(ctx, treasury)?;
            let opening = def.no == 310;
            let direct = to.len() == 6 && city(to) == home && self.direct(to, ctx.date);
            let flows = match def.text("source") {
                _ if opening => to == Self::top(&def),
                "P" => to == home || direct,
                "L" if treasury.len() == 6 => to == treasury || to == home,
                "U" | "S" => to == Self::top(&def),
                _ => to == home,
            };
            let flows = flows && self.area(to, ctx.date).is_some();
            ctx.must(flows, 3020, "to_unit")?;
            let sent = -self.balance(&Self::source_account(&def));
            ctx.must(sent + ctx.amount() <= self.issued_net(&def), 3021, "amount")?;
            (Self::source_account(&def), treasury)
        } else {
            ctx.must(self.may_post(ctx.org, from), 5013, "from_unit")?;
            self.approved(ctx, from)?;
            let flows = self.down(from, to, ctx.date);
            ctx.must(flows, 3020, "to_unit")?;
            let path = format!("C.hold.{from}.{quota}");
            ctx.must(ctx.amount() <= self.balance(&path), 3022, "amount")?;
            (path, from)
        };
        let sender = if from.is_empty() { "src" } else { from };
        self.fresh(ctx, &[320, 343], sender, to)?;
        let legs = legs(vec![(path, -ctx.amount()), (format!("C.way.{to}.{quota}"), ctx.amount())]);
        Ok(Made { legs, unit: unit.into(), ..Made::default() })
    }

    /// What of a sent record has not arrived and not come back.
    pub(crate) fn under_way(&self, sent: &Rec) -> i128 {
        sent.amount - self.against(sent.seq, &[321, 322])
    }

    fn arrive(&self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let quota = ctx.text("quota");
        let fits = |rec: &Rc<Rec>| {
            matches!(rec.no, 320 | 343) && rec.text("quota") == quota && self.live(rec)
        };
        let Some(sent) = self.named(ctx.text("ref")).filter(fits) else {
            return ctx.no(3030, "ref");
        };
        let def = self.quota(quota).unwrap();
        let (from, to) = (sent.text("from_unit"), sent.text("to_unit"));
        let home = sent.no == 343 && sent.text("to") == "src";
        let acts = |source: bool, unit: &str| {
            let treasury = source && ctx.org == def.note;
            if source { treasury } else { self.may_post(ctx.org, unit) }
        };
        let (unit, allowed) = if kind == 321 {
            (to.to_owned(), acts(home, to))
        } else if from.is_empty() {
            (def.text("treasury").to_owned(), acts(true, ""))
        } else {
            (from.to_owned(), acts(false, from))
        };
        ctx.must(allowed, 5013, "ref")?;
        self.approved(ctx, &unit)?;
        if ctx.date < sent.date.as_str() {
            return ctx.no(3031, "effective_date");
        }
        ctx.must(ctx.amount() <= self.under_way(&sent), 3032, "amount")?;
        let target = match (kind, home) {
            (321, true) => Self::source_account(&def),
            (321, false) => format!("C.hold.{to}.{quota}"),
            _ if from.is_empty() => Self::source_account(&def),
            _ => format!("C.hold.{from}.{quota}"),
        };
        let legs =
            legs(vec![(format!("C.way.{to}.{quota}"), -ctx.amount()), (target, ctx.amount())]);
        Ok(Made { legs, unit, refers: Some(sent.seq), ..Made::default() })
    }

    fn give_back(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let def = self.defined(ctx)?;
        let (quota, from, to) = (ctx.text("quota"), ctx.text("from_unit"), ctx.text("to_unit"));
        ctx.must(self.may_post(ctx.org, from), 5013, "from_unit")?;
        self.approved(ctx, from)?;
        let home = def.text("home_city");
        let flows = if ctx.text("to") == "src" {
            let direct = from.len() == 6 && city(from) == home && self.direct(from, ctx.date);
            let first = match def.text("source") {
                _ if def.no == 310 => from == Self::top(&def),
                "P" => from == home || direct,
                "L" if from.len() == 6 => from == def.text("treasury"),
                "U" | "S" => from == Self::top(&def),
                _ => from == home,
            };
            first && to == def.text("treasury")
        } else {
            Self::step(to, from, self.once_poor(from, ctx.date))
        };
        ctx.must(flows, 3020, "to_unit")?;
        let path = format!("C.hold.{from}.{quota}");
        ctx.must(ctx.amount() <= self.balance(&path), 3022, "amount")?;
        self.fresh(ctx, &[320, 343], from, to)?;
        let legs = legs(vec![(path, -ctx.amount()), (format!("C.way.{to}.{quota}"), ctx.amount())]);
        Ok(Made { legs, unit: from.into(), ..Made::default() })
    }

    /// 3040-3042: the purpose is allowed, of the quota's programme, and for this kind of payee.
    fn purpose_fits(ctx: &mut Ctx<'_>, row: &Fields, def: &Rec, payee: &str) -> Answer<()> {
        ctx.soft(text(row, "allowed") == "yes", 3040, "purpose")?;
        ctx.soft(text(row, "programme") == def.text("programme"), 3041, "purpose")?;
        let fits = text(row, "payee").split('|').any(|kind| kind.starts_with(payee));
        ctx.soft(fits, 3042, "purpose")
    }

    fn pay_household(&self, ctx: &mut Ctx<'_>) -> Answer<Made> {
        let (unit, code, date) = (ctx.text("unit"), ctx.text("household"), ctx.date);
        ctx.must(self.may_post(ctx.org, unit), 5013, "unit")?;
        self.approved(ctx, unit)?;
        ctx.must(self.houses.contains_key(code), 2002, "household")?;
        let member_no = number(ctx.line, "member_no");
        let stays = &self.houses[code].stays;
        if let Some(no) = member_no {
            let known = stays.iter().any(|stay| {
                stay.no == no
                    && stay.from.as_str() <= date
                    && (stay.end.as_deref().is_none_or(|end| date < end) || stay.died.is_some())
            });
            ctx.must(known, 2020, "member_no")?;
        }
        let account = ctx.text("account");
        ctx.must(self.bindings.iter().any(|b| b.account == account), 2030, "account")?;
        let Some(purpose) = self.purpose(ctx.text("purpose"), date) else {
            return ctx.no(4020, "purpose");
        };
        let loan = self.loans.get(ctx.text("loan")).filter(|loan| {
            let open = loan.end.as_deref().is_none_or(|end| date < end);
            loan.household == code && loan.from.as_str() <= date && open
        });
        let needs_loan = ctx.text("purpose") == "P05" || !ctx.text("loan").is_empty();
        ctx.must(!needs_loan || loan.is_some(), 2053, "loan")?;
        let def = self.defined(ctx)?;
        let state = self.state(code, date);
        ctx.soft(!["removed", "dissolved"].contains(&state), 3043, "household")?;
        let goes_on = state != "exited" || text(&purpose, "after_exit") != "no";
        ctx.soft(goes_on, 3044, "household")?;
        ctx.soft(!self.active(code, date).is_empty(), 3045, "household")?;
        let dead = |stay: &crate::model::Stay| {
            Some(stay.no) == member_no && stay.died.as_deref().is_some_and(|died| died < date)
        };
        ctx.soft(!stays.iter().any(dead), 3046, "member_no")?;
        let kind = self.bound(ctx, code)?;
        Self::purpose_fits(ctx, &purpose, &def, "household")?;
        let one_card = text(&purpose, "payee") != "household_yikatong" || kind == "yikatong";
        ctx.soft(one_card, 3049, "account")?;
        let class = on(&self.houses[code].class, date).map(String::as_str).unwrap_or_default();
        let poorest = !["S02", "S03", "S04"].contains(&ctx.text("purpose")) || class != "general";
        ctx.soft(poorest, 3053, "purpose")?;
        if let (Some(loan), "P05") = (loan, ctx.text("purpose")) {
            let paid: i128 = self
                .of(&[330])
                .filter(|r| r.text("loan") == ctx.text("loan") && r.text("purpose") == "P05")
                .map(|r| r.amount - self.against(r.seq, &[340, 341]))
                .sum();
            let most = loan.principal * loan.rate * loan.months / 120_000;
            ctx.soft(paid + ctx.amount() <= most, 3054, "amount")?;
        }
        let cap = self.version("CapRuleAdopted", date).unwrap().content.clone();
        if text(&cap, "household_line") == "hard" && def.text("programme") == "dev" {
            let (received, peak) = self.received(code, date);
            let line = peak * number(&cap, "per_head_fen").unwrap();
            ctx.soft(received + ctx.amount() <= line, 3055, "amount")?;
        }
        let village = self.village(code, date);
        let pays = [6, 9, 12].contains(&unit.len()) && village.starts_with(unit);
        ctx.must(pays, 3020, "household")?;
        let legs = self.spend(ctx, unit, &format!("C.hh.{code}"))?;
        self.fresh(ctx, &[330], unit, code)?;
        Ok(Made { legs, unit: unit.into(), note: village, ..Made::default() })
    }

    /// 3047, 3048: the account is bound to the household, and open. Returns its kind.
    fn bound(&self, ctx: &mut Ctx<'_>, code: &str) -> Answer<String> {
        let account = ctx.text("account");
        let mut of: Vec<_> = self.bindings.iter().filter(|b| b.account == account).collect();
        of.retain(|b| b.household == code);
        ctx.soft(!of.is_empty(), 3047, "account")?;
        let date = ctx.date;
        let is_open = |b: &&&crate::model::Binding| {
            b.from.as_str() <= date && b.end.as_deref().is_none_or(|end| date < end)
        };
        let found = of.iter().rev().find(is_open);
        if !of.is_empty() {
            ctx.soft(found.is_some(), 3048, "account")?;
        }
        Ok(found.map(|b| b.kind.clone()).unwrap_or_default())
    }

    /// 3018, 3022, and the legs of a payment.
    fn spend(&self, ctx: &Ctx<'_>, unit: &str, payee: &str) -> Answer<Legs> {
        let (quota, amount) = (ctx.text("quota"), ctx.amount());
        let (may, hold) = (format!("Q.quota.{unit}.{quota}"), format!("C.hold.{unit}.{quota}"));
        ctx.must(amount <= self.balance(&may), 3018, "amount")?;
        ctx.must(amount <= self.balance(&hold), 3022, "amount")?;
        let used = format!("Q.used.{unit}.{quota}");
        Ok(legs(vec![(may, -amount), (used, amount), (hold, -amount), (payee.into(), amount)]))
    }

    fn pay_project(&self, ctx: &mut Ctx<'_>) -> Answer<Made> {
        let (unit, id) = (ctx.text("unit"), ctx.text("project"));
        ctx.must(self.may_post(ctx.org, unit), 5013, "unit")?;
        self.approved(ctx, unit)?;
        let Some(project) = self.projects.get(id) else { return ctx.no(2040, "project") };
        let Some(purpose) = self.purpose(ctx.text("purpose"), ctx.date) else {
            return ctx.no(4020, "purpose");
        };
        let def = self.defined(ctx)?;
        ctx.must(project.closed.is_none(), 3050, "project")?;
        Self::purpose_fits(ctx, &purpose, &def, "project")?;
        let pays = [6, 9, 12].contains(&unit.len()) && project.unit.starts_with(unit);
        ctx.must(pays, 3020, "project")?;
        let mut legs = self.spend(ctx, unit, &format!("C.prj.{id}"))?;
        self.fresh(ctx, &[331], unit, id)?;
        legs.insert(format!("B.base.{id}"), -ctx.amount());
        legs.insert(format!("B.open.{id}"), ctx.amount());
        Ok(Made { legs, unit: unit.into(), ..Made::default() })
    }

    fn of_project(&self, ctx: &Ctx<'_>) -> Answer<&crate::model::Project> {
        let Some(project) = self.projects.get(ctx.text("project")) else {
            return ctx.no(2040, "project");
        };
        ctx.must(self.may_post(ctx.org, &project.unit), 5013, "project")?;
        self.approved(ctx, &project.unit)?;
        Ok(project)
    }

    /// Household or village of a line, as the end of a path; 2002 or 2010 when it is not known.
    fn target(&self, ctx: &Ctx<'_>) -> Answer<String> {
        let (code, village) = (ctx.text("household"), ctx.text("village"));
        if village.is_empty() {
            ctx.must(self.houses.contains_key(code), 2002, "household")?;
            return Ok(format!("hh.{code}"));
        }
        Ok(format!("vil.{village}"))
    }

    fn village_known(&self, ctx: &Ctx<'_>) -> Answer<()> {
        let village = ctx.text("village");
        ctx.must(village.is_empty() || self.area(village, ctx.date).is_some(), 2010, "village")
    }

    /// Attributed less withdrawn, by project and target.
    fn given(&self, project: &str, path: &str) -> i128 {
        let of = |rec: &&Rc<Rec>| rec.text("project") == project;
        let legs = |rec: &Rc<Rec>| rec.legs.get(path).copied().unwrap_or(0);
        self.of(&[332, 333]).filter(of).map(legs).sum()
    }

    fn benefit(&self, ctx: &mut Ctx<'_>, kind: u32) -> Answer<Made> {
        let unit = self.of_project(ctx)?.unit.clone();
        let id = ctx.text("project");
        let open = format!("B.open.{id}");
        let household = ctx.text("household");
        let (target, signed) = if kind == 332 {
            let target = self.target(ctx)?;
            self.village_known(ctx)?;
            if !household.is_empty() {
                let state = self.state(household, ctx.date);
                ctx.soft(!["removed", "dissolved"].contains(&state), 3043, "household")?;
            }
            ctx.must(ctx.amount() <= self.balance(&open), 3051, "amount")?;
            (target, ctx.amount())
        } else {
            let village = ctx.text("village");
            let end = if village.is_empty() {
                format!("hh.{household}")
            } else {
                format!("vil.{village}")
            };
            let given = self.given(id, &format!("B.{end}"));
            ctx.must(ctx.amount() <= given, 3052, "amount")?;
            (end, -ctx.amount())
        };
        let legs = legs(vec![(open, -signed), (format!("B.{target}"), signed)]);
        Ok(Made { legs, unit, ..Made::default() })
    }

    fn refund(&self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let quota = ctx.text("quota");
        let paid_by = if kind == 342 { 331 } else { 330 };
        let fits =
            |rec: &Rc<Rec>| rec.no == paid_by && rec.text("quota") == quota && self.live(rec);
        let Some(paid) = self.named(ctx.text("ref")).filter(fits) else {
            return ctx.no(3060, "ref");
        };
        let unit = paid.text("unit");
        ctx.must(self.may_post(ctx.org, unit), 5013, "ref")?;
        self.approved(ctx, unit)?;
        let left = paid.amount - self.against(paid.seq, &[340, 341, 342]);
        ctx.must(ctx.amount() <= left, 3061, "amount")?;
        if ctx.date < paid.date.as_str() {
            return ctx.no(3031, "effective_date");
        }
        let amount = ctx.amount();
        let mut list = vec![
            (format!("C.hold.{unit}.{quota}"), amount),
            (format!("Q.used.{unit}.{quota}"), -amount),
            (format!("Q.quota.{unit}.{quota}"), amount),
        ];
        if kind == 342 {
            let id = paid.text("project");
            let open = format!("B.open.{id}");
            ctx.must(amount <= self.balance(&open), 3051, "amount")?;
            list.push((format!("C.prj.{id}"), -amount));
            list.push((open, -amount));
            list.push((format!("B.base.{id}"), amount));
        } else {
            list.push((format!("C.hh.{}", paid.text("household")), -amount));
        }
        Ok(Made { legs: legs(list), unit: unit.into(), refers: Some(paid.seq), ..Made::default() })
    }

    fn reverse(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let fits = |rec: &Rc<Rec>| (310..=361).contains(&rec.no) && rec.no != 350;
        let Some(old) = self.named(ctx.text("ref")).filter(fits) else {
            return ctx.no(3080, "ref");
        };
        let (poster, owner) = (&self.orgs[ctx.org], &self.orgs[&old.org]);
        let above = poster.kind == "FB"
            && owner.unit.starts_with(&poster.unit)
            && owner.unit != poster.unit;
        ctx.must(ctx.org == old.org || above, 5013, "ref")?;
        self.approved(ctx, &old.unit)?;
        ctx.must(self.live(&old), 3081, "ref")?;
        ctx.must(ctx.amount() == old.amount, 3083, "amount")?;
        let used = match old.no {
            320 | 343 => 0 < self.against(old.seq, &[321, 322]),
            330 | 331 => 0 < self.against(old.seq, &[340, 341, 342]),
            311 => self.of(&[312]).any(|rec| rec.text("tranche") == old.text("tranche")),
            312 => self.balance(&Self::source_account(&old)) != 0,
            _ => false,
        };
        ctx.must(!used, 3082, "ref")?;
        self.still_holds(ctx, &old)?;
        let legs = old.legs.iter().map(|(path, fen)| (path.clone(), -fen)).collect();
        Ok(Made { legs, unit: old.unit.clone(), refers: Some(old.seq), ..Made::default() })
    }

    /// What a reversal leaves: every account on its side, what is sent within what is issued.
    fn still_holds(&self, ctx: &Ctx<'_>, old: &Rec) -> Answer<()> {
        let after = |path: &str| self.balance(path) - old.legs.get(path).copied().unwrap_or(0);
        let short =
            |class: &str| old.legs.keys().any(|path| path.starts_with(class) && after(path) < 0);
        let def = self.quota(old.text("quota"));
        let mut over = short("Q.owed.");
        if let (314, "top", Some(def)) = (old.no, old.note.as_str(), &def) {
            let tranche = def.text("tranche");
            if let Some(opened) = self.of(&[311]).find(|rec| rec.text("tranche") == tranche) {
                let owed = Self::obligation(def.text("source"), def.text("home_city"));
                let part = opened.legs.get(&owed).copied().unwrap_or(0);
                over |= part < self.issued_of(tranche, def.text("source")) + old.amount;
            }
        }
        ctx.must(!over, 3016, "ref")?;
        ctx.must(!short("Q.quota."), 3018, "ref")?;
        if let Some(def) = &def {
            let gone = if def.seq == old.seq { old.amount } else { 0 };
            let back = if old.note == "top" && old.no == 314 { old.amount } else { 0 };
            let sent = -after(&Self::source_account(def));
            let issued = self.issued_net(def) - gone + back;
            let touches = old.legs.keys().any(|p| p.starts_with("C.src.")) || gone != 0;
            ctx.must(!touches || sent <= issued, 3021, "ref")?;
        }
        ctx.must(!short("C.hold."), 3022, "ref")?;
        ctx.must(!short("B.open."), 3051, "ref")?;
        let taken = |path: &String| {
            let short = self.given(old.text("project"), path) < old.legs[path];
            (path.starts_with("B.hh.") || path.starts_with("B.vil.")) && short
        };
        ctx.must(!old.legs.keys().any(taken), 3052, "ref")?;
        ctx.must(!short("I.due."), 3072, "ref")
    }

    fn declare(&self, ctx: &Ctx<'_>) -> Answer<Made> {
        let project = self.of_project(ctx)?;
        let shares = on(&project.shares, ctx.date).is_some_and(|shares| !shares.is_empty());
        ctx.must(shares || project.purpose == "P04", 3070, "project")?;
        let id = ctx.text("project");
        let legs = legs(vec![
            (format!("I.op.{id}"), -ctx.amount()),
            (format!("I.due.{id}"), ctx.amount()),
        ]);
        Ok(Made { legs, unit: project.unit.clone(), ..Made::default() })
    }

    fn distribute(&self, ctx: &mut Ctx<'_>) -> Answer<Made> {
        let project = self.of_project(ctx)?.clone();
        let target = self.target(ctx)?;
        let (account, household) = (ctx.text("account"), ctx.text("household"));
        if !account.is_empty() {
            ctx.must(self.bindings.iter().any(|b| b.account == account), 2030, "account")?;
        }
        self.village_known(ctx)?;
        let field = if household.is_empty() { "village" } else { "household" };
        let holder = if household.is_empty() { ctx.text("village") } else { household };
        let holds = on(&project.shares, ctx.date).is_some_and(|s| s.contains_key(holder));
        ctx.must(holds, 3071, field)?;
        if !account.is_empty() {
            self.bound(ctx, household)?;
        }
        let due = format!("I.due.{}", ctx.text("project"));
        ctx.must(ctx.amount() <= self.balance(&due), 3072, "amount")?;
        let legs = legs(vec![(due, -ctx.amount()), (format!("I.{target}"), ctx.amount())]);
        Ok(Made { legs, unit: project.unit, ..Made::default() })
    }

    /// 370, 371: a month is closed, a balance is asserted. No legs.
    pub(crate) fn books(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let unit = ctx.text("unit");
        ctx.must(self.may_post(ctx.org, unit), 5013, "unit")?;
        self.approved(ctx, unit)?;
        if kind == 371 {
            ctx.must(self.area(unit, ctx.date).is_some(), 2010, "unit")?;
            let quota = ctx.text("quota");
            ctx.must(quota == "*" || self.quota(quota).is_some(), 3017, "quota")?;
        } else {
            let month = ctx.text("period");
            let last = self.closed.get(unit).map(String::as_str).unwrap_or_default();
            ctx.must(last < month, 3090, "period")?;
            let kept = |rec: &&Rc<Rec>| (310..=361).contains(&rec.no) && rec.unit == unit;
            let months = self.recs.iter().filter(kept).map(|rec| &rec.date[..7]);
            let skipped = months.into_iter().any(|m| last < m && m < month);
            ctx.must(!skipped, 3091, "period")?;
            let next = plus(&format!("{month}-28"), 4);
            let over = next[..7] <= self.today.as_str().max(ctx.date)[..7];
            ctx.must(over, 3092, "period")?;
            let recs: Vec<&Rc<Rec>> =
                self.recs.iter().filter(kept).filter(|rec| rec.date.starts_with(month)).collect();
            let sum: i128 = recs.iter().map(|rec| rec.amount).sum();
            let count = i128::try_from(recs.len()).unwrap();
            ctx.must(ctx.number("records") == count, 3093, "records")?;
            ctx.must(ctx.amount() == sum, 3093, "amount")?;
            self.closed.insert(unit.into(), month.into());
        }
        Ok(Made { unit: unit.into(), ..Made::default() })
    }
}

/// Sender or paying unit, and payee, of a record with a bank reference.
fn ends(rec: &Rec) -> (String, &str) {
    match rec.no {
        330 => (rec.text("unit").into(), rec.text("household")),
        331 => (rec.text("unit").into(), rec.text("project")),
        _ if rec.text("from_unit").is_empty() => ("src".into(), rec.text("to_unit")),
        _ => (rec.text("from_unit").into(), rec.text("to_unit")),
    }
}

/// Parts of a tranche's record, by source.
pub(crate) fn parts(rec: &Rec) -> [i128; 3] {
    SOURCES.map(|source| {
        let path = format!("Q.owed.{source}.{}", rec.text("home_city"));
        rec.legs.get(&path).copied().unwrap_or(0)
    })
}
