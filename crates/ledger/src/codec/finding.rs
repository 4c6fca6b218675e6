//! Finding events as messages.

use proto::log::v1 as pb;
use record::{Fen, Record, Seq};

use super::money::{set, set_bytes, token, word};
use super::{DecodeError, Payload, common, need, read_common};
use crate::event::Common;
use crate::event::finding::{
    Evidence, FindingClosed, FindingExplained, FindingOpened, FindingReferred, FindingReopened,
};

type Decoded<T> = Result<(T, Common), DecodeError>;

fn positions(evidence: &Evidence) -> Vec<u64> {
    evidence.iter().map(|seq| seq.0).collect()
}

fn evidence(positions: &[u64]) -> Evidence {
    positions.iter().map(|seq| Seq(*seq)).collect()
}

impl Payload for FindingOpened {
    type Message = pb::FindingOpened;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_bytes(&mut m.finding, &self.finding.0);
        set_bytes(&mut m.alert, self.alert.as_ref().map_or(&[], |alert| alert.0.as_slice()));
        set(&mut m.text, &self.text);
        m.severity = u32::from(self.severity);
        m.evidence = positions(&self.evidence);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let alert = match m.alert.as_slice() {
            [] => None,
            bytes => Some(token("alert", bytes)?),
        };
        let body = Self {
            finding: token("finding", &m.finding)?,
            alert,
            text: m.text.as_str().into(),
            severity: need("severity", u8::try_from(m.severity).ok())?,
            evidence: evidence(&m.evidence),
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for FindingExplained {
    type Message = pb::FindingExplained;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_bytes(&mut m.finding, &self.finding.0);
        set(&mut m.text, &self.text);
        m.evidence = positions(&self.evidence);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let (finding, text) = (token("finding", &m.finding)?, m.text.as_str().into());
        Ok((Self { finding, text, evidence: evidence(&m.evidence) }, read_common!(m)))
    }
}

impl Payload for FindingReferred {
    type Message = pb::FindingReferred;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_bytes(&mut m.finding, &self.finding.0);
        set(&mut m.to, &self.to);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let (finding, to) = (token("finding", &m.finding)?, m.to.as_str().into());
        Ok((Self { finding, to }, read_common!(m)))
    }
}

impl Payload for FindingClosed {
    type Message = pb::FindingClosed;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_bytes(&mut m.finding, &self.finding.0);
        set(&mut m.outcome, self.outcome.as_str());
        m.recovered_fen = self.recovered.map(Fen::get);
        m.evidence = positions(&self.evidence);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let body = Self {
            finding: token("finding", &m.finding)?,
            outcome: word("outcome", &m.outcome)?,
            recovered: m.recovered_fen.map(Fen::new),
            evidence: evidence(&m.evidence),
        };
        Ok((body, read_common!(m)))
    }
}

impl Payload for FindingReopened {
    type Message = pb::FindingReopened;

    fn fill(&self, common: &Common, m: &mut Self::Message) {
        common!(m, common);
        set_bytes(&mut m.finding, &self.finding.0);
        set(&mut m.text, &self.text);
    }

    fn read(m: &Self::Message, _: &Record<'_>) -> Decoded<Self> {
        let (finding, text) = (token("finding", &m.finding)?, m.text.as_str().into());
        Ok((Self { finding, text }, read_common!(m)))
    }
}
