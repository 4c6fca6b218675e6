//! Findings: opened, explained, referred, closed, reopened. They move no money.
//!
//! Source: domain contract, section 9; 粤发〔2016〕13号 §13, §25.

use record::{Fen, Seq};

use super::money::Word;
use super::{At, Body, Drift};
use crate::field::Field;
use crate::ids::{AlertId, FindingId};
use crate::state::State;
use crate::state::findings::{Finding, Stage};
use crate::voucher::VoucherBuilder;

/// Positions of records that bear a finding out, in the order given.
pub type Evidence = Box<[Seq]>;

fn put_evidence(line: &mut VoucherBuilder, evidence: &[Seq]) {
    for seq in evidence {
        // The form checks pass no position beyond.
        line.push_int(Field::Evidence, i64::try_from(seq.0).unwrap_or(i64::MAX));
    }
}

/// Kind 401: an inspector adopts an alert or opens a case by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingOpened {
    /// Its id.
    pub finding: FindingId,
    /// The alert that is adopted; `None`: opened by hand, and the text says why.
    pub alert: Option<AlertId>,
    /// What it is about; empty: the alert says it.
    pub text: Box<str>,
    /// Severity, 1-3.
    pub severity: u8,
    /// Records that bear it out.
    pub evidence: Evidence,
}

impl Body for FindingOpened {
    fn fields(&self, line: &mut VoucherBuilder) {
        if let Some(alert) = self.alert {
            line.token(Field::Alert, alert);
        }
        line.text(Field::Text, &self.text).int(Field::Severity, i64::from(self.severity));
        put_evidence(line, &self.evidence);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.findings.add(Finding {
            id: self.finding,
            alert: self.alert,
            severity: self.severity,
            evidence: self.evidence.iter().copied().collect(),
            steps: [(at.seq, Stage::Open)].into(),
        })
    }
}

/// Kind 402: an organisation concerned explains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingExplained {
    /// Finding.
    pub finding: FindingId,
    /// Explanation.
    pub text: Box<str>,
    /// Records that bear it out.
    pub evidence: Evidence,
}

impl Body for FindingExplained {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.token(Field::Finding, self.finding).text(Field::Text, &self.text);
        put_evidence(line, &self.evidence);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.findings.step(self.finding, Stage::Explained, at.seq)
    }
}

/// Kind 403: the case is handed over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingReferred {
    /// Finding.
    pub finding: FindingId,
    /// To whom.
    pub to: Box<str>,
}

impl Body for FindingReferred {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.token(Field::Finding, self.finding).text(Field::To, &self.to);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.findings.step(self.finding, Stage::Referred, at.seq)
    }
}

/// Kind 404: the case is done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingClosed {
    /// Finding.
    pub finding: FindingId,
    /// How it ended.
    pub outcome: Word,
    /// What was recovered.
    pub recovered: Option<Fen>,
    /// Records that bear it out.
    pub evidence: Evidence,
}

impl Body for FindingClosed {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.token(Field::Finding, self.finding).text(Field::Outcome, self.outcome.as_str());
        if let Some(recovered) = self.recovered {
            line.int(Field::Recovered, recovered.get());
        }
        put_evidence(line, &self.evidence);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.findings.step(self.finding, Stage::Closed, at.seq)
    }
}

/// Kind 405: a closed case is taken up again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FindingReopened {
    /// Finding.
    pub finding: FindingId,
    /// Why.
    pub text: Box<str>,
}

impl Body for FindingReopened {
    fn fields(&self, line: &mut VoucherBuilder) {
        line.token(Field::Finding, self.finding).text(Field::Text, &self.text);
    }

    fn evolve(&self, state: &mut State, at: &At) -> Result<(), Drift> {
        state.findings.step(self.finding, Stage::Reopened, at.seq)
    }
}
