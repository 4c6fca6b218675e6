//! The registers: areas, households, members, accounts, projects, loans.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::decide::{Answer, Ctx, Made};
use crate::doc::{Fields, number, text};
use crate::form::trimmed;
use crate::model::{Area, Binding, House, Loan, Model, Project, Stay, on, plus};

const REGISTERED: [&str; 2] = ["registered", "exited"];

fn made(unit: &str) -> Made {
    Made { unit: unit.to_owned(), ..Made::default() }
}

fn flag(fields: &Fields, name: &str) -> Option<bool> {
    fields.get(name).and_then(Value::as_bool)
}

fn stay(member: &Fields, date: &str) -> Stay {
    let mut marks = Fields::new();
    for name in ["ability", "dibao", "student", "insured"] {
        marks.insert(name.into(), member[name].clone());
    }
    Stay {
        person: text(member, "person").into(),
        no: number(member, "no").unwrap_or(0),
        from: date.into(),
        end: None,
        died: None,
        marks,
    }
}

impl Model {
    /// 5013 of the register: a poverty office, the area below it.
    fn office(&self, ctx: &Ctx<'_>, unit: &str, field: &str) -> Answer<()> {
        let org = &self.orgs[ctx.org];
        ctx.must(org.kind == "PO" && unit.starts_with(&org.unit), 5013, field)?;
        self.approved(ctx, unit)
    }

    pub(crate) fn registry(&mut self, ctx: &mut Ctx<'_>, kind: u32) -> Answer<Made> {
        match kind {
            101..=104 => self.area_event(ctx, kind),
            110 => self.household_registered(ctx),
            111 | 112 => self.household_changed(ctx, kind),
            113 => self.split_household(ctx),
            114 => self.merge_households(ctx),
            115..=119 => self.state_event(ctx, kind),
            120..=123 => self.member_event(ctx, kind),
            124 => self.member_moved(ctx),
            130 | 131 => self.account_event(ctx, kind),
            140..=142 => self.project_event(ctx, kind),
            _ => self.loan_event(ctx, kind),
        }
    }

    fn area_event(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let (code, date) = (trimmed(ctx.text("code")).to_owned(), ctx.date.to_owned());
        let org = &self.orgs[ctx.org];
        let above = org.kind == "PO" && code.starts_with(&org.unit) && org.unit.len() <= 6;
        ctx.must(above, 5013, "code")?;
        self.approved(ctx, &code)?;
        if kind == 101 {
            ctx.must(!self.areas.contains_key(&code), 2011, "code")?;
            let parent = trimmed(ctx.text("parent"));
            let step = [(2, 4), (4, 6), (6, 9), (9, 12)].contains(&(parent.len(), code.len()));
            let fits = step && code.starts_with(parent) && self.area(parent, &date).is_some();
            ctx.must(fits, 2012, "parent")?;
            let mut area = Area { from: date.clone(), ..Area::default() };
            area.name.push((date.clone(), ctx.text("name_zh").into()));
            area.poor.extend(flag(ctx.line, "poor").map(|poor| (date.clone(), poor)));
            area.direct.extend(flag(ctx.line, "direct_county").map(|is| (date.clone(), is)));
            self.areas.insert(code.clone(), area);
            return Ok(made(&code));
        }
        ctx.must(self.area(&code, &date).is_some(), 2010, "code")?;
        match kind {
            102 => self.amend_area(ctx, &code)?,
            103 => {
                let next = trimmed(ctx.text("successor"));
                let valid = next.is_empty() || self.area(next, &date).is_some();
                ctx.must(valid, 2010, "successor")?;
                self.areas.get_mut(&code).unwrap().end = Some(date);
            }
            _ => {
                ctx.must(self.poor(&code, &date), 2004, "code")?;
                self.areas.get_mut(&code).unwrap().poor.push((date, false));
            }
        }
        Ok(made(&code))
    }

    fn amend_area(&mut self, ctx: &Ctx<'_>, code: &str) -> Answer<()> {
        let (date, area) = (ctx.date.to_owned(), self.areas.get_mut(code).unwrap());
        let name = ctx.text("name_zh");
        let given = [
            ("name_zh", !name.is_empty(), on(&area.name, &date).map(String::as_str) == Some(name)),
            ("poor", ctx.line.contains_key("poor"), {
                on(&area.poor, &date).copied().unwrap_or(false)
                    == flag(ctx.line, "poor").unwrap_or(false)
            }),
            ("direct_county", ctx.line.contains_key("direct_county"), {
                on(&area.direct, &date).copied().unwrap_or(false)
                    == flag(ctx.line, "direct_county").unwrap_or(false)
            }),
        ];
        let first = given.iter().find(|(_, given, _)| *given).map_or("*", |(name, ..)| name);
        ctx.must(given.iter().any(|(_, given, same)| *given && !same), 2004, first)?;
        if !name.is_empty() {
            area.name.push((date.clone(), name.into()));
        }
        area.poor.extend(flag(ctx.line, "poor").map(|poor| (date.clone(), poor)));
        area.direct.extend(flag(ctx.line, "direct_county").map(|is| (date.clone(), is)));
        Ok(())
    }

    fn free_person(&self, ctx: &Ctx<'_>, person: &str, field: &str) -> Answer<()> {
        let here = |stay: &Stay| {
            stay.person == person && stay.end.as_deref().is_none_or(|end| ctx.date < end)
        };
        let elsewhere = self.houses.values().any(|house| house.stays.iter().any(here));
        ctx.must(!elsewhere, 2021, field)
    }

    fn household_registered(&mut self, ctx: &Ctx<'_>) -> Answer<Made> {
        let (code, village, date) = (ctx.text("household"), ctx.text("village"), ctx.date);
        self.office(ctx, village, "village")?;
        ctx.must(!self.houses.contains_key(code), 2001, "household")?;
        ctx.must(self.area(village, date).is_some(), 2010, "village")?;
        let members = ctx.line["members"].as_array().unwrap();
        let mut stays: Vec<Stay> = Vec::new();
        for (i, member) in members.iter().filter_map(Value::as_object).enumerate() {
            let stay = stay(member, date);
            let field = format!("members.{i}.person");
            self.free_person(ctx, &stay.person, &field)?;
            ctx.must(!stays.iter().any(|s| s.person == stay.person), 2021, &field)?;
            stays.push(stay);
        }
        ctx.must(stays.len() <= 30, 2022, "members")?;
        // What it begins with holds before its day, too: an event may be dated back beyond it.
        let at = |value: String| vec![(String::new(), value)];
        let house = House {
            state: vec![],
            village: at(village.into()),
            class: at(ctx.text("class").into()),
            causes: at(ctx.line["causes"].to_string()),
            helper: at(ctx.text("helping_unit").into()),
            stays,
        };
        self.houses.insert(code.into(), house);
        Ok(made(village))
    }

    /// A known household and the poverty office above it.
    fn household(&self, ctx: &Ctx<'_>, field: &str) -> Answer<(String, String)> {
        let code = ctx.text(field);
        ctx.must(self.houses.contains_key(code), 2002, field)?;
        let village = self.village(code, ctx.date);
        self.office(ctx, &village, field)?;
        Ok((code.to_owned(), village))
    }

    fn household_changed(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let (code, village) = self.household(ctx, "household")?;
        let date = ctx.date.to_owned();
        if kind == 112 {
            let to = ctx.text("village");
            let org = &self.orgs[ctx.org];
            ctx.must(to.starts_with(&org.unit), 5013, "village")?;
            self.approved(ctx, to)?;
            ctx.must(self.area(to, &date).is_some(), 2010, "village")?;
            ctx.must(to != village, 2004, "village")?;
            self.houses.get_mut(&code).unwrap().village.push((date, to.into()));
            return Ok(made(&village));
        }
        let causes = ctx.line.get("causes").map(Value::to_string).unwrap_or_default();
        let house = self.houses.get_mut(&code).unwrap();
        let given = [
            ("class", ctx.text("class").to_owned(), &mut house.class),
            ("causes", causes, &mut house.causes),
            ("helping_unit", ctx.text("helping_unit").to_owned(), &mut house.helper),
        ];
        let given = given.into_iter().filter(|(_, value, _)| !value.is_empty());
        let (mut first, mut changes) = ("*", false);
        for (name, value, list) in given {
            first = if first == "*" { name } else { first };
            if on(list, &date) != Some(&value) {
                changes = true;
                list.push((date.clone(), value));
            }
        }
        ctx.must(changes, 2004, first)?;
        Ok(made(&village))
    }

    /// A member who is active on the day and has not left later.
    fn member(&mut self, ctx: &Ctx<'_>, code: &str, no: i128, field: &str) -> Answer<&mut Stay> {
        let date = ctx.date;
        let stays = &mut self.houses.get_mut(code).unwrap().stays;
        let open = |s: &&mut Stay| s.no == no && s.from.as_str() <= date && s.end.is_none();
        match stays.iter_mut().find(open) {
            Some(stay) => Ok(stay),
            None => ctx.no(2020, field),
        }
    }

    fn in_state(&self, ctx: &Ctx<'_>, code: &str, allowed: &[&str], field: &str) -> Answer<()> {
        ctx.must(allowed.contains(&self.state(code, ctx.date)), 2003, field)
    }

    fn split_household(&mut self, ctx: &Ctx<'_>) -> Answer<Made> {
        let (code, village) = self.household(ctx, "household")?;
        let (new, date) = (ctx.text("new_household"), ctx.date.to_owned());
        self.in_state(ctx, &code, &REGISTERED, "household")?;
        ctx.must(!self.houses.contains_key(new), 2001, "new_household")?;
        let mut moved = Vec::new();
        for (i, member) in ctx.line["members"].as_array().unwrap().iter().enumerate() {
            let no = number(member.as_object().unwrap(), "no").unwrap();
            let field = format!("members.{i}.no");
            let stay = self.member(ctx, &code, no, &field)?;
            stay.end = Some(date.clone());
            let mut stay = stay.clone();
            (stay.from, stay.end) = (date.clone(), None);
            moved.push(stay);
        }
        let stays = |s: &Stay| s.from <= date && s.end.is_none();
        let left = self.houses[&code].stays.iter().any(stays);
        ctx.must(left && !moved.is_empty(), 2023, "members")?;
        let (state, old) = (self.state(&code, &date), &self.houses[&code]);
        let mut house = old.clone();
        house.stays = moved;
        let last =
            |list: &Vec<(String, String)>| vec![(String::new(), on(list, &date).unwrap().clone())];
        (house.village, house.class) = (last(&old.village), last(&old.class));
        (house.causes, house.helper) = (last(&old.causes), last(&old.helper));
        // To be registered is where every household begins, and no change.
        house.state.clear();
        if state != "registered" {
            house.state.push((date.clone(), state));
        }
        self.houses.insert(new.into(), house);
        self.joined.push((code, new.into()));
        Ok(made(&village))
    }

    fn merge_households(&mut self, ctx: &Ctx<'_>) -> Answer<Made> {
        ctx.must(self.houses.contains_key(ctx.text("into")), 2002, "into")?;
        ctx.must(self.houses.contains_key(ctx.text("from")), 2002, "from")?;
        let (into, village) = self.household(ctx, "into")?;
        let (from, _) = self.household(ctx, "from")?;
        let date = ctx.date.to_owned();
        self.in_state(ctx, &into, &REGISTERED, "into")?;
        self.in_state(ctx, &from, &REGISTERED, "from")?;
        ctx.must(into != from, 2004, "from")?;
        let open = |s: &&mut Stay| s.from <= date && s.end.is_none();
        let house = self.houses.get_mut(&from).unwrap();
        let mut moving: Vec<Stay> = Vec::new();
        for stay in house.stays.iter_mut().filter(open) {
            stay.end = Some(date.clone());
            moving.push(Stay { from: date.clone(), end: None, ..stay.clone() });
        }
        moving.sort_by_key(|stay| stay.no);
        let there = self.houses[&into].stays.iter().filter(|s| s.end.is_none()).count();
        ctx.must(there + moving.len() <= 30, 2022, "into")?;
        let (state_into, state_from) = (self.state(&into, &date), self.state(&from, &date));
        let house = self.houses.get_mut(&into).unwrap();
        let greatest = house.stays.iter().map(|stay| stay.no).max().unwrap_or(0);
        for (mut stay, no) in moving.into_iter().zip(greatest + 1..) {
            stay.no = no;
            house.stays.push(stay);
        }
        if state_from == "registered" && state_into != "registered" {
            house.state.push((date.clone(), "registered"));
        }
        self.houses.get_mut(&from).unwrap().state.push((date, "dissolved"));
        self.joined.push((into, from));
        Ok(made(&village))
    }

    fn state_event(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let (code, village) = self.household(ctx, "household")?;
        let (allowed, next): (&[&str], _) = match kind {
            115 => (&["registered"], "exited"),
            116 => (&["exited"], "registered"),
            117 => (&REGISTERED, "removed"),
            118 => (&["removed", "dissolved"], "registered"),
            _ => (&REGISTERED, "dissolved"),
        };
        self.in_state(ctx, &code, allowed, "household")?;
        self.houses.get_mut(&code).unwrap().state.push((ctx.date.into(), next));
        Ok(made(&village))
    }

    fn member_event(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let (code, village) = self.household(ctx, "household")?;
        let date = ctx.date.to_owned();
        let no = ctx.number("no");
        match kind {
            120 => {
                self.in_state(ctx, &code, &REGISTERED, "household")?;
                let stay = stay(ctx.line["member"].as_object().unwrap(), &date);
                self.free_person(ctx, &stay.person, "member.person")?;
                let house = self.houses.get_mut(&code).unwrap();
                let active = house.stays.iter().filter(|s| s.end.is_none()).count();
                ctx.must(active < 30, 2022, "member")?;
                ctx.must(!house.stays.iter().any(|s| s.no == stay.no), 1019, "member.no")?;
                house.stays.push(stay);
            }
            121 => {
                let stay = self.member(ctx, &code, no, "no")?;
                // Marks have no days: what was posted last holds.
                let mut marks = stay.marks.clone();
                let names = ["ability", "dibao", "student", "insured"];
                let given: Vec<&str> =
                    names.into_iter().filter(|name| ctx.line.contains_key(*name)).collect();
                for name in &given {
                    marks.insert((*name).into(), ctx.line[*name].clone());
                }
                let first = given.first().copied().unwrap_or("*");
                ctx.must(marks != stay.marks, 2004, first)?;
                stay.marks = marks;
            }
            122 => self.member(ctx, &code, no, "no")?.end = Some(date),
            _ => {
                let died = ctx.text("died").to_owned();
                let stay = self.member(ctx, &code, no, "no")?;
                // The day of death still counts.
                stay.end = Some(plus(&died, 1));
                stay.died = Some(died);
            }
        }
        Ok(made(&village))
    }

    fn member_moved(&mut self, ctx: &Ctx<'_>) -> Answer<Made> {
        ctx.must(self.houses.contains_key(ctx.text("from")), 2002, "from")?;
        ctx.must(self.houses.contains_key(ctx.text("to")), 2002, "to")?;
        let (from, village) = self.household(ctx, "from")?;
        let (to, _) = self.household(ctx, "to")?;
        let (date, new_no) = (ctx.date.to_owned(), ctx.number("new_no"));
        let found = self.member(ctx, &from, ctx.number("no"), "no")?.clone();
        self.in_state(ctx, &to, &["registered"], "to")?;
        let house = self.houses.get_mut(&to).unwrap();
        let active = house.stays.iter().filter(|s| s.end.is_none()).count();
        ctx.must(active < 30, 2022, "to")?;
        ctx.must(!house.stays.iter().any(|s| s.no == new_no), 1019, "new_no")?;
        house.stays.push(Stay { no: new_no, from: date.clone(), ..found });
        self.member(ctx, &from, ctx.number("no"), "no")?.end = Some(date);
        Ok(made(&village))
    }

    fn account_event(&mut self, ctx: &mut Ctx<'_>, kind: u32) -> Answer<Made> {
        let (code, village) = self.household(ctx, "household")?;
        let (account, date) = (ctx.text("account").to_owned(), ctx.date.to_owned());
        if kind == 131 {
            let known = self.bindings.iter().any(|b| b.account == account && b.end.is_none());
            ctx.must(known, 2030, "account")?;
            let open = |b: &&mut Binding| {
                (&b.account, &b.household) == (&account, &code) && b.end.is_none() && b.from <= date
            };
            let binding = self.bindings.iter_mut().find(open);
            ctx.soft(binding.is_some(), 3047, "account")?;
            if let Some(binding) = binding {
                binding.end = Some(date);
            }
            return Ok(made(&village));
        }
        let holder = ctx.text("holder");
        let member = self.active(&code, &date).iter().any(|stay| stay.person == holder);
        ctx.soft(member || !ctx.text("guardian_reason").is_empty(), 2031, "holder")?;
        let open = |b: &Binding| (&b.account, &b.household) == (&account, &code) && b.end.is_none();
        ctx.must(!self.bindings.iter().any(open), 2032, "account")?;
        let kind = ctx.text("account_kind").to_owned();
        self.bindings.push(Binding { account, household: code, kind, from: date, end: None });
        Ok(made(&village))
    }

    /// 2041: whole numbers 1-1,000,000, each target once; returns the register.
    fn shares(ctx: &Ctx<'_>) -> Answer<Option<BTreeMap<String, i128>>> {
        let Some(entries) = ctx.line.get("shares").and_then(Value::as_array) else {
            return Ok(None);
        };
        let mut out = BTreeMap::new();
        for (i, entry) in entries.iter().filter_map(Value::as_object).enumerate() {
            let household = text(entry, "household");
            let target = if household.is_empty() { text(entry, "village") } else { household };
            let shares = number(entry, "shares").unwrap_or(0);
            let well = (1..=1_000_000).contains(&shares);
            ctx.must(well, 2041, &format!("shares.{i}.shares"))?;
            ctx.must(out.insert(target.to_owned(), shares).is_none(), 2041, "shares")?;
        }
        Ok(Some(out))
    }

    fn project_event(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let (id, date) = (ctx.text("project").to_owned(), ctx.date.to_owned());
        if kind == 140 {
            let unit = ctx.text("unit").to_owned();
            self.office(ctx, &unit, "unit")?;
            ctx.must(!self.projects.contains_key(&id), 2042, "project")?;
            ctx.must(self.area(&unit, &date).is_some(), 2010, "unit")?;
            ctx.must(self.purpose(ctx.text("purpose"), &date).is_some(), 4020, "purpose")?;
            let shares = Self::shares(ctx)?.unwrap_or_default();
            let project = Project {
                unit: unit.clone(),
                purpose: ctx.text("purpose").into(),
                planned: ctx.number("planned"),
                shares: vec![(String::new(), shares)],
                ..Project::default()
            };
            self.projects.insert(id, project);
            return Ok(made(&unit));
        }
        let Some(project) = self.projects.get(&id) else { return ctx.no(2040, "project") };
        let unit = project.unit.clone();
        self.office(ctx, &unit, "project")?;
        if kind == 142 {
            let settled =
                ["B.open", "I.due"].iter().all(|c| self.balance(&format!("{c}.{id}")) == 0);
            ctx.must(settled, 2043, "project")?;
            self.projects.get_mut(&id).unwrap().closed = Some(date);
            return Ok(made(&unit));
        }
        let shares = Self::shares(ctx)?;
        let project = self.projects.get_mut(&id).unwrap();
        let planned = number(ctx.line, "planned");
        let accepts = !ctx.text("state").is_empty();
        let old = on(&project.shares, &date);
        let changes = planned.is_some_and(|fen| fen != project.planned)
            || shares.as_ref().is_some_and(|new| old != Some(new))
            || (accepts && !project.accepted && project.closed.is_none());
        let first = ["planned", "shares", "state"].into_iter().find(|n| ctx.line.contains_key(*n));
        ctx.must(changes, 2004, first.unwrap_or("*"))?;
        project.planned = planned.unwrap_or(project.planned);
        project.accepted |= accepts;
        project.shares.extend(shares.map(|new| (date, new)));
        Ok(made(&unit))
    }

    fn loan_event(&mut self, ctx: &Ctx<'_>, kind: u32) -> Answer<Made> {
        let (id, date) = (ctx.text("loan").to_owned(), ctx.date.to_owned());
        if kind == 146 {
            let Some(loan) = self.loans.get(&id).filter(|l| l.end.is_none() && l.from <= date)
            else {
                return ctx.no(2053, "loan");
            };
            let village = self.village(&loan.household, &date);
            self.office(ctx, &village, "loan")?;
            self.loans.get_mut(&id).unwrap().end = Some(date);
            return Ok(made(&village));
        }
        let (household, village) = self.household(ctx, "household")?;
        let (principal, months, rate) =
            (ctx.number("principal"), ctx.number("months"), ctx.number("rate_bp"));
        ctx.must(principal <= 5_000_000, 2051, "principal")?;
        ctx.must(months <= 36, 2051, "months")?;
        ctx.must(!self.loans.contains_key(&id), 2052, "loan")?;
        self.loans.insert(id, Loan { household, principal, months, rate, from: date, end: None });
        Ok(made(&village))
    }
}
