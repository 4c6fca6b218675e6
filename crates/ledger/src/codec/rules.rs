//! Rule events as messages.

use std::sync::Arc;

use proto::log::v1 as m;
use record::Record;

use super::{DecodeError, Payload, common, days, need, of_days, read_common};
use crate::event::Common;
use crate::event::rules::{
    Adoption, ApprovalRuleAdopted, AreasAdopted, BaselineSet, CapRuleAdopted,
    FlagParametersAdopted, FlowsAdopted, PairingAdopted, PeriodRuleAdopted, PurposesAdopted,
    SchemeAdopted,
};
use crate::ids::Unit;
use crate::rules::cap::CapFields;
use crate::rules::scheme::BorneBy;
use crate::rules::{
    ApprovalRule, AreaList, Baseline, CapRule, FlagParameters, Flows, Pairing, PeriodRule,
    Purposes, RuleRow, Scheme, SchemeKey, pairing,
};

type Decoded<T> = Result<(T, Common), DecodeError>;

/// Sets what every version says of itself.
macro_rules! adoption {
    ($m:ident, $adoption:expr) => {
        $m.version = $adoption.version;
        $m.effective_from = $adoption.effective_from.map(days);
        $m.effective_to = $adoption.effective_to.map(days);
    };
}

/// Reads what every version says of itself.
macro_rules! read_adoption {
    ($m:ident) => {
        Adoption {
            version: $m.version,
            effective_from: $m.effective_from.map(|d| of_days("effective_from", d)).transpose()?,
            effective_to: $m.effective_to.map(|d| of_days("effective_to", d)).transpose()?,
        }
    };
}

fn unit(name: &'static str, text: &str) -> Result<Unit, DecodeError> {
    need(name, Unit::parse_exact(text))
}

impl Payload for SchemeAdopted {
    type Message = m::SchemeAdopted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        m.scheme.clone_from(&self.content.name);
        m.home_code = self.key.to_string();
        m.weights.clone_from(&self.content.weights);
        m.helper_share_borne_by = self.content.borne_by.name().into();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            adoption: read_adoption!(m),
            key: need("home_code", SchemeKey::parse(&m.home_code))?,
            content: Arc::new(Scheme {
                name: m.scheme.clone(),
                weights: m.weights.clone(),
                borne_by: need("helper_share_borne_by", BorneBy::parse(&m.helper_share_borne_by))?,
            }),
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for PairingAdopted {
    type Message = m::PairingAdopted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        m.helper = self.content.helper.to_string();
        m.home = self.content.home.to_string();
        m.mode = self.content.mode.name().into();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let content = Pairing {
            helper: unit("helper", &m.helper)?,
            home: unit("home", &m.home)?,
            mode: need("mode", pairing::Mode::parse(&m.mode))?,
        };
        let body = Self { adoption: read_adoption!(m), content: Arc::new(content) };
        Ok((body, read_common!(m)))
    }
}

fn row_messages(rows: Vec<RuleRow>) -> Vec<m::Row> {
    let cell = |(column, value)| m::Cell { column, value };
    rows.into_iter().map(|row| m::Row { cells: row.0.into_iter().map(cell).collect() }).collect()
}

fn row_contents(rows: &[m::Row]) -> Vec<RuleRow> {
    let cell = |cell: &m::Cell| (cell.column.clone(), cell.value.clone());
    rows.iter().map(|row| RuleRow(row.cells.iter().map(cell).collect())).collect()
}

/// Rules that are rows of a data file.
macro_rules! of_rows {
    ($($name:ident: $content:ident),*) => {
        $(impl Payload for $name {
            type Message = m::$name;

            fn fill(&self, common: &Common, m: &mut Self::Message) {
                common!(m, common);
                adoption!(m, self.adoption);
                m.rows = row_messages(self.content.to_rows());
            }

            fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
                let content = need("rows", $content::parse(&row_contents(&m.rows)).ok())?;
                let body = Self { adoption: read_adoption!(m), content: Arc::new(content) };
                Ok((body, read_common!(m)))
            }
        })*
    };
}
of_rows! { PurposesAdopted: Purposes, FlowsAdopted: Flows, AreasAdopted: AreaList }

impl Payload for CapRuleAdopted {
    type Message = m::CapRuleAdopted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        let fields = self.content.to_fields();
        m.per_head_fen = fields.per_head_fen;
        m.pool_cap = fields.pool_cap;
        m.household_line = fields.household_line;
        m.programmes = fields.programmes;
        m.head_basis = fields.head_basis;
        m.drift_basis = fields.drift_basis;
        m.years = fields.years;
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let content = CapRule::parse(&CapFields {
            per_head_fen: m.per_head_fen,
            pool_cap: m.pool_cap.clone(),
            household_line: m.household_line.clone(),
            programmes: m.programmes.clone(),
            head_basis: m.head_basis.clone(),
            drift_basis: m.drift_basis.clone(),
            years: m.years.clone(),
        });
        let content = Arc::new(need("cap rule", content.ok())?);
        Ok((Self { adoption: read_adoption!(m), content }, read_common!(m)))
    }
}

impl Payload for ApprovalRuleAdopted {
    type Message = m::ApprovalRuleAdopted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        m.threshold_fen = Some(self.content.threshold_fen);
        m.always = self.content.always.iter().map(|kind| kind.name().to_owned()).collect();
        m.self_approval = ApprovalRule::SELF_APPROVAL.into();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let threshold = need("threshold_fen", m.threshold_fen)?;
        let content = ApprovalRule::parse(threshold, &m.always, &m.self_approval);
        let content = Arc::new(need("approval rule", content.ok())?);
        Ok((Self { adoption: read_adoption!(m), content }, read_common!(m)))
    }
}

impl Payload for FlagParametersAdopted {
    type Message = m::FlagParametersAdopted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        m.flag = self.content.flag.to_string();
        let param = |(name, value): &(&str, i64)| m::Param { name: (*name).into(), value: *value };
        m.params = self.content.values().iter().map(param).collect();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let params: Vec<_> = m.params.iter().map(|p| (p.name.clone(), p.value)).collect();
        let content = Arc::new(need("params", FlagParameters::parse(&m.flag, &params).ok())?);
        Ok((Self { adoption: read_adoption!(m), content }, read_common!(m)))
    }
}

impl Payload for BaselineSet {
    type Message = m::BaselineSet;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        m.home_city = self.home_city.to_string();
        m.heads = self.content.heads;
        m.as_of = days(self.content.as_of);
        let county =
            |(unit, heads): &(Unit, u64)| m::CountyHeads { unit: unit.to_string(), heads: *heads };
        m.counties = self.content.counties.iter().map(county).collect();
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let county = |c: &m::CountyHeads| Ok((unit("counties", &c.unit)?, c.heads));
        let content = Baseline {
            heads: m.heads,
            as_of: of_days("as_of", m.as_of)?,
            counties: m.counties.iter().map(county).collect::<Result<_, _>>()?,
        };
        let body = Self {
            adoption: read_adoption!(m),
            home_city: unit("home_city", &m.home_city)?,
            content: Arc::new(content),
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for PeriodRuleAdopted {
    type Message = m::PeriodRuleAdopted;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        adoption!(m, self.adoption);
        m.period = PeriodRule::PERIOD.into();
        m.backdate_days = Some(self.content.backdate_days);
        m.future_days = Some(0);
        m.registry_backdate_days = Some(self.content.registry_backdate_days);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let content = PeriodRule::parse(
            &m.period,
            need("backdate_days", m.backdate_days)?,
            need("future_days", m.future_days)?,
            need("registry_backdate_days", m.registry_backdate_days)?,
        );
        let content = Arc::new(need("period rule", content.ok())?);
        Ok((Self { adoption: read_adoption!(m), content }, read_common!(m)))
    }
}
