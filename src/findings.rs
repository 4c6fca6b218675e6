//! Findings as readers get them: from the state, with what was said in their records.
//!
//! Lives here: rows of a list, the same from a server and from a directory.
//! Lives elsewhere: how far a finding has come (`ledger::state::findings`), paging and scope (`services`).
//!
//! Always: a row holds what its records say; nothing of it is kept beside the log.

use journal::Reader;
use ledger::codec::Codec;
use ledger::event::Event;
use ledger::event::money::VoucherPosted;
use ledger::ids::Date;
use ledger::reject::Reason;
use ledger::state::State;
use ledger::state::findings::{Finding, Stage};
use proto::v1;
use record::{Record, Seq};

use crate::node::lookup::unreadable;

/// Which findings are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted {
    /// How far it has come; `None`: all.
    pub stage: Option<Stage>,
    /// Least severity; 0: all.
    pub severity_min: u32,
}

/// The findings that are wanted, in the order of opening.
pub fn found(state: &State, wanted: Wanted) -> Vec<Finding> {
    let fits = |finding: &&Finding| {
        wanted.stage.is_none_or(|stage| finding.stage() == stage)
            && wanted.severity_min <= u32::from(finding.severity)
    };
    state.findings.iter().filter(fits).cloned().collect()
}

/// A row of the list.
///
/// # Errors
/// 9004 when a record cannot be read.
pub fn entry(reader: &dyn Reader, finding: &Finding) -> Result<v1::FindingEntry, Reason> {
    let steps = finding.steps.iter().map(|(seq, stage)| step(reader, *seq, *stage));
    Ok(v1::FindingEntry {
        finding: finding.id.0.to_vec(),
        alert: finding.alert.map(|alert| alert.0.to_vec()).unwrap_or_default(),
        severity: u32::from(finding.severity),
        stage: finding.stage().name().to_owned(),
        evidence: finding.evidence.iter().map(|seq| seq.0).collect(),
        steps: steps.collect::<Result<_, _>>()?,
    })
}

fn step(reader: &dyn Reader, seq: Seq, stage: Stage) -> Result<v1::FindingStep, Reason> {
    let mut out =
        v1::FindingStep { seq: seq.0, stage: stage.name().to_owned(), ..Default::default() };
    let see = |record: &Record<'_>, header: Option<&VoucherPosted>| {
        out.date = Date(record.date()).to_string();
        if let Some(header) = header {
            out.organisation = header.organisation.to_string();
            out.prepared_by = header.prepared_by.to_string();
        }
        match Codec::new().decode(record).map(|entry| entry.event) {
            Ok(Event::FindingOpened(e)) => out.text = e.text.into(),
            Ok(Event::FindingExplained(e)) => out.text = e.text.into(),
            Ok(Event::FindingReferred(e)) => out.text = e.to.into(),
            Ok(Event::FindingReopened(e)) => out.text = e.text.into(),
            Ok(Event::FindingClosed(e)) => {
                out.outcome = e.outcome.to_string();
                out.recovered_fen = e.recovered.map(record::Fen::get);
            }
            _ => {}
        }
    };
    with_record(reader, seq, see)?;
    Ok(out)
}

/// Shows a record, and the header of its voucher.
///
/// # Errors
/// 9004 when the log cannot be read.
pub fn with_record(
    reader: &dyn Reader,
    seq: Seq,
    see: impl FnOnce(&Record<'_>, Option<&VoucherPosted>),
) -> Result<(), Reason> {
    let block = reader.block_of(seq).map_err(|error| unreadable(&error))?;
    let mut header = None;
    for record in block.iter().flat_map(|block| block.records()) {
        if record.part() == 0 {
            header = match Codec::new().decode(&record).map(|entry| entry.event) {
                Ok(Event::VoucherPosted(posted)) => Some(posted),
                _ => None,
            };
        }
        if record.seq() == seq {
            see(&record, header.as_ref());
            break;
        }
    }
    Ok(())
}
