//! The ledger told again, naively: lists of what happened, asked from the beginning each time.
//!
//! Lives here: what is remembered, and questions about it that several kinds ask.
//! Lives elsewhere: the order of checks (`decide`), the kinds (`money`, `registry`, `rules`).
//!
//! Always: written from the rules alone. Nothing of the ledger under test is used.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::doc::{Fields, number, text};

/// Legs by account path.
pub(crate) type Legs = BTreeMap<String, i128>;

/// A record of a line that was accepted.
#[derive(Debug)]
pub(crate) struct Rec {
    pub(crate) seq: u64,
    pub(crate) no: u32,
    pub(crate) date: String,
    pub(crate) org: String,
    /// `organisation/voucher_no/line_no`.
    pub(crate) name: String,
    pub(crate) fields: Fields,
    pub(crate) amount: i128,
    pub(crate) legs: Legs,
    /// Unit of account.
    pub(crate) unit: String,
    /// The record it refers to.
    pub(crate) refers: Option<u64>,
    /// 330: village of the household on that day. 312, 310: the issuer.
    pub(crate) note: String,
}

impl Rec {
    pub(crate) fn text(&self, name: &str) -> &str {
        text(&self.fields, name)
    }
}

/// Something that holds from a day on; of one day what was posted last.
pub(crate) type Since<T> = Vec<(String, T)>;

pub(crate) fn on<'a, T>(list: &'a Since<T>, date: &str) -> Option<&'a T> {
    let mut found: Option<&(String, T)> = None;
    for entry in list.iter().filter(|(day, _)| day.as_str() <= date) {
        if found.is_none_or(|(day, _)| *day <= entry.0) {
            found = Some(entry);
        }
    }
    found.map(|(_, value)| value)
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Area {
    pub(crate) from: String,
    /// First day on which it is not valid.
    pub(crate) end: Option<String>,
    pub(crate) name: Since<String>,
    pub(crate) poor: Since<bool>,
    pub(crate) direct: Since<bool>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stay {
    pub(crate) person: String,
    pub(crate) no: i128,
    pub(crate) from: String,
    pub(crate) end: Option<String>,
    pub(crate) died: Option<String>,
    pub(crate) marks: Fields,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct House {
    pub(crate) state: Since<&'static str>,
    pub(crate) village: Since<String>,
    pub(crate) class: Since<String>,
    pub(crate) causes: Since<String>,
    pub(crate) helper: Since<String>,
    pub(crate) stays: Vec<Stay>,
}

#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub(crate) account: String,
    pub(crate) household: String,
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) end: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Project {
    pub(crate) unit: String,
    pub(crate) purpose: String,
    pub(crate) planned: i128,
    pub(crate) shares: Since<BTreeMap<String, i128>>,
    pub(crate) accepted: bool,
    pub(crate) closed: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Loan {
    pub(crate) household: String,
    pub(crate) principal: i128,
    pub(crate) months: i128,
    pub(crate) rate: i128,
    pub(crate) from: String,
    pub(crate) end: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Version {
    pub(crate) number: i128,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) content: Fields,
}

#[derive(Clone, Debug)]
pub(crate) struct Org {
    pub(crate) kind: String,
    pub(crate) unit: String,
}

/// Everything that is remembered.
#[derive(Clone, Default)]
pub(crate) struct Model {
    /// Position of the next record.
    pub(crate) next: u64,
    pub(crate) today: String,
    pub(crate) recs: Vec<Rc<Rec>>,
    /// First position and content by key.
    pub(crate) keys: BTreeMap<(String, String), (u64, String)>,
    pub(crate) balances: BTreeMap<String, i128>,
    pub(crate) orgs: BTreeMap<String, Org>,
    /// First day and scope by official, organisation, role; revoked ones are gone.
    pub(crate) roles: BTreeMap<(String, String, String), (String, Vec<String>)>,
    /// Whom an official belongs to, for ever.
    pub(crate) home_of: BTreeMap<String, String>,
    pub(crate) keys_of: BTreeMap<String, String>,
    pub(crate) certificates: BTreeMap<String, bool>,
    pub(crate) areas: BTreeMap<String, Area>,
    pub(crate) houses: BTreeMap<String, House>,
    /// Households that were split or merged belong together.
    pub(crate) joined: Vec<(String, String)>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) projects: BTreeMap<String, Project>,
    pub(crate) loans: BTreeMap<String, Loan>,
    /// Versions by rule and key, `Rule` or `Rule key`.
    pub(crate) rules: BTreeMap<String, Vec<Version>>,
    /// Last closed month by unit.
    pub(crate) closed: BTreeMap<String, String>,
}

/// Rows of a data file, by column.
pub(crate) fn rows(data: &str) -> Vec<Fields> {
    let mut reader = csv::Reader::from_reader(data.as_bytes());
    let columns = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let cells = columns.iter().zip(&record).filter(|(_, cell)| !cell.is_empty());
        cells.map(|(c, cell)| (c.to_owned(), cell.into())).collect()
    };
    reader.records().map(Result::unwrap).map(row).collect()
}

impl Model {
    pub(crate) fn balance(&self, path: &str) -> i128 {
        self.balances.get(path).copied().unwrap_or(0)
    }

    pub(crate) fn live(&self, rec: &Rec) -> bool {
        !self.recs.iter().any(|r| r.no == 350 && r.refers == Some(rec.seq))
    }

    /// Live records of these kinds.
    pub(crate) fn of<'a>(&'a self, kinds: &'a [u32]) -> impl Iterator<Item = &'a Rc<Rec>> + 'a {
        self.recs.iter().filter(|rec| kinds.contains(&rec.no) && self.live(rec))
    }

    /// The sum of live records of these kinds that refer to a record.
    pub(crate) fn against(&self, seq: u64, kinds: &[u32]) -> i128 {
        self.of(kinds).filter(|rec| rec.refers == Some(seq)).map(|rec| rec.amount).sum()
    }

    /// The record that a reference names.
    pub(crate) fn named(&self, reference: &str) -> Option<Rc<Rec>> {
        let by_seq = reference.parse::<u64>().ok();
        let mut recs = self.recs.iter();
        recs.find(|r| Some(r.seq) == by_seq || r.name == reference).cloned()
    }

    /// The record that defines a quota.
    pub(crate) fn quota(&self, id: &str) -> Option<Rc<Rec>> {
        let defines = |rec: &&Rc<Rec>| matches!(rec.no, 310 | 312) && rec.text("quota") == id;
        self.recs.iter().find(defines).cloned()
    }

    pub(crate) fn version(&self, key: &str, date: &str) -> Option<&Version> {
        // A version replaces the one before for good, from its first day on.
        let versions = self.rules.get(key)?;
        let found = versions.iter().rev().find(|version| version.from.as_str() <= date)?;
        (found.to.is_empty() || date <= found.to.as_str()).then_some(found)
    }

    pub(crate) fn scheme(&self, city: &str, date: &str) -> Option<(String, &Version)> {
        [city, "*"].iter().find_map(|key| {
            let key = format!("SchemeAdopted {key}");
            self.version(&key, date).map(|version| (key, version))
        })
    }

    /// The helper that is paired with a home city.
    pub(crate) fn helper(&self, city: &str, date: &str) -> Option<&str> {
        let version = self.version(&format!("PairingAdopted {city}"), date)?;
        Some(text(&version.content, "helper"))
    }

    pub(crate) fn purpose(&self, code: &str, date: &str) -> Option<Fields> {
        let content = &self.version("PurposesAdopted", date)?.content;
        let rows = content.get("rows")?.as_array()?;
        rows.iter().filter_map(|row| row.as_object()).find(|row| text(row, "code") == code).cloned()
    }

    pub(crate) fn rule_number(&self, rule: &str, field: &str, date: &str) -> Option<i128> {
        number(&self.version(rule, date)?.content, field)
    }

    /// An area that is valid on a day.
    pub(crate) fn area(&self, unit: &str, date: &str) -> Option<&Area> {
        let valid = |area: &&Area| {
            area.from.as_str() <= date && area.end.as_deref().is_none_or(|end| date < end)
        };
        self.areas.get(unit).filter(valid)
    }

    pub(crate) fn poor(&self, village: &str, date: &str) -> bool {
        self.area(village, date).is_some_and(|area| on(&area.poor, date) == Some(&true))
    }

    /// Whether it is or was a poor village.
    pub(crate) fn once_poor(&self, village: &str, date: &str) -> bool {
        self.area(village, date)
            .is_some_and(|area| area.poor.iter().any(|(day, poor)| *poor && day.as_str() <= date))
    }

    pub(crate) fn direct(&self, county: &str, date: &str) -> bool {
        self.area(county, date).is_some_and(|area| on(&area.direct, date) == Some(&true))
    }

    pub(crate) fn state(&self, household: &str, date: &str) -> &'static str {
        let house = self.houses.get(household);
        house.and_then(|house| on(&house.state, date)).copied().unwrap_or("registered")
    }

    pub(crate) fn village(&self, household: &str, date: &str) -> String {
        let Some(house) = self.houses.get(household) else { return String::new() };
        on(&house.village, date).unwrap().clone()
    }

    pub(crate) fn active(&self, household: &str, date: &str) -> Vec<Stay> {
        let stays = self.houses.get(household).map(|house| house.stays.clone()).unwrap_or_default();
        let here = |stay: &Stay| {
            stay.from.as_str() <= date && stay.end.as_deref().is_none_or(|end| date < end)
        };
        stays.into_iter().filter(here).collect()
    }

    /// A household and all that it was split from or merged with.
    fn lineage(&self, household: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::from([household.to_owned()]);
        loop {
            let before = all.len();
            for (a, b) in &self.joined {
                if all.contains(a) || all.contains(b) {
                    all.extend([a.clone(), b.clone()]);
                }
            }
            if all.len() == before {
                return all;
            }
        }
    }

    /// What a lineage has received of the pool, and the most members that it ever had at a time.
    pub(crate) fn received(&self, household: &str, date: &str) -> (i128, i128) {
        let all = self.lineage(household);
        let dev = |rec: &Rec| {
            self.quota(rec.text("quota")).is_some_and(|def| def.text("programme") == "dev")
        };
        let paid: i128 = self
            .of(&[330])
            .filter(|rec| all.contains(rec.text("household")) && dev(rec))
            .map(|rec| rec.amount - self.against(rec.seq, &[340, 341]))
            .sum();
        let given: i128 = all.iter().map(|code| self.balance(&format!("B.hh.{code}"))).sum();
        let stays = || all.iter().flat_map(|code| &self.houses[code].stays);
        let days: BTreeSet<&str> =
            stays().map(|stay| stay.from.as_str()).filter(|day| *day <= date).collect();
        let on_day = |day: &str| {
            let here = |stay: &&Stay| {
                stay.from.as_str() <= day && stay.end.as_deref().is_none_or(|end| day < end)
            };
            stays().filter(here).count()
        };
        let peak = days.into_iter().map(on_day).max().unwrap_or(0);
        (paid + given, i128::try_from(peak).unwrap())
    }

    /// Whether an organisation keeps the books of a unit.
    pub(crate) fn may_post(&self, org: &str, unit: &str) -> bool {
        self.orgs.get(org).is_some_and(|org| match org.kind.as_str() {
            "FB" | "VC" => org.unit == unit,
            "TG" => org.unit == unit || (unit.len() == 12 && unit.starts_with(&org.unit)),
            _ => false,
        })
    }

    /// Whether an organisation acts for a quota's source.
    pub(crate) fn is_treasury(&self, org: &str, source: &str, treasury: &str) -> bool {
        self.orgs.get(org).is_some_and(|org| {
            let kind = if source == "U" { "HU" } else { "FB" };
            org.kind == kind && org.unit == treasury
        })
    }

    /// Scopes in which an official holds one of these roles, at this organisation or any.
    pub(crate) fn scopes(
        &self,
        official: &str,
        org: Option<&str>,
        roles: &[&str],
    ) -> BTreeSet<String> {
        self.roles
            .iter()
            .filter(|((who, at, role), _)| {
                who == official && org.is_none_or(|org| org == at) && roles.contains(&role.as_str())
            })
            .flat_map(|(_, (_, scope))| scope.iter().cloned())
            .collect()
    }
}

/// Days since the year 0 of the proleptic Gregorian calendar.
pub(crate) fn days(date: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| date[range].parse::<i64>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let month = usize::try_from(month - 1).unwrap();
    365 * (year - 1) + leaps(year - 1) + before[month] + i64::from(leap && month > 1) + day
}

/// The date so many days after another.
pub(crate) fn plus(date: &str, by: i64) -> String {
    let target = days(date) + by;
    let (mut year, mut month) = (target / 366, 1);
    while days(&format!("{:04}-01-01", year + 1)) <= target {
        year += 1;
    }
    while month < 12 && days(&format!("{year:04}-{:02}-01", month + 1)) <= target {
        month += 1;
    }
    let first = days(&format!("{year:04}-{month:02}-01"));
    format!("{year:04}-{month:02}-{:02}", target - first + 1)
}

/// The split of an amount over weights: largest remainder, on a tie who stands first.
pub(crate) fn split(amount: i128, weights: &[i128]) -> Vec<i128> {
    let total: i128 = weights.iter().sum();
    let mut parts: Vec<i128> = weights.iter().map(|w| amount * w / total).collect();
    let mut left = amount - parts.iter().sum::<i128>();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|i| (-(amount * weights[*i] % total), *i));
    for i in order {
        if left == 0 {
            break;
        }
        parts[i] += 1;
        left -= 1;
    }
    parts
}
