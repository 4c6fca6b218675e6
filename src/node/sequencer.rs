//! The one thread that decides: it owns the speculative state and the block that grows.
//!
//! Lives here: deciding vouchers in order, placing them in blocks, handing blocks on, sealing when due.
//! Lives elsewhere: the rules (`ledger`), durability (`commit`), answers (`reply`).
//!
//! Always: block N+1 is decided and sealed while N is being synced, and handed on only when that sync
//! returned. A voucher is decided and encoded before it joins a block. Two seals never follow each
//! other. What was taken from the queue is answered.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::decide::{Ask, Desk, Outcome, post, post_time};
use ledger::event::Entry;
use ledger::ids::Date;
use ledger::reject::{Reason, Refusal, Text};
use ledger::state::State;
use record::limits::SEAL_INTERVAL_MS;
use record::{BlockBuilder, ChainCheck, Draft, Placed, Seal, china_date, system};

use super::Shared;
use super::checkpoint::{self, Signed};
use super::clock::{ClockJump, PostClock};
use super::commit::{Committer, Work, lock};
use super::counters::Counters;
use super::past::Recent;
use super::reply::{Found, Preview, PreviewLine, Reply, Waiting, fail};
use super::snapshot::{self, Snapshot};
use super::submit::{Message, Posted, addressed, standing};

/// Up to here a block is committed by the sequencer itself while nobody else waits: two wake-ups less. A
/// larger one takes longer than a wake-up, and others will come meanwhile.
const ALONE_BYTES_MAX: usize = 64 << 10;

/// Lines decided, accepted or not, after which an idle committer gets them: about a millisecond's work, a
/// sync takes a tenth of it.
const HAND_ON_LINES: usize = 500;

/// Answers that wait, after which an idle committer gets them.
const HAND_ON_WAITING: usize = 32;

/// Where records get their time from.
pub(crate) enum Time {
    /// From the wall clock.
    Ordinary(PostClock),
    /// From the vouchers.
    Synthetic,
    /// One time for all that `init` posts on a synthetic ledger.
    Start(u64),
}

impl Time {
    /// Why nothing is appended, if the clock cannot be believed.
    pub(crate) fn jumped(&self) -> Option<ClockJump> {
        match self {
            Self::Ordinary(clock) => clock.jumped(),
            Self::Synthetic | Self::Start(_) => None,
        }
    }
}

/// The sequencer's own state.
pub(crate) struct Sequencer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) committer: Arc<Mutex<Committer>>,
    pub(crate) work: SyncSender<Work>,
    pub(crate) state: State,
    pub(crate) builder: BlockBuilder,
    pub(crate) time: Time,
    /// Time of the last record, speculative ones included.
    pub(crate) last_ms: u64,
    /// Monotonic time at which the first record since the last seal was placed; `None`: there is none.
    pub(crate) unsealed_since: Option<u64>,
    pub(crate) recent: Recent,
    pub(crate) desk: Desk,
    /// What waits for the block that grows, or for one before it.
    pub(crate) waiting: Vec<Waiting>,
    /// Lines of the vouchers among them.
    pub(crate) held_lines: usize,
    pub(crate) failed: bool,
    /// A rollback was accepted: its record is sealed and published before anything else.
    pub(crate) seal_first: bool,
    pub(crate) snapshots: snapshot::Due,
}

impl Sequencer {
    /// Works until the queue is closed and empty; then seals an ordinary ledger.
    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        if self.seal_first {
            // A failure is told by `notes`, and met again by the next start.
            drop(self.seal());
        }
        loop {
            if self.snapshots.now(self.builder.next_seq().0)
                && let Some(snapshot) = self.snapshot()
            {
                self.snapshots.give(snapshot);
            }
            let holding = self.holds_something();
            let turn = shared.inbox.next(holding, self.until_seal());
            match turn.message {
                Some(message) => {
                    self.handle(message);
                    if turn.idle && self.holds_enough() {
                        self.flush();
                    }
                }
                None if holding && turn.idle => self.flush(),
                None => {}
            }
            if turn.ended && !self.holds_something() {
                break;
            }
            if self.until_seal() == Some(Duration::ZERO) {
                // A failure of the seal has stopped the process, or will be met again in a minute.
                drop(self.seal());
            }
        }
        if matches!(self.time, Time::Ordinary(_)) && !self.failed {
            drop(self.seal());
        }
        if self.snapshots.at_stop(self.builder.next_seq().0)
            && let Some(snapshot) = self.snapshot()
        {
            self.snapshots.give(snapshot);
        }
    }

    /// Copies state, views and tree once all that was decided is durable and applied: they stand at one
    /// position, and nothing is in them that a power cut could take back. The copies share their rows with
    /// the ledger that goes on. `None` after a failed write.
    fn snapshot(&mut self) -> Option<Snapshot> {
        self.flush();
        self.shared.inbox.wait_idle();
        let committer = lock(&self.committer);
        let (applied, frontier) = (committer.applied(), committer.frontier().clone());
        drop(committer);
        let next_seq = self.builder.next_seq();
        if self.failed || applied.size() != next_seq.0 {
            return None;
        }
        assert_eq!(self.state.position().next_seq, next_seq, "the state is where the log ends");
        let published = self.shared.published.read().unwrap_or_else(PoisonError::into_inner);
        let published = published.as_ref().map(|signed| (signed.size, signed.root));
        Some(Snapshot {
            chain: ChainCheck::resume(next_seq, applied.chain_hash(), applied.time_ms()),
            unsealed: self.unsealed_since.is_some(),
            published,
            frontier,
            state: self.state.clone(),
            views: self.shared.views_mut().share(),
        })
    }

    /// Whether an idle committer is handed what is held although more waits in the queue. Without that
    /// whoever asks first would wait for everybody who comes after.
    fn holds_enough(&self) -> bool {
        HAND_ON_LINES <= self.held_lines || HAND_ON_WAITING <= self.waiting.len()
    }

    fn holds_something(&self) -> bool {
        0 < self.builder.count() || !self.waiting.is_empty()
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Post(posted) => self.post(*posted),
            Message::Look(look) => {
                let delivery = look(&self.state);
                self.waiting.push(Waiting::Look(delivery));
            }
            Message::Seal(sender) => {
                let sealed = self.seal();
                drop(sender.send(sealed));
            }
        }
    }

    fn post(&mut self, posted: Posted) {
        let voucher = &posted.post.voucher;
        let key = format!("{}/{}", voucher.organisation(), voucher.voucher_no());
        let found = if self.failed {
            refused(read_only("the process stops after a failed write"))
        } else {
            self.decide(&posted)
        };
        self.held_lines = self.held_lines.saturating_add(voucher.len());
        let (sender, charge) = (posted.sender, posted.charge);
        self.waiting.push(Waiting::Post { key, found, sender, charge });
    }

    /// Decides a voucher and, if it is accepted, places it.
    fn decide(&mut self, posted: &Posted) -> Found {
        let now_ms = match &mut self.time {
            Time::Synthetic => 0,
            Time::Start(start_ms) => *start_ms,
            Time::Ordinary(clock) => match clock.now(self.last_ms) {
                Ok(now_ms) => now_ms,
                Err(jump) => {
                    let mut jumped = self.shared.clock_jump.lock();
                    *jumped.as_deref_mut().unwrap_or_else(|poison| poison.get_mut()) = Some(jump);
                    return refused(read_only("clock"));
                }
            },
        };
        if let Some(organisation) = posted.post.identity {
            let time_ms = if now_ms == 0 { self.last_ms } else { now_ms };
            let today = Date(china_date(time_ms));
            let key = posted.post.key_hash;
            if let Err(reason) = standing(&self.state, organisation, key, today) {
                return refused(reason);
            }
        }
        if let Err(reject) = addressed(&self.shared.genesis.origin, &posted.post) {
            return Found::Refused(reject);
        }
        if self.month_turns(posted)
            && self.would_post(posted)
            && let Err(reason) = self.seal()
        {
            return refused(reason);
        }
        let outcome = self.ask(posted, now_ms, posted.post.validate_only);
        self.found(posted, outcome)
    }

    /// Whether a synthetic ledger seals before this voucher: it would open a later month.
    fn month_turns(&self, posted: &Posted) -> bool {
        let month = |ms| Date(china_date(ms)).month();
        matches!(self.time, Time::Synthetic)
            && !posted.post.validate_only
            && self.unsealed_since.is_some()
            && month(self.last_ms) < month(post_time(self.last_ms, posted.form.date, 0, true))
    }

    /// Whether the voucher would be accepted: only that moves the clock, and it is decided for its place
    /// behind the seal afterwards.
    fn would_post(&mut self, posted: &Posted) -> bool {
        let outcome = self.ask(posted, 0, true);
        matches!(outcome, Outcome::Posted { warnings, .. } if warnings.is_empty())
    }

    fn ask(&mut self, posted: &Posted, now_ms: u64, dry_run: bool) -> Outcome {
        let ask = Ask {
            voucher: &posted.post.voucher,
            form: &posted.form,
            digest: &posted.digest,
            signature: posted.signature,
            identity: posted.post.identity,
            now_ms,
            synthetic: matches!(self.time, Time::Synthetic),
            seq_next: self.builder.next_seq(),
            dry_run,
        };
        let past = self.recent.with(&self.builder);
        post(&mut self.state, &past, &ask, &mut self.desk)
    }

    fn found(&mut self, posted: &Posted, outcome: Outcome) -> Found {
        let dry_run = posted.post.validate_only;
        match outcome {
            Outcome::Refused(reject) => Found::Refused(reject),
            Outcome::Duplicate { first_seq } if dry_run => Found::PreviewDuplicate { first_seq },
            Outcome::Duplicate { first_seq } => {
                Counters::one(&self.shared.counters.duplicates);
                Found::Duplicate { first_seq }
            }
            Outcome::Posted { warnings, .. } if dry_run => {
                Counters::one(&self.shared.counters.dry_runs);
                Found::Preview(Box::new(self.preview(posted, warnings)))
            }
            Outcome::Posted { first_seq, last_seq, time_ms, .. } => {
                let placed = self.place(time_ms);
                assert!(
                    (placed.first_seq, placed.last_seq) == (first_seq, last_seq),
                    "decided for {first_seq}-{last_seq}, placed at {}-{}",
                    placed.first_seq,
                    placed.last_seq
                );
                Found::Posted(Box::new(Reply {
                    organisation: posted.post.voucher.organisation().to_owned(),
                    voucher_no: posted.post.voucher.voucher_no().to_owned(),
                    first_seq,
                    last_seq,
                    time_ms,
                    content_digest: posted.digest,
                    chain_hash: placed.head,
                }))
            }
        }
    }

    fn preview(&self, posted: &Posted, warnings: Vec<Refusal>) -> Preview {
        let line = |(entry, line_no): (&Entry, u32)| PreviewLine {
            line_no,
            kind: entry.event.kind().number(),
            legs: legs(entry),
            skipped: entry.common.skipped.clone(),
        };
        // The header record is no line.
        let lines = self.desk.entries.iter().zip(0_u32..).skip(1).map(line).collect();
        let warnings = warnings.into_iter().map(|warning| warning.reason).collect();
        Preview { lines, warnings, content_digest: posted.digest }
    }
}

fn legs(entry: &Entry) -> Vec<(String, i64)> {
    let path = |account: &ledger::account::Account| {
        let mut bytes = Vec::new();
        account.write(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let legs = entry.event.legs();
    let mut legs: Vec<_> = legs.as_slice().iter().map(|(a, fen)| (path(a), fen.get())).collect();
    legs.sort();
    legs
}

fn refused(reason: Reason) -> Found {
    Found::Refused(reason.at(0, "").into())
}

impl Sequencer {
    /// Places the encoded voucher in the block, closing that first when it has no room.
    fn place(&mut self, now_ms: u64) -> Placed {
        if !self.builder.fits(&self.desk.draft) {
            self.flush();
        }
        let placed = self.builder.append(&self.desk.draft, now_ms);
        self.recent.push(&self.builder, placed);
        self.last_ms = now_ms;
        if self.unsealed_since.is_none() {
            self.unsealed_since = Some(self.monotonic_ms());
        }
        placed
    }

    /// Hands the block and what waits to the committer, after the block before is durable.
    ///
    /// While nobody else waits this thread commits a small block by itself.
    fn flush(&mut self) {
        self.shared.inbox.wait_idle();
        let block = (0 < self.builder.count()).then(|| Arc::new(self.builder.finish()));
        let waiting = std::mem::take(&mut self.waiting);
        self.held_lines = 0;
        if let Some(block) = &block {
            self.recent.hand_on(Arc::clone(block));
        }
        let small = block.as_ref().is_none_or(|block| block.body().len() <= ALONE_BYTES_MAX);
        let work = Work { block, waiting };
        if small && self.shared.inbox.load().messages == 0 {
            self.failed |= !lock(&self.committer).work(work);
            return;
        }
        self.shared.inbox.set_idle(false);
        if let Err(unsent) = self.work.send(work) {
            // The committer's thread is gone, which a panic of ours alone can do.
            self.failed = true;
            for waiting in unsent.0.waiting {
                fail(waiting, None);
            }
            self.shared.inbox.set_idle(true);
        }
    }

    /// Writes a seal and publishes a checkpoint; when the last record is a seal, returns what was
    /// published then.
    fn seal(&mut self) -> Result<Signed, Reason> {
        self.flush();
        self.shared.inbox.wait_idle();
        let applied = lock(&self.committer).applied();
        if self.failed || applied.size() != self.builder.next_seq().0 {
            self.failed = true;
            return Err(read_only("the process stops after a failed write"));
        }
        if self.unsealed_since.is_none() {
            return self.published();
        }
        let now_ms = match &mut self.time {
            Time::Synthetic | Time::Start(_) => self.last_ms,
            Time::Ordinary(clock) => {
                // Tried again in a minute, by a process whose clock is believed.
                self.unsealed_since = Some(clock.monotonic_ms());
                clock.now(self.last_ms).map_err(|_| read_only("clock"))?
            }
        };
        let payload = self.seal_payload(applied.root()).encode();
        let mut draft = Draft::new();
        let pushed = draft.push(system::SEAL, china_date(now_ms), &[], &payload);
        pushed.map_err(|error| read_only(&error.to_string()))?;
        let placed = self.builder.append(&draft, now_ms);
        self.state.pass(placed.last_seq, now_ms);
        self.state.commit();
        self.last_ms = now_ms;
        self.unsealed_since = None;
        // The seal stands in a block of its own; what waits from here on waits for it, too.
        self.commit_here();
        self.publish()
    }

    /// The digests of exactly the records before the seal: the pipeline is empty, the views are at the head.
    fn seal_payload(&self, root: record::Hash) -> Seal {
        let mut views = self.shared.views_mut();
        Seal {
            root,
            accounts: views.accounts_digest(),
            views: views.views_digest(),
            version: views::VERSION,
        }
    }

    fn commit_here(&mut self) {
        let block = Arc::new(self.builder.finish());
        self.recent.hand_on(Arc::clone(&block));
        let waiting = std::mem::take(&mut self.waiting);
        self.failed |= !lock(&self.committer).work(Work { block: Some(block), waiting });
    }

    /// Signs and publishes the head, which is a seal and durable.
    fn publish(&mut self) -> Result<Signed, Reason> {
        let applied = lock(&self.committer).applied();
        if self.failed || applied.size() != self.builder.next_seq().0 {
            return Err(read_only("the process stops after a failed write"));
        }
        let Some(key) = &self.shared.signer else {
            return Err(read_only("there is no signing key"));
        };
        let origin = &self.shared.genesis.origin;
        let signed = checkpoint::sign(key, origin, applied.size(), applied.root());
        if let Err(error) = checkpoint::publish(&*self.shared.disk, "", &signed) {
            (self.shared.notes)(&format!("the checkpoint could not be published: {error}"));
            return Err(read_only(&format!("the checkpoint could not be published: {error}")));
        }
        let mut published = self.shared.published.write().unwrap_or_else(PoisonError::into_inner);
        *published = Some(signed.clone());
        Ok(signed)
    }

    /// What stands in `published/`, signed anew when the last publishing failed.
    fn published(&mut self) -> Result<Signed, Reason> {
        let published =
            self.shared.published.read().unwrap_or_else(PoisonError::into_inner).clone();
        match published {
            Some(signed) if signed.size == self.builder.next_seq().0 => Ok(signed),
            _ => self.publish(),
        }
    }

    /// How long until a seal is due; `None`: none is.
    fn until_seal(&self) -> Option<Duration> {
        if self.failed || !matches!(self.time, Time::Ordinary(_)) {
            return None;
        }
        let due = self.unsealed_since?.saturating_add(SEAL_INTERVAL_MS);
        Some(Duration::from_millis(due.saturating_sub(self.monotonic_ms())))
    }

    fn monotonic_ms(&self) -> u64 {
        self.shared.clock.monotonic_ms()
    }
}

fn read_only(why: &str) -> Reason {
    Reason::ReadOnly { why: Text::Owned(why.to_owned()) }
}
