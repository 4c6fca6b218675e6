//! The suite that every implementation of `Journal` passes: one line to join.
//!
//! Lives here: what can be seen through the traits alone, and a maker of blocks for tests.
//! Lives elsewhere: power cuts and failing disks (`segments/crash.rs`), which need a disk to cut.
#![allow(
    clippy::panic,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a suite fails by panicking"
)]

use std::sync::Arc;

use record::limits::{BLOCK_BYTES_MAX, RECORD_BYTES_MAX};
use record::{Block, BlockBuilder, Draft, ENVELOPE_BYTES, Genesis, Seq, china_date, system};

use crate::error::Error;
use crate::journal::{Epoch, Head, Journal, Reader};

/// Opens a store, which is made when it is not there.
pub type Opener = Box<dyn Fn() -> Result<Box<dyn Journal>, Error>>;

/// Time of record 0, 2016-01-01 00:00 in China; each record is a millisecond later.
const START_MS: u64 = 1_451_577_600_000;

/// Some domain kind: a journal does not look at it.
const KIND: u16 = 330;

/// Makes blocks that continue a log. What a record holds depends on its position, its size and the
/// record before it alone, so a test knows what must be there without having kept it.
pub struct BlockMaker {
    builder: BlockBuilder,
    draft: Draft,
}

impl BlockMaker {
    /// Continues at `head`, as the writer of `epoch`.
    pub fn new(head: &Head, epoch: Epoch) -> Self {
        let builder = BlockBuilder::start(epoch.0, head.next_seq, head.hash, [7; 32]);
        Self { builder, draft: Draft::new() }
    }

    /// Makes the next block: `records` of them, in one group, each with `payload_bytes` bytes of
    /// payload. Block 0 is a genesis instead.
    pub fn block(&mut self, records: usize, payload_bytes: usize) -> Arc<Block> {
        let seq = self.builder.next_seq().0;
        let time_ms = START_MS + seq;
        let date = china_date(time_ms);
        self.draft.clear();
        if seq == 0 {
            let genesis = Genesis { origin: "ledger.example/test".to_owned(), ..genesis() };
            self.draft.push(system::GENESIS, date, &[], &genesis.encode()).unwrap();
        } else {
            let legs = [("C.hh.44142490120100013", 1), ("C.hold.441424901201.Q16", -1)];
            for at in seq..seq + records as u64 {
                self.draft.push(KIND, date, &legs, &payload(at, payload_bytes)).unwrap();
            }
        }
        self.builder.append(&self.draft, time_ms);
        Arc::new(self.builder.finish())
    }

    /// Makes a block with exactly `body_bytes` bytes of records, as few as that takes. Not the
    /// first.
    pub fn block_of_bytes(&mut self, body_bytes: usize) -> Arc<Block> {
        let seq = self.builder.next_seq().0;
        self.draft.clear();
        let mut left = body_bytes;
        for at in seq.. {
            // No remainder may be shorter than a record.
            let mut len = left.min(RECORD_BYTES_MAX);
            if len < left && left - len < ENVELOPE_BYTES {
                len -= ENVELOPE_BYTES;
            }
            let payload = payload(at, len - ENVELOPE_BYTES);
            self.draft.push(KIND, china_date(START_MS), &[], &payload).unwrap();
            left -= len;
            if left == 0 {
                break;
            }
        }
        self.builder.append(&self.draft, START_MS + seq);
        let block = Arc::new(self.builder.finish());
        assert_eq!(block.header().body_bytes(), body_bytes);
        block
    }
}

fn genesis() -> Genesis {
    Genesis {
        origin: String::new(),
        vkeys: Vec::new(),
        format_version: system::FORMAT_VERSION,
        synthetic: true,
        recovery_vkey: String::new(),
        seed: 1,
    }
}

/// No byte is zero, as in text; a damaged one is not missed.
fn payload(seq: u64, bytes: usize) -> Vec<u8> {
    (seq * 31..).map(|n| u8::try_from(n * 7 % 255).unwrap_or(0) + 1).take(bytes).collect()
}

/// Runs every check, each on a store of its own. `block_bytes_max` is the most that this
/// implementation takes in one block, at least 10,000.
pub fn check_all(new_store: impl Fn() -> Opener, block_bytes_max: usize) {
    empty_log(&new_store());
    blocks_come_back_as_they_were(&new_store());
    a_block_must_continue_the_head(&new_store());
    an_older_epoch_is_fenced(&new_store());
    a_second_opener_cannot_write_beside(&new_store());
    readers_see_what_is_durable_and_no_more(&new_store());
    the_largest_block_and_one_past_it(&new_store(), block_bytes_max);
}

fn open(store: &Opener) -> Box<dyn Journal> {
    store().expect("the store opens")
}

/// Appends `n` blocks of various sizes behind the head and returns them.
fn append(journal: &mut Box<dyn Journal>, epoch: Epoch, n: usize) -> Vec<Arc<Block>> {
    let head = journal.head();
    let mut maker = BlockMaker::new(&head, epoch);
    let mut blocks = Vec::new();
    for i in 0..n {
        let block = maker.block(1 + i % 5, 11 * (i % 90));
        let durable = journal.append(&block.prev_head(), block.clone()).expect("the append");
        assert_eq!(*durable, block, "what comes back is what was given");
        let head = Head { next_seq: block.last_seq().next(), hash: block.head(), epoch: epoch.0 };
        assert_eq!(journal.head(), head);
        blocks.push(block);
    }
    blocks
}

fn stream(reader: &dyn Reader, from: Seq) -> Vec<Arc<Block>> {
    reader.blocks(from).collect::<Result<_, _>>().expect("the stream")
}

fn assert_holds(reader: &dyn Reader, blocks: &[Arc<Block>]) {
    let all = stream(reader, Seq(0));
    assert_eq!(all.len(), blocks.len(), "number of blocks");
    for (found, expected) in all.iter().zip(blocks) {
        assert_eq!(found.frame(), expected.frame(), "block at record {}", expected.first_seq());
        for seq in [expected.first_seq(), expected.last_seq()] {
            let found = reader.block_of(seq).expect("the look-up").expect("a block");
            assert_eq!(found.frame(), expected.frame(), "block of record {seq}");
        }
    }
}

fn empty_log(store: &Opener) {
    let mut journal = open(store);
    assert_eq!(journal.head(), Head::EMPTY);
    let reader = journal.reader();
    assert_eq!(reader.block_of(Seq(0)).unwrap(), None);
    assert_eq!(stream(&*reader, Seq(0)), []);
    // A block of an epoch that nobody took.
    let block = BlockMaker::new(&Head::EMPTY, Epoch(1)).block(1, 0);
    let refused = journal.append(&block.prev_head(), block);
    assert!(matches!(refused, Err(Error::Fenced { mine: 0, .. })), "{refused:?}");
    assert_eq!(journal.acquire().unwrap(), Epoch(1));
    journal.close().unwrap();
    drop(journal);
    assert_eq!(open(store).head(), Head::EMPTY);
}

fn blocks_come_back_as_they_were(store: &Opener) {
    let mut journal = open(store);
    let epoch = journal.acquire().unwrap();
    let mut blocks = append(&mut journal, epoch, 120);
    let head = journal.head();
    assert_holds(&*journal.reader(), &blocks);
    journal.close().unwrap();
    drop(journal);

    let mut journal = open(store);
    assert_eq!(journal.head(), head);
    assert_holds(&*journal.reader(), &blocks);
    let next = journal.acquire().unwrap();
    assert_eq!(next, Epoch(epoch.0 + 1), "the epoch after the last");
    blocks.extend(append(&mut journal, next, 120));
    // Without closing: a process that ends.
    drop(journal);

    let journal = open(store);
    let reader = journal.reader();
    assert_holds(&*reader, &blocks);
    for from in [0, 1, 7, 100, journal.head().next_seq.0 - 1] {
        let from = Seq(from);
        let rest: Vec<_> =
            blocks.iter().filter(|block| from <= block.last_seq()).cloned().collect();
        assert_eq!(stream(&*reader, from), rest, "from the block that holds {from}");
    }
    assert_eq!(stream(&*reader, journal.head().next_seq), []);
    assert_eq!(reader.block_of(journal.head().next_seq).unwrap(), None);
    assert_eq!(reader.block_of(Seq(u64::MAX)).unwrap(), None);
}

fn a_block_must_continue_the_head(store: &Opener) {
    let mut journal = open(store);
    let epoch = journal.acquire().unwrap();
    // Of an empty log only position 0 can be appended, whatever the hashes say.
    let far = Head { next_seq: Seq(5), ..Head::EMPTY };
    let block = BlockMaker::new(&far, epoch).block(1, 0);
    let refused = journal.append(&block.prev_head(), block);
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");

    let blocks = append(&mut journal, epoch, 3);
    let head = journal.head();
    // The same block once more, as a blind retry would.
    let refused = journal.append(&blocks[2].prev_head(), blocks[2].clone());
    assert!(matches!(refused, Err(Error::Conflict { found, .. }) if found == head.hash));
    // A block that continues the head, by a caller who believes in another.
    let block = BlockMaker::new(&head, epoch).block(1, 10);
    let refused = journal.append(&blocks[1].head(), block.clone());
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    // The right head, named with a block that continues another.
    let other = BlockMaker::new(&Head { hash: [9; 32], ..head }, epoch).block(1, 10);
    let refused = journal.append(&head.hash, other);
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert_eq!(journal.head(), head, "refusals change nothing");
    assert_holds(&*journal.reader(), &blocks);
    journal.append(&head.hash, block).expect("the writer goes on");
}

fn an_older_epoch_is_fenced(store: &Opener) {
    let mut journal = open(store);
    let old = journal.acquire().unwrap();
    append(&mut journal, old, 2);
    let head = journal.head();
    let new = journal.acquire().unwrap();
    assert_eq!(new, Epoch(old.0 + 1));
    let block = BlockMaker::new(&head, old).block(2, 20);
    let refused = journal.append(&head.hash, block);
    assert!(
        matches!(refused, Err(Error::Fenced { mine, theirs }) if (mine, theirs) == (old.0, new.0)),
        "{refused:?}"
    );
    // Nor one that was not taken yet.
    let block = BlockMaker::new(&head, Epoch(new.0 + 1)).block(2, 20);
    let refused = journal.append(&head.hash, block);
    assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
    assert_eq!(journal.head(), head);
    append(&mut journal, new, 2);
    assert_eq!(journal.head().epoch, new.0);
}

fn a_second_opener_cannot_write_beside(store: &Opener) {
    let mut first = open(store);
    let epoch = first.acquire().unwrap();
    append(&mut first, epoch, 2);
    match store() {
        Err(Error::Locked { .. }) => {}
        Err(error) => panic!("locked, or a journal that fences: {error}"),
        Ok(mut second) => {
            let newer = second.acquire().unwrap();
            assert!(epoch < newer);
            let head = first.head();
            let block = BlockMaker::new(&head, epoch).block(1, 0);
            let refused = first.append(&head.hash, block);
            assert!(matches!(refused, Err(Error::Fenced { .. })), "{refused:?}");
            append(&mut second, newer, 1);
        }
    }
    drop(first);
    let mut again = open(store);
    assert!(epoch < again.acquire().unwrap());
}

fn readers_see_what_is_durable_and_no_more(store: &Opener) {
    const BLOCKS: usize = 60;
    let mut journal = open(store);
    let reader = journal.reader();
    let follower = std::thread::spawn({
        let reader = reader.clone();
        move || {
            let mut seen = Vec::new();
            let mut blocks = reader.blocks(Seq(0));
            // The stream gives more when there is more.
            while seen.len() < BLOCKS {
                match blocks.next() {
                    Some(block) => seen.push(block.expect("a durable block is readable")),
                    None => std::thread::yield_now(),
                }
                let last = seen.last().map_or(Seq(0), |block: &Arc<Block>| block.last_seq());
                assert!(seen.is_empty() || last < reader.head().next_seq);
            }
            seen
        }
    });
    let epoch = journal.acquire().unwrap();
    let blocks = append(&mut journal, epoch, BLOCKS);
    assert_eq!(follower.join().expect("the follower"), blocks);
    assert_eq!(reader.head(), journal.head());
}

fn the_largest_block_and_one_past_it(store: &Opener, block_bytes_max: usize) {
    let mut journal = open(store);
    let epoch = journal.acquire().unwrap();
    let mut blocks = append(&mut journal, epoch, 2);
    let head = journal.head();
    if block_bytes_max < BLOCK_BYTES_MAX {
        let block = BlockMaker::new(&head, epoch).block_of_bytes(block_bytes_max + 1);
        let refused = journal.append(&head.hash, block);
        assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    }
    let block = BlockMaker::new(&head, epoch).block_of_bytes(block_bytes_max);
    journal.append(&head.hash, block.clone()).expect("the largest block");
    blocks.push(block);
    blocks.extend(append(&mut journal, epoch, 2));
    drop(journal);
    assert_holds(&*open(store).reader(), &blocks);
}
