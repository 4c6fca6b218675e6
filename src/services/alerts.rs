//! What the red flags find in a running ledger.
//!
//! Lives here: facts that are kept between two questions, alerts as messages.
//! Lives elsewhere: flags and facts (`views::flags`), who may see what (`scope`), pages (`page`).
//!
//! Always: computed from durable records, on a thread of its own and without a lock that posting needs. A
//! kept fold gives the alerts of one from zero; it is let go of when nobody has asked for a while, so that
//! a server at rest keeps its memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::ids::Date;
use ledger::reject::Reason;
use proto::v1;
use record::Seq;
use views::flags::{Alert, Facts, Flag, alerts, row};

use crate::reading::{DurableLog, reason};

/// How long facts are kept that nobody asks for: the pages of one list come within seconds.
const KEPT: Duration = Duration::from_secs(300);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// The last record that counts, the end of a voucher.
    pub(super) position: Seq,
    /// The day asked about; `None`: the day on which that record was posted.
    pub(super) date: Option<Date>,
    /// Only this flag.
    pub(super) flag: Option<Flag>,
}

/// What was found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// The day asked about.
    pub(super) date: Date,
    /// In the order of flag, subject, first record.
    pub(super) alerts: Arc<Vec<Alert>>,
}

/// Facts between two questions.
#[derive(Clone, Default)]
pub(super) struct Keeper {
    kept: Arc<Mutex<Kept>>,
    questions: Arc<AtomicU64>,
}

#[derive(Default)]
struct Kept {
    facts: Facts,
    /// The question that was answered last: its next page asks the same.
    last: Option<(Question, Found)>,
}

impl Keeper {
    /// Answers a question; of an earlier position than that of the question before by a fold from zero.
    ///
    /// # Errors
    /// 9004 when the log cannot be read.
    pub(super) fn find(&self, log: &DurableLog, asked: Question) -> Result<Found, Reason> {
        // Facts that a panic left behind are begun anew.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = kept.last.as_ref().filter(|(question, _)| *question == asked) {
            return Ok(found.clone());
        }
        if asked.position.next() < kept.facts.next_seq() {
            *kept = Kept::default();
        }
        let mut facts = std::mem::take(&mut kept.facts);
        kept.last = None;
        facts.extend(log, asked.position).map_err(|error| reason(&error))?;
        let date = asked.date.unwrap_or_else(|| facts.posted());
        let found = Found { date, alerts: Arc::new(alerts(&facts, date, asked.flag)) };
        *kept = Kept { facts, last: Some((asked, found.clone())) };
        Ok(found)
    }

    /// Lets go of the facts later, unless somebody asks before.
    pub(super) fn let_go_later(&self) {
        let (keeper, n) = (self.clone(), self.questions.fetch_add(1, Ordering::Relaxed));
        tokio::spawn(async move {
            tokio::time::sleep(KEPT).await;
            if keeper.questions.load(Ordering::Relaxed) == n.saturating_add(1) {
                *keeper.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
            }
        });
    }
}

/// An alert as a message.
pub fn message(alert: &Alert) -> v1::Alert {
    let named = row(alert.flag);
    let text = |of: fn(&views::flags::Row) -> &'static str| named.map_or("", of).to_owned();
    v1::Alert {
        alert_id: alert.id.to_vec(),
        flag: alert.flag.to_string(),
        name: text(|row| row.name),
        name_zh: text(|row| row.name_zh),
        parameter_version: alert.parameter_version,
        subject: alert.subject.to_string(),
        severity: alert.severity.into(),
        amount_fen: alert.amount_fen,
        evidence: alert.evidence.iter().map(|seq| seq.0).collect(),
        evidence_total: alert.evidence_total,
        sentence: alert.sentence_en.clone(),
        sentence_zh: alert.sentence_zh.clone(),
    }
}
