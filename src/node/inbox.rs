//! The bounded queue before the sequencer, and what wakes it.
//!
//! Lives here: counting what waits, by number and bytes; the one condition on which the sequencer sleeps.
//! Lives elsewhere: what is in a message (`submit`), what is done with it (`sequencer`).
//!
//! Always: a full queue answers at once; what was taken in is answered, whatever happens after.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use record::limits::{QUEUE_BYTES_MAX, QUEUE_VOUCHERS_MAX};

/// Bytes that a voucher and its answer keep in memory, from the taking in to the delivery: whoever reads
/// no answers cannot fill the memory with them. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why something was not taken in; it is given back.
#[derive(Debug)]
pub(crate) enum Turned<M> {
    /// As many or as large as may wait are waiting. MZ-6007.
    Full(M),
    /// The sequencer takes nothing any more. MZ-9001.
    Closed(M),
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Messages.
    pub(crate) messages: usize,
    /// Bytes of what waits or is not yet delivered.
    pub(crate) bytes: usize,
}

/// The queue. `M` is what waits.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    queue: Mutex<Queue<M>>,
    wake: Condvar,
    held: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Queue<M> {
    messages: VecDeque<M>,
    closed: bool,
    /// The committer has nothing to do.
    idle: bool,
    /// The sequencer waits for a message. Only then is it woken: a wake-up is a call of the system even
    /// when nobody sleeps, and most messages come while it is at work.
    asleep: bool,
}

/// Why the sequencer was woken, and what it finds.
#[derive(Debug)]
pub(crate) struct Turn<M> {
    /// What to do first, in order.
    pub(crate) message: Option<M>,
    /// The committer has nothing to do.
    pub(crate) idle: bool,
    /// Nothing comes any more and nothing waits.
    pub(crate) ended: bool,
}

impl<M> Inbox<M> {
    /// Makes an empty queue whose committer is idle.
    pub(crate) fn new() -> Self {
        let messages = VecDeque::new();
        let queue = Queue { messages, closed: false, idle: true, asleep: false };
        Self { queue: Mutex::new(queue), wake: Condvar::new(), held: Arc::default() }
    }

    /// Takes bytes into account; `None` when that would be more than may be held.
    pub(crate) fn charge(&self, bytes: usize) -> Option<Charge> {
        let before = self.held.fetch_add(bytes, Ordering::Relaxed);
        // Gives it back when it is dropped, here too.
        let charge = Charge { held: Arc::clone(&self.held), bytes };
        // One that is alone always fits: limits of its own bound it.
        (before == 0 || before.saturating_add(bytes) <= QUEUE_BYTES_MAX).then_some(charge)
    }

    /// Takes a message in, or gives it back at once.
    pub(crate) fn push(&self, message: M) -> Result<(), Turned<M>> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Turned::Closed(message));
        }
        if QUEUE_VOUCHERS_MAX <= queue.messages.len() {
            return Err(Turned::Full(message));
        }
        queue.messages.push_back(message);
        let asleep = std::mem::take(&mut queue.asleep);
        drop(queue);
        if asleep {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// Waits for a message, for an idle committer when `holding` a block, for the end, or for `at_most`.
    pub(crate) fn next(&self, holding: bool, at_most: Option<Duration>) -> Turn<M> {
        let mut queue = self.lock();
        loop {
            // Nothing ends before the committer took what is held.
            let ends = queue.closed && !holding;
            let ready = !queue.messages.is_empty() || ends || (holding && queue.idle);
            if ready {
                break;
            }
            queue.asleep = true;
            match at_most {
                None => queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
                Some(at_most) => {
                    let waited = self.wake.wait_timeout(queue, at_most);
                    let (back, late) = waited.unwrap_or_else(PoisonError::into_inner);
                    queue = back;
                    if late.timed_out() {
                        break;
                    }
                }
            }
        }
        queue.asleep = false;
        let message = queue.messages.pop_front();
        let ended = message.is_none() && queue.closed;
        Turn { message, idle: queue.idle, ended }
    }

    /// Says that the committer begins or ends its work.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.lock().idle = idle;
        self.wake.notify_all();
    }

    /// Waits until the committer has nothing to do.
    pub(crate) fn wait_idle(&self) {
        let mut queue = self.lock();
        while !queue.idle {
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes nothing in any more; what waits stays.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.wake.notify_all();
    }

    /// Takes nothing in any more and drops what waits: nobody is left to handle it.
    pub(crate) fn abandon(&self) {
        self.close();
        let waiting = std::mem::take(&mut self.lock().messages);
        drop(waiting);
    }

    /// Returns what waits.
    pub(crate) fn load(&self) -> Load {
        let messages = self.lock().messages.len();
        Load { messages, bytes: self.held.load(Ordering::Relaxed) }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_by_number_and_by_bytes() {
        let inbox = Inbox::new();
        for _ in 0..QUEUE_VOUCHERS_MAX {
            assert!(inbox.push(1).is_ok());
        }
        assert!(matches!(inbox.push(1), Err(Turned::Full(1))));
        assert!(inbox.next(false, None).message.is_some());
        assert!(inbox.push(1).is_ok());

        let all = inbox.charge(QUEUE_BYTES_MAX).unwrap();
        assert!(inbox.charge(1).is_none());
        assert_eq!(inbox.load().bytes, QUEUE_BYTES_MAX);
        drop(all);
        let alone = inbox.charge(QUEUE_BYTES_MAX + 1).unwrap();
        drop(alone);
        let (most, one) = (inbox.charge(QUEUE_BYTES_MAX - 1).unwrap(), inbox.charge(1).unwrap());
        assert!(inbox.charge(1).is_none());
        drop((most, one));
        assert_eq!(inbox.load().bytes, 0);
    }

    #[test]
    fn a_closed_queue_gives_out_what_waits_and_then_ends() {
        let inbox = Inbox::new();
        assert!(inbox.push(3).is_ok());
        inbox.close();
        assert!(matches!(inbox.push(4), Err(Turned::Closed(4))));
        let turn = inbox.next(true, None);
        assert!(turn.message == Some(3) && !turn.ended);
        assert!(inbox.next(false, None).ended);
        // Whoever holds a block waits for the committer, closed or not.
        inbox.set_idle(false);
        let turn = inbox.next(true, Some(Duration::from_millis(1)));
        assert!(turn.message.is_none() && !turn.idle);
    }

    #[test]
    fn an_abandoned_queue_drops_what_waits() {
        let inbox = Inbox::new();
        let held = Arc::new(());
        assert!(inbox.push(Arc::clone(&held)).is_ok());
        inbox.abandon();
        assert_eq!(Arc::strong_count(&held), 1);
        assert!(inbox.next(false, None).ended);
    }

    #[test]
    fn who_holds_a_block_is_woken_by_an_idle_committer_alone() {
        let inbox: Inbox<u8> = Inbox::new();
        assert!(inbox.next(true, None).message.is_none());
        inbox.set_idle(false);
        let turn = inbox.next(true, Some(Duration::ZERO));
        assert!(turn.message.is_none() && !turn.idle && !turn.ended);
    }
}
