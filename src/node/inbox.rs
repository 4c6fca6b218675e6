//! The bounded queue before the sequencer, and what wakes it.
//!
//! Lives here: counting what waits, by number and bytes; the one condition on which the sequencer sleeps.
//! Lives elsewhere: what is in a message (`submit`), what is done with it (`sequencer`).
//!
//! Always: a full queue answers at once; what was taken in is answered, whatever happens after.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use record::limits::{QUEUE_BYTES_MAX, QUEUE_VOUCHERS_MAX};

/// Something that waits and has a size.
pub(crate) trait Sized {
    /// Bytes that it keeps in memory while it waits.
    fn bytes(&self) -> usize;
}

/// Why something was not taken in; it is given back.
#[derive(Debug)]
pub(crate) enum Turned<M> {
    /// As many or as large as may wait are waiting. MZ-6007.
    Full(M, Load),
    /// The sequencer takes nothing any more. MZ-9001.
    Closed(M),
}

/// What waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Messages.
    pub(crate) messages: usize,
    /// Their bytes.
    pub(crate) bytes: usize,
}

/// The queue. `M` is what waits.
#[derive(Debug)]
pub(crate) struct Inbox<M> {
    queue: Mutex<Queue<M>>,
    wake: Condvar,
}

#[derive(Debug)]
struct Queue<M> {
    messages: VecDeque<M>,
    bytes: usize,
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

impl<M: Sized> Inbox<M> {
    /// Makes an empty queue whose committer is idle.
    pub(crate) fn new() -> Self {
        let messages = VecDeque::new();
        let queue = Queue { messages, bytes: 0, closed: false, idle: true, asleep: false };
        Self { queue: Mutex::new(queue), wake: Condvar::new() }
    }

    /// Takes a message in, or gives it back at once.
    pub(crate) fn push(&self, message: M) -> Result<(), Turned<M>> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Turned::Closed(message));
        }
        let load = Load { messages: queue.messages.len(), bytes: queue.bytes };
        let bytes = load.bytes.saturating_add(message.bytes());
        // One that is alone always fits: limits of its own bound it.
        if QUEUE_VOUCHERS_MAX <= load.messages || (0 < load.messages && QUEUE_BYTES_MAX < bytes) {
            return Err(Turned::Full(message, load));
        }
        queue.bytes = bytes;
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
            let ready = !queue.messages.is_empty() || queue.closed || (holding && queue.idle);
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
        let taken = message.as_ref().map_or(0, Sized::bytes);
        queue.bytes = queue.bytes.saturating_sub(taken);
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

    /// Returns what waits.
    pub(crate) fn load(&self) -> Load {
        let queue = self.lock();
        Load { messages: queue.messages.len(), bytes: queue.bytes }
    }

    fn lock(&self) -> MutexGuard<'_, Queue<M>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Bytes(usize);

    impl Sized for Bytes {
        fn bytes(&self) -> usize {
            self.0
        }
    }

    #[test]
    fn the_queue_is_bounded_by_number_and_by_bytes() {
        let inbox = Inbox::new();
        for _ in 0..QUEUE_VOUCHERS_MAX {
            assert!(inbox.push(Bytes(1)).is_ok());
        }
        assert!(matches!(inbox.push(Bytes(1)), Err(Turned::Full(..))));
        assert!(inbox.next(false, None).message.is_some());
        assert!(inbox.push(Bytes(1)).is_ok());

        let inbox = Inbox::new();
        assert!(inbox.push(Bytes(QUEUE_BYTES_MAX)).is_ok());
        assert!(matches!(inbox.push(Bytes(1)), Err(Turned::Full(Bytes(1), _))));
        inbox.next(false, None);
        assert!(inbox.push(Bytes(QUEUE_BYTES_MAX - 1)).is_ok());
        assert!(inbox.push(Bytes(1)).is_ok());
    }

    #[test]
    fn a_closed_queue_gives_out_what_waits_and_then_ends() {
        let inbox = Inbox::new();
        assert!(inbox.push(Bytes(3)).is_ok());
        inbox.close();
        assert!(matches!(inbox.push(Bytes(4)), Err(Turned::Closed(Bytes(4)))));
        let turn = inbox.next(true, None);
        assert!(turn.message == Some(Bytes(3)) && !turn.ended);
        assert!(inbox.next(true, None).ended);
    }

    #[test]
    fn who_holds_a_block_is_woken_by_an_idle_committer_alone() {
        let inbox: Inbox<Bytes> = Inbox::new();
        assert!(inbox.next(true, None).message.is_none());
        inbox.set_idle(false);
        let turn = inbox.next(true, Some(Duration::ZERO));
        assert!(turn.message.is_none() && !turn.idle && !turn.ended);
    }
}
