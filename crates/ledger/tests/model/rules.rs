//! Rules and access: what the province's two offices post.

use serde_json::Value;

use crate::decide::{Answer, Ctx, Made};
use crate::doc::{Fields, number, text};
use crate::form::padded;
use crate::model::{Area, Model, Org, Version, plus, rows, split};
use crate::table::{ROWS, row};

const FLAGS: &str = include_str!("../../data/flags.csv");

/// Roles by kind of organisation.
const HELD: [(&str, &str); 8] = [
    ("FB", "preparer approver finance_head reporter"),
    ("TG", "preparer approver finance_head reporter"),
    ("VC", "preparer notice reporter"),
    ("HU", "preparer approver reporter"),
    ("PO", "registrar registrar_approver notice reporter"),
    ("DI", "inspector reporter"),
    ("AU", "auditor reporter"),
    ("OP", "operator reporter"),
];

fn made() -> Made {
    Made { unit: "44".into(), ..Made::default() }
}

fn numbers(line: &Fields, name: &str) -> Vec<i128> {
    let list = line.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(Value::as_i64).map(i128::from).collect()
}

/// Whether a part falls somewhere while the total grows over one period.
fn falls(weights: &[i128]) -> bool {
    let total: i128 = weights.iter().sum();
    let steps: Vec<Vec<i128>> = (0..=total).map(|amount| split(amount, weights)).collect();
    steps.windows(2).any(|two| two[0].iter().zip(&two[1]).any(|(before, after)| after < before))
}

impl Model {
    pub(crate) fn rule(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        if let Some(counties) = ctx.line.get("counties").and_then(Value::as_array) {
            for (i, county) in counties.iter().filter_map(Value::as_object).enumerate() {
                let within = text(county, "unit").starts_with(ctx.text("home_city"));
                ctx.must(within, 1019, &format!("counties.{i}.unit"))?;
            }
        }
        self.approved(ctx, "44")?;
        let name = ctx.text("kind");
        let key = match kind {
            201 => ctx.text("home_code"),
            202 => ctx.text("home"),
            207 => ctx.text("flag"),
            209 => ctx.text("home_city"),
            _ => "",
        };
        let key = format!("{name} {key}").trim_end().to_owned();
        let given = ctx.text("effective_from");
        let from = if given.is_empty() { ctx.date } else { given }.to_owned();
        let to = ctx.text("effective_to").to_owned();
        let last = self.rules.get(&key).and_then(|versions| versions.last());
        ctx.must(last.is_none_or(|last| last.from <= from), 4001, "effective_from")?;
        let next = last.map_or(1, |last| last.number + 1);
        ctx.must(ctx.number("version") == next, 4002, "version")?;
        self.content(ctx, kind, &from, &to)?;
        let version = Version { number: next, from, to, content: ctx.line.clone() };
        self.rules.entry(key).or_default().push(version);
        Ok(made())
    }

    fn content(&self, ctx: &Ctx<'_>, kind: u32, from: &str, to: &str) -> Answer<()> {
        match kind {
            201 => {
                let weights = numbers(ctx.line, "weights");
                ctx.must(weights.iter().any(|w| *w != 0), 4003, "weights")?;
                ctx.must(weights.iter().sum::<i128>() <= 10_000, 4004, "weights")?;
                ctx.must(!falls(&weights), 4005, "weights")
            }
            202 => self.no_other_helper(ctx, from, to),
            203 => {
                for (i, row) in ctx.line["rows"].as_array().unwrap().iter().enumerate() {
                    let allowed = text(row.as_object().unwrap(), "allowed");
                    let field = format!("rows.{i}.allowed");
                    ctx.must(["yes", "no"].contains(&allowed), 4006, &field)?;
                }
                Ok(())
            }
            205 => {
                ctx.must(0 < ctx.number("per_head_fen"), 4006, "per_head_fen")?;
                ctx.must(ctx.text("pool_cap") == "hard", 4006, "pool_cap")
            }
            206 => {
                for (i, kind) in ctx.line["always"].as_array().unwrap().iter().enumerate() {
                    let known = row(kind.as_str().unwrap()).is_some();
                    ctx.must(known, 4006, &format!("always.{i}"))?;
                }
                Ok(())
            }
            207 => ctx.must(ctx.line.contains_key("params"), 4006, "params"),
            210 => ctx.must(ctx.text("period") == "month", 4006, "period"),
            209 => {
                let counties = ctx.line.get("counties").and_then(Value::as_array).cloned();
                let counties = counties.unwrap_or_default();
                let heads = |c: &Value| number(c.as_object().unwrap(), "heads").unwrap();
                let sum: i128 = counties.iter().map(heads).sum();
                ctx.must(sum <= ctx.number("heads"), 4013, "counties")
            }
            _ => Ok(()),
        }
    }

    /// 4014: a pairing that stands from before goes on until its end.
    fn no_other_helper(&self, ctx: &Ctx<'_>, from: &str, _to: &str) -> Answer<()> {
        let home = ctx.text("home");
        let Some(last) = self.rules.get(&format!("PairingAdopted {home}")).and_then(|v| v.last())
        else {
            return Ok(());
        };
        let other = text(&last.content, "helper") != ctx.text("helper");
        let stands = last.to.is_empty() || from <= last.to.as_str();
        ctx.must(!(other && stands), 4014, "home")
    }

    pub(crate) fn access(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        if kind == 500 {
            // An id says kind and unit.
            let stem = format!("{}{}", ctx.text("org_kind"), ctx.text("unit"));
            let rest = ctx.text("organisation").strip_prefix(stem.as_str());
            let fits = rest.is_some_and(|r| r.is_empty() || (r.starts_with('-') && r.len() > 1));
            ctx.must(fits, 1019, "organisation")?;
        }
        self.approved(ctx, "44")?;
        let (org, official) = (ctx.text("organisation"), ctx.text("official"));
        if let 501 | 502 | 504 = kind {
            ctx.must(self.orgs.contains_key(org), 5010, "organisation")?;
        }
        let hash = ctx.text("key_hash").to_owned();
        match kind {
            500 => {
                ctx.must(!self.orgs.contains_key(org), 5025, "organisation")?;
                let new = Org { kind: ctx.text("org_kind").into(), unit: ctx.text("unit").into() };
                self.orgs.insert(org.into(), new);
            }
            501 => self.grant(ctx)?,
            502 => {
                let key = (official.to_owned(), org.to_owned(), ctx.text("role").to_owned());
                let held = self.roles.get(&key).is_some_and(|(from, _)| from.as_str() <= ctx.date);
                ctx.must(held, 5026, "role")?;
                self.roles.remove(&key);
            }
            503 => {
                ctx.must(self.home_of.contains_key(official), 5010, "official")?;
                self.keys_of.insert(official.into(), ctx.text("public_key").into());
            }
            504 => {
                ctx.must(!self.certificates.contains_key(&hash), 2004, "key_hash")?;
                self.certificates.insert(hash, true);
            }
            _ => {
                ctx.must(self.certificates.get(&hash) == Some(&true), 2004, "key_hash")?;
                self.certificates.insert(hash, false);
            }
        }
        Ok(made())
    }

    fn grant(&mut self, ctx: &Ctx<'_>) -> Answer<()> {
        let (org, official) = (ctx.text("organisation"), ctx.text("official"));
        let home = self.home_of.get(official);
        ctx.must(home.is_none_or(|home| home == org), 5024, "organisation")?;
        let (role, row) = (ctx.text("role"), &self.orgs[org]);
        let held = HELD.iter().find(|(kind, _)| *kind == row.kind).unwrap().1;
        let keeps = role == "rule_keeper" && ["PO44", "FB44"].contains(&org);
        let is_helper = |versions: &Vec<Version>| {
            versions.iter().any(|v| text(&v.content, "helper") == row.unit)
        };
        let mut pairings = self.rules.iter().filter(|(key, _)| key.starts_with("PairingAdopted"));
        let helps =
            role == "helper_finance" && row.kind == "FB" && pairings.any(|(_, v)| is_helper(v));
        let may = held.split(' ').any(|one| one == role) || keeps || helps;
        ctx.must(may, 5024, "role")?;
        self.home_of.insert(official.into(), org.into());
        let scope = ctx.line["scope"].as_array().unwrap();
        let scope = scope.iter().map(|unit| unit.as_str().unwrap().to_owned()).collect();
        self.roles.insert((official.into(), org.into(), role.into()), (ctx.date.into(), scope));
        Ok(())
    }

    /// What a new ledger begins with: the first three vouchers.
    pub(crate) fn founded() -> Self {
        let mut model = Self { today: "2016-01-01".into(), ..Self::default() };
        for org in ["PO44", "FB44", "OP44"] {
            let new = Org { kind: org[..2].into(), unit: "44".into() };
            model.orgs.insert(org.into(), new);
        }
        let grants = "p.po44 rule_keeper,p.po44 registrar,a.po44 rule_keeper,\
            a.po44 registrar_approver,p.fb44 preparer,p.fb44 rule_keeper,a.fb44 approver,\
            a.fb44 finance_head,a.fb44 rule_keeper,p.op44 operator,a.op44 operator";
        let held = ("2016-01-01".to_owned(), vec!["44".to_owned()]);
        for (official, role) in grants.split(',').map(|grant| grant.split_once(' ').unwrap()) {
            let org = official[2..].to_uppercase();
            model.home_of.insert(official.into(), org.clone());
            model.roles.insert((official.into(), org, role.into()), held.clone());
        }
        let rules = model.first_rules();
        // Genesis; then a header and its lines for access, rules and areas.
        model.next = 1 + (1 + 3 + 11) + (1 + rules) + (1 + 1);
        model
    }

    /// Version 1 of every rule; returns how many records that makes.
    fn first_rules(&mut self) -> u64 {
        let mut count = 0;
        let mut adopt = |key: String, from: &str, content: Value| {
            let content = content.as_object().unwrap().clone();
            let version = Version { number: 1, from: from.into(), to: String::new(), content };
            self.rules.insert(key.trim_end().to_owned(), vec![version]);
            count += 1;
        };
        let short = |code: &str| crate::form::trimmed(&padded(code)).to_owned();
        let weight = |row: &Fields, name: &str| text(row, name).parse::<i64>().unwrap();
        for row in rows(include_str!("../../data/shares.csv")) {
            let names = ["province_weight", "helper_weight", "home_weight"];
            let weights: Vec<i64> = names.iter().map(|name| weight(&row, name)).collect();
            let home = text(&row, "home_code");
            let home = if home == "*" { home.to_owned() } else { short(home) };
            let content = serde_json::json!({ "weights": weights });
            adopt(format!("SchemeAdopted {home}"), "2016-06-04", content);
        }
        for row in rows(include_str!("../../data/pairings.csv")) {
            let helper = short(text(&row, "helper_code"));
            let home = short(text(&row, "home_code"));
            let content = serde_json::json!({ "helper": helper });
            adopt(format!("PairingAdopted {home}"), "2016-06-04", content);
        }
        let start = "2016-01-01";
        let list = |data: &str| serde_json::json!({ "rows": rows(data) });
        adopt("PurposesAdopted".into(), start, list(include_str!("../../data/purposes.csv")));
        adopt("FlowsAdopted".into(), start, list(include_str!("../../data/flows.csv")));
        let cap = serde_json::json!({"per_head_fen": 2_000_000, "years": [2016, 2017, 2018]});
        adopt("CapRuleAdopted".into(), start, cap);
        let always: Vec<&str> = ROWS.iter().filter(|r| r.approval).map(|r| r.name).collect();
        // Kinds of the vault that always need approval are never posted here.
        let approval = serde_json::json!({"threshold_fen": 5_000_000, "always": always});
        adopt("ApprovalRuleAdopted".into(), start, approval);
        for row in rows(FLAGS) {
            let key = format!("FlagParametersAdopted {}", text(&row, "id"));
            adopt(key, start, serde_json::json!({}));
        }
        let period = serde_json::json!({"backdate_days": 31, "registry_backdate_days": 366});
        adopt("PeriodRuleAdopted".into(), start, period);
        adopt("AreasAdopted".into(), start, serde_json::json!({}));
        for row in rows(include_str!("../../data/areas_guangdong.csv")) {
            let from = text(&row, "valid_from");
            let area = Area {
                from: if from.is_empty() { start.into() } else { from.into() },
                end: Some(text(&row, "valid_to")).filter(|to| !to.is_empty()).map(|to| plus(to, 1)),
                name: vec![(start.into(), text(&row, "name_zh").into())],
                ..Area::default()
            };
            self.areas.insert(short(text(&row, "code")), area);
        }
        count - 1
    }
}
