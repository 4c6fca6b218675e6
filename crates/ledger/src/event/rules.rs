//! Rule events: each adopts a version, with its whole content (201-210).

use std::sync::Arc;

use crate::event::{At, Body, Drift};
use crate::field::Field;
use crate::ids::{Date, Unit};
use crate::reject::Reason;
use crate::rules::cap::CapFields;
use crate::rules::scheme::BorneBy;
use crate::rules::{
    ApprovalRule, AreaList, Baseline, CapRule, ContentError, FlagParameters, Flows, Pairing,
    PeriodRule, Purposes, RuleRow, Rules, Scheme, SchemeKey, Version, Versions, pairing,
};
use crate::state::State;
use crate::voucher::{LineRef, Value, VoucherBuilder};

/// What every version says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Adoption {
    /// Number under its rule and key.
    pub version: u32,
    /// First day, as given; the voucher's effective date when it is not.
    pub effective_from: Option<Date>,
    /// Last day, as given.
    pub effective_to: Option<Date>,
}

impl Adoption {
    /// Reads a line; `None` for one that did not pass the form checks.
    pub fn read(line: LineRef<'_>) -> Option<Self> {
        let date = |field| match line.text(field) {
            "" => Some(None),
            text => Date::parse(text).map(Some),
        };
        Some(Self {
            version: u32::try_from(line.int(Field::Version)?).ok()?,
            effective_from: date(Field::EffectiveFrom)?,
            effective_to: date(Field::EffectiveTo)?,
        })
    }

    /// First day.
    pub fn from(&self, date: Date) -> Date {
        self.effective_from.unwrap_or(date)
    }

    fn write(&self, out: &mut VoucherBuilder) {
        let text = |date: Option<Date>| date.map_or_else(String::new, |date| date.to_string());
        out.int(Field::Version, i64::from(self.version))
            .text(Field::EffectiveFrom, &text(self.effective_from))
            .text(Field::EffectiveTo, &text(self.effective_to));
    }

    /// Appends the version to those of its rule and key.
    fn follow<T>(&self, versions: &mut Versions<T>, content: &Arc<T>, at: &At) {
        let (number, from, to) = (self.version, self.from(at.date), self.effective_to);
        versions.push(Version { number, from, to, seq: at.seq, content: content.clone() });
    }
}

/// Why a line cannot be read as a rule's content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// It did not pass the form checks.
    Form,
    /// The content does not validate (4006).
    Content(ContentError),
    /// Another refusal of the rule's row.
    Refused(Box<Reason>),
}

impl From<ContentError> for ReadError {
    fn from(error: ContentError) -> Self {
        Self::Content(error)
    }
}

type Read<T> = Result<T, ReadError>;

/// The content of a rule as fields of a line.
trait Content {
    fn write(&self, out: &mut VoucherBuilder);
}

/// Declares the rule events: key, content, and where the versions stand.
macro_rules! adopted {
    ($($(#[$doc:meta])* $name:ident { $($(#[$key_doc:meta])* $key:ident: $key_type:ty)? }
        $content:ty, $write_key:expr, $versions:expr;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, Debug)]
            pub struct $name {
                /// Number and days.
                pub adoption: Adoption,
                $($(#[$key_doc])* pub $key: $key_type,)?
                /// What the version says.
                pub content: Arc<$content>,
            }

            impl Body for $name {
                fn fields(&self, line: &mut VoucherBuilder) {
                    self.adoption.write(line);
                    let write_key: fn(&Self, &mut VoucherBuilder) = $write_key;
                    write_key(self, line);
                    self.content.write(line);
                }

                fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
                    let versions: for<'a> fn(&Self, &'a mut Rules) -> &'a mut Versions<$content> =
                        $versions;
                    self.adoption.follow(versions(self, state.rules.edit()), &self.content, at);
                    Ok(())
                }
            }
        )*
    };
}

adopted! {
    /// 201: a share scheme.
    SchemeAdopted {
        /// For whom.
        key: SchemeKey
    } Scheme,
        |e, out| {
            out.text(Field::HomeCode, &e.key.to_string());
        },
        |e, rules| rules.schemes.entry(e.key).or_default();
    /// 202: a pairing; its key is the home city.
    PairingAdopted {} Pairing, |_, _| (),
        |e, rules| rules.pairings.entry(e.content.home).or_default();
    /// 203: the list of purposes.
    PurposesAdopted {} Purposes, |_, _| (), |_, rules| &mut rules.purposes;
    /// 204: the flow table.
    FlowsAdopted {} Flows, |_, _| (), |_, rules| &mut rules.flows;
    /// 205: the cap rule.
    CapRuleAdopted {} CapRule, |_, _| (), |_, rules| &mut rules.cap;
    /// 206: the approval rule.
    ApprovalRuleAdopted {} ApprovalRule, |_, _| (), |_, rules| &mut rules.approval;
    /// 207: the parameters of a flag; its key is the flag.
    FlagParametersAdopted {} FlagParameters, |_, _| (),
        |e, rules| rules.flags.entry(e.content.flag).or_default();
    /// 208: the area list.
    AreasAdopted {} AreaList, |_, _| (), |_, rules| &mut rules.areas;
    /// 209: the declared heads of a home city.
    BaselineSet {
        /// The city.
        home_city: Unit
    } Baseline,
        |e, out| {
            out.text(Field::HomeCity, &e.home_city.to_string());
        },
        |e, rules| rules.baselines.entry(e.home_city).or_default();
    /// 210: the period rule.
    PeriodRuleAdopted {} PeriodRule, |_, _| (), |_, rules| &mut rules.period;
}

impl Content for Scheme {
    fn write(&self, out: &mut VoucherBuilder) {
        out.text(Field::Scheme, &self.name).text(Field::HelperShareBorneBy, self.borne_by.name());
        for weight in &self.weights {
            out.push_int(Field::Weights, i64::from(*weight));
        }
    }
}

impl Content for Pairing {
    fn write(&self, out: &mut VoucherBuilder) {
        out.text(Field::Helper, &self.helper.to_string())
            .text(Field::Home, &self.home.to_string())
            .text(Field::Mode, self.mode.name());
    }
}

fn write_rows(rows: &[RuleRow], out: &mut VoucherBuilder) {
    for row in rows {
        out.begin_entry(Field::Rows);
        for (column, value) in &row.0 {
            out.cell(column, value);
        }
    }
}

impl Content for Purposes {
    fn write(&self, out: &mut VoucherBuilder) {
        write_rows(&self.to_rows(), out);
    }
}

impl Content for Flows {
    fn write(&self, out: &mut VoucherBuilder) {
        write_rows(&self.to_rows(), out);
    }
}

impl Content for AreaList {
    fn write(&self, out: &mut VoucherBuilder) {
        write_rows(&self.to_rows(), out);
    }
}

impl Content for CapRule {
    fn write(&self, out: &mut VoucherBuilder) {
        let fields = self.to_fields();
        out.int(Field::PerHeadFen, fields.per_head_fen)
            .text(Field::PoolCap, &fields.pool_cap)
            .text(Field::HouseholdLine, &fields.household_line);
        for programme in &fields.programmes {
            out.push_text(Field::Programmes, programme);
        }
        out.text(Field::HeadBasis, &fields.head_basis).text(Field::DriftBasis, &fields.drift_basis);
        for year in &fields.years {
            out.push_int(Field::Years, i64::from(*year));
        }
    }
}

impl Content for ApprovalRule {
    fn write(&self, out: &mut VoucherBuilder) {
        out.int(Field::ThresholdFen, self.threshold_fen);
        for kind in &self.always {
            out.push_text(Field::Always, kind.name());
        }
        out.text(Field::SelfApproval, Self::SELF_APPROVAL);
    }
}

impl Content for FlagParameters {
    fn write(&self, out: &mut VoucherBuilder) {
        out.text(Field::Flag, &self.flag.to_string());
        for (name, value) in self.values() {
            out.begin_entry(Field::Params).member_text("name", name).member_int("value", *value);
        }
    }
}

impl Content for Baseline {
    fn write(&self, out: &mut VoucherBuilder) {
        let number = |heads: u64| i64::try_from(heads).unwrap_or(i64::MAX);
        out.int(Field::Heads, number(self.heads)).text(Field::AsOf, &self.as_of.to_string());
        for (unit, heads) in &self.counties {
            out.begin_entry(Field::Counties)
                .member_text("unit", &unit.to_string())
                .member_int("heads", number(*heads));
        }
    }
}

impl Content for PeriodRule {
    fn write(&self, out: &mut VoucherBuilder) {
        out.text(Field::PeriodUnit, Self::PERIOD)
            .int(Field::BackdateDays, i64::from(self.backdate_days))
            .int(Field::FutureDays, 0)
            .int(Field::RegistryBackdateDays, i64::from(self.registry_backdate_days));
    }
}

// Reading content off a line. What a rule's own row refuses is refused here.

fn form<T>(value: Option<T>) -> Read<T> {
    value.ok_or(ReadError::Form)
}

fn word(line: LineRef<'_>, field: Field) -> String {
    line.text(field).to_owned()
}

fn words(line: LineRef<'_>, field: Field) -> Vec<String> {
    line.list(field).iter().map(|value| value.text().to_owned()).collect()
}

fn small(line: LineRef<'_>, field: Field) -> Read<u32> {
    form(line.int(field).and_then(|number| u32::try_from(number).ok()))
}

/// Rows as given, cells in the order of the columns.
fn rows(line: LineRef<'_>) -> Vec<RuleRow> {
    let cells = |row: crate::voucher::Struct<'_>| {
        RuleRow(row.iter().map(|(c, v)| (c.to_owned(), v.text().to_owned())).collect())
    };
    line.list(Field::Rows).structures().map(cells).collect()
}

/// The key of a scheme.
pub fn scheme_key(line: LineRef<'_>) -> Read<SchemeKey> {
    form(SchemeKey::parse(line.text(Field::HomeCode)))
}

/// A share scheme.
pub fn scheme(line: LineRef<'_>) -> Read<Scheme> {
    let weights: Vec<i64> = line.list(Field::Weights).iter().filter_map(Value::int).collect();
    Scheme::check(&weights).map_err(|reason| ReadError::Refused(Box::new(reason)))?;
    Ok(Scheme {
        name: word(line, Field::Scheme),
        weights: weights.iter().filter_map(|weight| u32::try_from(*weight).ok()).collect(),
        borne_by: form(BorneBy::parse(line.text(Field::HelperShareBorneBy)))?,
    })
}

/// A pairing.
pub fn pairing(line: LineRef<'_>) -> Read<Pairing> {
    Ok(Pairing {
        helper: form(Unit::parse_exact(line.text(Field::Helper)))?,
        home: form(Unit::parse_exact(line.text(Field::Home)))?,
        mode: form(pairing::Mode::parse(line.text(Field::Mode)))?,
    })
}

/// The list of purposes.
pub fn purposes(line: LineRef<'_>) -> Read<Purposes> {
    Ok(Purposes::parse(&rows(line))?)
}

/// The flow table.
pub fn flows(line: LineRef<'_>) -> Read<Flows> {
    Ok(Flows::parse(&rows(line))?)
}

/// The area list.
pub fn areas(line: LineRef<'_>) -> Read<AreaList> {
    Ok(AreaList::parse(&rows(line))?)
}

/// The cap rule.
pub fn cap(line: LineRef<'_>) -> Read<CapRule> {
    let years = line.list(Field::Years);
    Ok(CapRule::parse(&CapFields {
        per_head_fen: form(line.int(Field::PerHeadFen))?,
        pool_cap: word(line, Field::PoolCap),
        household_line: word(line, Field::HouseholdLine),
        programmes: words(line, Field::Programmes),
        head_basis: word(line, Field::HeadBasis),
        drift_basis: word(line, Field::DriftBasis),
        years: form(years.iter().map(|y| u32::try_from(y.int()?).ok()).collect::<Option<_>>())?,
    })?)
}

/// The approval rule.
pub fn approval(line: LineRef<'_>) -> Read<ApprovalRule> {
    let threshold_fen = form(line.int(Field::ThresholdFen))?;
    let always = words(line, Field::Always);
    Ok(ApprovalRule::parse(threshold_fen, &always, line.text(Field::SelfApproval))?)
}

/// The parameters of a flag.
pub fn flag(line: LineRef<'_>) -> Read<FlagParameters> {
    let pair = |s: crate::voucher::Struct<'_>| Some((s.text("name").to_owned(), s.int("value")?));
    let params = line.list(Field::Params).structures().map(pair).collect::<Option<Vec<_>>>();
    Ok(FlagParameters::parse(line.text(Field::Flag), &form(params)?)?)
}

/// The home city of a baseline.
pub fn baseline_city(line: LineRef<'_>) -> Read<Unit> {
    form(Unit::parse_exact(line.text(Field::HomeCity)))
}

/// A baseline.
pub fn baseline(line: LineRef<'_>) -> Read<Baseline> {
    let heads = |number: Option<i64>| u64::try_from(number?).ok();
    let county = |s: crate::voucher::Struct<'_>| {
        Some((Unit::parse_exact(s.text("unit"))?, heads(s.int("heads"))?))
    };
    let counties = line.list(Field::Counties).structures().map(county);
    Ok(Baseline {
        heads: form(heads(line.int(Field::Heads)))?,
        as_of: form(Date::parse(line.text(Field::AsOf)))?,
        counties: form(counties.collect::<Option<_>>())?,
    })
}

/// The period rule.
pub fn period(line: LineRef<'_>) -> Read<PeriodRule> {
    Ok(PeriodRule::parse(
        line.text(Field::PeriodUnit),
        small(line, Field::BackdateDays)?,
        small(line, Field::FutureDays)?,
        small(line, Field::RegistryBackdateDays)?,
    )?)
}
