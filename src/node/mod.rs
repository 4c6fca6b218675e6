//! One ledger: opened, appended to, read.
//!
//! Lives here: the threads and what they share. Reading order: `open` (what is on disk), `submit` (the
//! queue), `sequencer` (decides and seals blocks), `commit` (durable and applied), `reply` (answers),
//! `lookup` (answers made from the log), `checkpoint`, `snapshot`, `clock`.
//! Lives elsewhere: rules (`ledger`), bytes (`record`), files (`journal`), balances (`views`), sockets
//! (`services`).
//!
//! Always: one thread owns the speculative state, one the journal; an answer leaves only when all that
//! it rests on is durable and applied. A failed append ends the process, and the next start decides
//! from what is on disk.

pub mod apply;
pub mod checkpoint;
mod clock;
mod commit;
mod counters;
mod error;
pub mod full;
mod inbox;
pub mod lookup;
mod open;
mod past;
pub mod replay;
mod reply;
mod sequencer;
pub mod snapshot;
mod submit;

use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use ::views::cache::Cache;
use journal::{Clock, Disk, Reader};
use ledger::ids::{OrgId, VoucherNo};
use ledger::reject::{Reason, Reject, Text};
use ledger::state::State;
use record::{Genesis, Seq};
use tlog::Signer;
use tokio::sync::{oneshot, watch};

pub use checkpoint::Signed;
pub use clock::ClockJump;
pub use commit::Applied;
pub use counters::Counters;
pub use error::Error;
pub use open::{Config, NewLedger, Offline, SYNTHETIC_START_MS, create, genesis, open, read_only};
pub use reply::{Found, Preview, PreviewLine, Reply};
pub use submit::{Post, signature, standing};

use ::views::Views;
use inbox::Inbox;
use reply::Delivered;
use submit::{Look, Message, closed, submit};

/// Where the process says what operators should know: one line a call, no names, no numbers of people.
pub type Notes = Arc<dyn Fn(&str) + Send + Sync>;

/// A running ledger. Whoever owns it ends it with [`Node::stop`].
pub struct Node {
    handle: Handle,
    /// Sequencer and committer.
    threads: Vec<JoinHandle<()>>,
    /// Those that follow behind: nothing that is acknowledged depends on them.
    behind: Vec<JoinHandle<()>>,
    /// Dropped last: it keeps other processes away.
    committer: Arc<Mutex<commit::Committer>>,
}

/// What services use of a running ledger; cheap to clone.
#[derive(Clone)]
pub struct Handle(Arc<Shared>);

/// What the threads and the services share.
pub(crate) struct Shared {
    genesis: Genesis,
    epoch: u64,
    signer: Option<Signer>,
    inbox: Inbox<Message>,
    disk: Arc<dyn Disk>,
    reader: Box<dyn Reader>,
    /// Written by the committer alone.
    views: RwLock<Views>,
    /// Written by the committer alone.
    head: watch::Sender<Applied>,
    /// Why the process must end, once it must. Written once.
    stopped: watch::Sender<Option<Stopped>>,
    published: RwLock<Option<Signed>>,
    /// Follows behind; nothing that decides stands in it.
    cache: Cache,
    counters: Counters,
    clock: Arc<dyn Clock>,
    started_ms: u64,
    clock_jump: Mutex<Option<ClockJump>>,
    notes: Notes,
}

/// Why a ledger goes on no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// What happened.
    pub why: String,
    /// The refusal that tells it, where one does.
    pub reason: Option<Reason>,
}

/// What became of a posting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Posted, now or before.
    Posted {
        /// The reply, always the same for this key.
        reply: Box<Reply>,
        /// It is that of an earlier posting.
        duplicate: bool,
    },
    /// What a dry run found.
    Preview {
        /// The lines; none for a duplicate.
        preview: Box<Preview>,
        /// Reply of the earlier posting, if posting would be a duplicate.
        duplicate_of: Option<Box<Reply>>,
    },
    /// Refused.
    Refused(Reject),
}

/// A voucher as the log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The reply to the posting.
    pub reply: Reply,
    /// What its header record says.
    pub header: lookup::Header,
    /// Lines that were reversed since, with the position of the reversing record.
    pub reversals: Vec<(u32, Seq)>,
}

/// A posting on its way.
pub struct Pending(Way);

enum Way {
    Refused(Reject),
    Waits(oneshot::Receiver<Delivered>),
}

impl Shared {
    pub(crate) fn views_mut(&self) -> RwLockWriteGuard<'_, Views> {
        self.views.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that the process must end: nothing more is taken in.
    pub(crate) fn stop(&self, why: String, reason: Option<Reason>) {
        self.inbox.close();
        (self.notes)(&format!("stopping: {why}"));
        self.stopped.send_replace(Some(Stopped { why, reason }));
    }
}

impl Handle {
    /// Begins a posting or dry run. Its answer comes from [`Handle::answer`]; posting goes on whether or
    /// not anybody waits.
    pub fn begin(&self, post: Post) -> Pending {
        let way = match self.hand_over(post) {
            Ok(receiver) => Way::Waits(receiver),
            Err(reject) => {
                self.count(&reject);
                Way::Refused(reject)
            }
        };
        Pending(way)
    }

    fn hand_over(&self, post: Post) -> Result<oneshot::Receiver<Delivered>, Reject> {
        let (sender, receiver) = oneshot::channel();
        let posted = submit::prepare(&self.0.inbox, self.origin(), post, sender)?;
        submit(&self.0.inbox, Message::Post(Box::new(posted))).map_err(|r| r.at(0, ""))?;
        Ok(receiver)
    }

    /// Waits for the answer to a posting.
    pub async fn answer(&self, pending: Pending) -> Answer {
        let answer = match pending.0 {
            Way::Refused(reject) => return Answer::Refused(reject),
            Way::Waits(receiver) => {
                if let Ok(delivered) = receiver.await {
                    self.resolve(delivered.found()).await
                } else {
                    // A thread ended without a word, which a panic of ours alone can do: the voucher may
                    // stand in the log.
                    let key = Text::Borrowed("the voucher");
                    Answer::Refused(Reason::OutcomeUnknown { key }.at(0, "").into())
                }
            }
        };
        if let Answer::Refused(reject) = &answer {
            self.count(reject);
        }
        answer
    }

    /// Posts a voucher, or tries it.
    pub async fn post(&self, post: Post) -> Answer {
        self.answer(self.begin(post)).await
    }

    async fn resolve(&self, found: Found) -> Answer {
        match found {
            Found::Posted(reply) => Answer::Posted { reply, duplicate: false },
            Found::Preview(preview) => Answer::Preview { preview, duplicate_of: None },
            Found::Refused(reject) => Answer::Refused(reject),
            Found::Duplicate { first_seq } => match self.reply_of(first_seq).await {
                Ok(reply) => Answer::Posted { reply, duplicate: true },
                Err(reason) => Answer::Refused(reason.at(0, "").into()),
            },
            Found::PreviewDuplicate { first_seq } => match self.reply_of(first_seq).await {
                Ok(reply) => {
                    let content_digest = reply.content_digest;
                    let preview = Box::new(Preview { content_digest, ..Preview::default() });
                    Answer::Preview { preview, duplicate_of: Some(reply) }
                }
                Err(reason) => Answer::Refused(reason.at(0, "").into()),
            },
        }
    }

    async fn reply_of(&self, first_seq: Seq) -> Result<Box<Reply>, Reason> {
        let reader = self.reader();
        self.blocking(move || lookup::reply(&*reader, first_seq).map(Box::new)).await
    }

    /// Runs something that reads files, beside the threads that answer calls.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Reason> + Send + 'static,
    ) -> Result<T, Reason> {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(_) => Err(closed()),
        }
    }

    /// Looks something up in the state, as of all that was decided so far; the answer comes when that is
    /// durable and applied.
    ///
    /// # Errors
    /// 6007 when the queue is full, 9001 when the process is ending.
    pub async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<(T, Applied), Reason> {
        let (sender, receiver) = oneshot::channel();
        let look: Look = Box::new(move |state| {
            let found = look(state);
            Box::new(move |applied| drop(sender.send(applied.map(|applied| (found, applied)))))
        });
        submit(&self.0.inbox, Message::Look(look))?;
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Returns what became of a voucher; waits while its key is in flight. `None`: it was never accepted.
    ///
    /// # Errors
    /// 6007, 9001; 9004 when the log cannot be read.
    pub async fn voucher(
        &self,
        organisation: OrgId,
        number: VoucherNo,
    ) -> Result<Option<Posted>, Reason> {
        let look = move |state: &State| state.money.voucher(organisation, number);
        let (first_seq, _) = self.look(look).await?;
        let Some(first_seq) = first_seq else { return Ok(None) };
        let reader = self.reader();
        let read = move || lookup::header(&*reader, first_seq);
        let (reply, header) = self.blocking(read).await?;
        let last_seq = reply.last_seq;
        let reversed = move |state: &State| {
            let lines = (first_seq.0..=last_seq.0).zip(0_u32..).skip(1);
            let by = |(seq, line)| Some((line, state.money.mark(Seq(seq)).reversed_by?));
            lines.filter_map(by).collect()
        };
        let (reversals, _) = self.look(reversed).await?;
        Ok(Some(Posted { reply, header, reversals }))
    }

    /// Returns line numbers and amounts of a posted voucher; lines without an amount are left out.
    ///
    /// # Errors
    /// 9004 when the log cannot be read.
    pub async fn line_amounts(&self, reply: &Reply) -> Result<Vec<(u32, i64)>, Reason> {
        let (reader, first, last) = (self.reader(), reply.first_seq, reply.last_seq);
        self.blocking(move || lookup::amounts(&*reader, first, last)).await
    }

    /// Seals the log and publishes a checkpoint; when nothing came since the last seal, returns what was
    /// published then.
    ///
    /// # Errors
    /// 6007, 9001.
    pub async fn seal(&self) -> Result<Signed, Reason> {
        let (sender, receiver) = oneshot::channel();
        submit(&self.0.inbox, Message::Seal(sender))?;
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Signs a checkpoint for what is durable and applied now, without publishing it. `None`: there is
    /// no signing key.
    pub fn sign_head(&self) -> Option<Signed> {
        let applied = self.applied();
        let signer = self.0.signer.as_ref()?;
        Some(checkpoint::sign(signer, self.origin(), applied.size(), applied.root()))
    }

    /// Returns what is durable and applied.
    pub fn applied(&self) -> Applied {
        *self.0.head.borrow()
    }

    /// Returns a watch on it.
    pub fn watch(&self) -> watch::Receiver<Applied> {
        self.0.head.subscribe()
    }

    /// Returns a watch on the reason why the process must end.
    pub fn stopped(&self) -> watch::Receiver<Option<Stopped>> {
        self.0.stopped.subscribe()
    }

    /// Returns a reader of the durable log.
    pub fn reader(&self) -> Box<dyn Reader> {
        self.0.reader.box_clone()
    }

    /// Returns the views, for as long as the guard lives; the committer waits meanwhile.
    pub fn views(&self) -> RwLockReadGuard<'_, Views> {
        self.0.views.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the views to bring their digests up to date.
    pub fn views_mut(&self) -> RwLockWriteGuard<'_, Views> {
        self.0.views_mut()
    }

    /// Returns which records name a household, and views of earlier positions.
    pub fn cache(&self) -> &Cache {
        &self.0.cache
    }

    /// Returns the first record.
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// Returns the origin of the ledger.
    pub fn origin(&self) -> &str {
        &self.0.genesis.origin
    }

    /// Returns the newest published checkpoint.
    pub fn published(&self) -> Option<Signed> {
        self.0.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns what happened since the process began.
    pub fn counters(&self) -> &Counters {
        &self.0.counters
    }

    /// Returns how many vouchers wait, and their bytes.
    pub fn queue(&self) -> (usize, usize) {
        let load = self.0.inbox.load();
        (load.messages, load.bytes)
    }

    /// Returns the epoch of this writer.
    pub fn epoch(&self) -> u64 {
        self.0.epoch
    }

    /// Returns the wall clock when the ledger was opened, Unix milliseconds.
    pub fn started_ms(&self) -> u64 {
        self.0.started_ms
    }

    /// Returns the clock of the process.
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Returns why no voucher is accepted, if so.
    pub fn not_serving(&self) -> Option<String> {
        if let Some(stopped) = &*self.0.stopped.borrow() {
            return Some(stopped.why.clone());
        }
        let jump = *self.0.clock_jump.lock().unwrap_or_else(PoisonError::into_inner);
        jump.map(|jump| Error::Clock(jump).to_string())
    }

    fn count(&self, reject: &Reject) {
        if let Some(first) = reject.refusals.first() {
            self.0.counters.refused(first.reason.code());
        }
    }
}

impl Node {
    /// Returns what services use.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Takes nothing in any more, finishes what waits, seals an ordinary ledger, and closes the journal.
    ///
    /// # Errors
    /// What stopped the ledger before, or the failure to close it.
    pub fn stop(mut self) -> Result<(), Error> {
        self.handle.0.inbox.close();
        self.handle.0.cache.close();
        let closed = if !join(&mut self.threads) {
            Err(panicked())
        } else if let Some(stopped) = &*self.handle.0.stopped.borrow() {
            Err(Error::Stopped(stopped.why.clone()))
        } else {
            // Power fails from here on: the next start is a clean one, at worst without the last snapshot.
            commit::lock(&self.committer).close().map_err(Error::from)
        };
        let behind = join(&mut self.behind);
        closed.and(if behind { Ok(()) } else { Err(panicked()) })
    }
}

/// Waits for threads; returns whether all ended by themselves.
fn join(threads: &mut Vec<JoinHandle<()>>) -> bool {
    let mut all = true;
    for thread in threads.drain(..) {
        all &= thread.join().is_ok();
    }
    all
}

fn panicked() -> Error {
    Error::Stopped("a thread of the ledger ended by a panic".to_owned())
}

impl Drop for Node {
    /// Leaves the log as a kill would: whole, without the marker of a clean stop unless [`Node::stop`] has
    /// left it.
    fn drop(&mut self) {
        self.handle.0.inbox.close();
        self.handle.0.cache.close();
        join(&mut self.threads);
        join(&mut self.behind);
    }
}
