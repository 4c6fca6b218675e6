//! The cap rule 额度规则: how much a home city's pool may be planned.

use super::rows::ContentError;
use crate::words::Programme;

/// Whether receipts above the review line are refused (3055) or only shown (F08).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HouseholdLine {
    /// Shown.
    Flag,
    /// Refused.
    Hard,
}

impl HouseholdLine {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Hard => "hard",
        }
    }
}

/// Which registered people are compared with the declared heads (F19).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DriftBasis {
    /// All active members of registered households where somebody can work.
    Labour,
    /// Active members who can work, fully or partly.
    Able,
    /// All active members.
    All,
}

impl DriftBasis {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Labour => "labour",
            Self::Able => "able",
            Self::All => "all",
        }
    }
}

/// The content of a version, as given in the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CapFields {
    /// Fen for each declared head.
    pub per_head_fen: i64,
    /// `hard`.
    pub pool_cap: String,
    /// `flag` or `hard`.
    pub household_line: String,
    /// Programmes that count.
    pub programmes: Vec<String>,
    /// `declared`.
    pub head_basis: String,
    /// `labour`, `able` or `all`.
    pub drift_basis: String,
    /// Years in which tranches may be opened.
    pub years: Vec<u32>,
}

/// A cap rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CapRule {
    /// Fen for each declared head. 2,000,000 by 粤发〔2016〕13号 §13.
    pub per_head_fen: i64,
    /// What happens above a household's review line.
    pub household_line: HouseholdLine,
    /// Programmes that count against the ceiling, as adopted.
    pub programmes: Vec<Programme>,
    /// What drift is measured against.
    pub drift_basis: DriftBasis,
    /// Years in which tranches may be opened, ascending.
    pub years: Vec<u32>,
}

/// Most fen a head: the largest amount of a line.
const PER_HEAD_MAX: i64 = 1_000_000_000_000_000;

impl CapRule {
    /// Reads the content of a version.
    ///
    /// # Errors
    /// The first field that is not as it must be.
    pub fn parse(fields: &CapFields) -> Result<Self, ContentError> {
        if !(1..=PER_HEAD_MAX).contains(&fields.per_head_fen) {
            let what = format!("{} is not 1 to {PER_HEAD_MAX}", fields.per_head_fen);
            return Err(ContentError::new("per_head_fen", what));
        }
        word("pool_cap", &fields.pool_cap, &["hard"])?;
        let line = word("household_line", &fields.household_line, &["flag", "hard"])?;
        let household_line = if line == "hard" { HouseholdLine::Hard } else { HouseholdLine::Flag };
        let mut programmes = Vec::new();
        for name in &fields.programmes {
            word("programmes", name, Programme::WORDS)?;
            let programme = Programme::parse(name).unwrap_or(Programme::Dev);
            if programmes.contains(&programme) {
                return Err(ContentError::new("programmes", format!("{name} stands twice")));
            }
            programmes.push(programme);
        }
        if programmes.is_empty() {
            return Err(ContentError::new("programmes", "is empty"));
        }
        word("head_basis", &fields.head_basis, &["declared"])?;
        let basis = word("drift_basis", &fields.drift_basis, &["labour", "able", "all"])?;
        let drift_basis = [DriftBasis::Labour, DriftBasis::Able, DriftBasis::All]
            .into_iter()
            .find(|b| b.name() == basis)
            .unwrap_or(DriftBasis::Labour);
        let ascending = fields.years.windows(2).all(|pair| pair.first() < pair.last());
        let in_range = fields.years.iter().all(|year| (2_016..=2_100).contains(year));
        if fields.years.is_empty() || !ascending || !in_range {
            let what = "years ascend, each once, from 2016 to 2100";
            return Err(ContentError::new("years", what));
        }
        let (per_head_fen, years) = (fields.per_head_fen, fields.years.clone());
        Ok(Self { per_head_fen, household_line, programmes, drift_basis, years })
    }

    /// The content as a line gives it.
    pub fn to_fields(&self) -> CapFields {
        CapFields {
            per_head_fen: self.per_head_fen,
            pool_cap: "hard".into(),
            household_line: self.household_line.name().into(),
            programmes: self.programmes.iter().map(|p| p.name().to_owned()).collect(),
            head_basis: "declared".into(),
            drift_basis: self.drift_basis.name().into(),
            years: self.years.clone(),
        }
    }

    /// What a pool of so many heads may be planned, in fen.
    pub fn ceiling_fen(&self, heads: u64) -> i128 {
        i128::from(self.per_head_fen).saturating_mul(i128::from(heads))
    }

    /// Whether a tranche may be opened for a year (3011).
    pub fn has_year(&self, year: u32) -> bool {
        self.years.contains(&year)
    }

    /// First and last year.
    pub fn span(&self) -> (u32, u32) {
        let first = self.years.first().copied().unwrap_or(0);
        (first, self.years.last().copied().unwrap_or(first))
    }

    /// Whether money of a programme counts against the ceiling.
    pub fn counts(&self, programme: Programme) -> bool {
        self.programmes.contains(&programme)
    }
}

/// A field that holds one of these words.
pub(super) fn word<'a>(
    field: &str,
    text: &'a str,
    words: &[&str],
) -> Result<&'a str, ContentError> {
    if words.contains(&text) {
        Ok(text)
    } else {
        let what = format!("{text} is not one of {}", words.join(", "));
        Err(ContentError::new(field, what))
    }
}
