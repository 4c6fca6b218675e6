//! The power fails, or a call fails, at every single call of a log's life.
//!
//! A life creates a log, appends, rolls, closes, opens again, is killed, opens again. It is cut
//! after the n-th call, or its n-th call fails, for n from 1 until nothing fails any more; what was
//! not synced is kept or lost by seed. Then the log is opened: every acknowledged record must be
//! there, whole blocks only, with the content expected; and appending must go on, through a second
//! cut.
//!
//! Always: a record's bytes follow from its position alone, whereas blocks are cut otherwise in
//! each life, so a block that was lost is followed by shorter and longer ones in its place.
//!
//! `MINGZHANG_LONG=1` tries many more seeds. A failure names the numbers that replay it.

use std::sync::LazyLock;

use record::{BlockBuilder, BlockHeader, Draft, Genesis, Seq, china_date, system};

use super::tests::closed;
use super::*;
use crate::disk::{Fault, SimDisk};

const LOG: Hash = [5; 32];
const SEGMENT_BYTES: u32 = 16 * 1024;
const START_MS: u64 = 1_451_577_600_000;
/// Records that a test can reach at most.
const RECORDS_MAX: usize = 600;

/// How a part of a life ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Closed,
    Killed,
}

/// What must be there, and what may be.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// Records that were acknowledged.
    acked: u64,
    /// Records that an append was asked for.
    tried: u64,
}

/// What the suite met; a suite that met no torn block proves nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Met {
    runs: u64,
    torn: u64,
    /// A block that was never acknowledged and is there.
    whole_unacknowledged: u64,
    /// A log without any segment, cut while it was created.
    nothing: u64,
    empty_last_segment: u64,
    calls: u64,
}

enum Stop {
    /// The disk failed, as planned.
    Disk,
    /// What must never happen.
    Violation(String),
}

impl From<String> for Stop {
    fn from(what: String) -> Self {
        Self::Violation(what)
    }
}

fn mix(n: u64) -> u64 {
    let z = n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z ^ (z >> 27)
}

/// Appends the record that stands at the builder's next position in every life.
fn push_record(builder: &mut BlockBuilder, draft: &mut Draft) {
    let seq = builder.next_seq().0;
    let date = china_date(START_MS);
    draft.clear();
    if seq == 0 {
        let genesis = Genesis {
            origin: "ledger.example/crash".to_owned(),
            vkeys: Vec::new(),
            format_version: system::FORMAT_VERSION,
            synthetic: true,
            recovery_vkey: String::new(),
            seed: 1,
        };
        draft.push(system::GENESIS, date, &[], &genesis.encode()).unwrap();
    } else {
        // Below, at and above a sector, a page, and once in a while a whole segment.
        let bytes = match mix(seq) % 40 {
            0 => 18_000,
            n if n < 6 => 3_000,
            n if n < 20 => 300 + usize::try_from(mix(seq) % 400).unwrap(),
            n => usize::try_from(n).unwrap(),
        };
        let payload: Vec<u8> =
            (mix(seq)..).take(bytes).map(|n| u8::try_from(n % 255).unwrap() + 1).collect();
        draft.push(330, date, &[], &payload).unwrap();
    }
    builder.append(draft, START_MS + seq);
}

/// Makes the block that this life puts at the head.
fn next_block(head: &Head, epoch: Epoch, life: u64) -> Arc<Block> {
    let mut builder = BlockBuilder::start(epoch.0, head.next_seq, head.hash, [7; 32]);
    let mut draft = Draft::new();
    let seq = head.next_seq.0;
    let records = if seq == 0 { 1 } else { 1 + mix(seq ^ life << 32) % 4 };
    for _ in 0..records {
        push_record(&mut builder, &mut draft);
    }
    Arc::new(builder.finish())
}

/// All records, back to back, and where each one ends.
static EXPECTED: LazyLock<(Vec<u8>, Vec<usize>)> = LazyLock::new(|| {
    let mut builder = BlockBuilder::start(1, Seq(0), [0; 32], [7; 32]);
    let (mut draft, mut bytes, mut ends) = (Draft::new(), Vec::new(), vec![0]);
    for _ in 0..RECORDS_MAX {
        push_record(&mut builder, &mut draft);
        bytes.extend_from_slice(builder.finish().body());
        ends.push(bytes.len());
    }
    (bytes, ends)
});

fn open_or_create(
    disk: &SimDisk,
    options: Config,
) -> Result<(SegmentJournal, Option<Opened>), Error> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    match recover::open(disk.clone(), "", options) {
        Err(Error::NoLedger { .. }) => {
            SegmentJournal::create_with(disk, "", LOG, options).map(|journal| (journal, None))
        }
        other => other.map(|(journal, opened)| (journal, Some(opened))),
    }
}

/// What a failing disk may answer; anything else is a violation.
fn world(error: &Error, doing: &str) -> Stop {
    match error {
        Error::Unavailable { .. } | Error::Unknown { .. } | Error::DiskFull { .. } => Stop::Disk,
        other => Stop::Violation(format!("{doing}: {other}")),
    }
}

/// One part of a life: opens, appends `blocks` blocks, ends.
fn live(
    disk: &SimDisk,
    options: Config,
    (life, blocks, end): (u64, usize, End),
    tally: &mut Tally,
) -> Result<(), Stop> {
    let (mut journal, _) = open_or_create(disk, options).map_err(|e| world(&e, "opening"))?;
    let found = journal.head().next_seq.0;
    if found < tally.acked || tally.tried < found {
        return Err(format!("{found} records found, {tally:?}").into());
    }
    // What is there when a log has been opened must stay, acknowledged or not.
    *tally = Tally { acked: found, tried: found };
    let epoch = journal.acquire().map_err(|e| world(&e, "acquiring"))?;
    for _ in 0..blocks {
        let head = journal.head();
        let block = next_block(&head, epoch, life);
        tally.tried = block.last_seq().next().0;
        match journal.append(&head.hash, block.clone()) {
            Ok(durable) => acknowledge(tally, &durable, options),
            Err(error) => {
                let stop = world(&error, "appending");
                once_more(disk, &mut journal, &block, &error)?;
                return Err(stop);
            }
        }
    }
    if end == End::Closed {
        closed(journal).map_err(|e| world(&e, "closing"))?;
        // After a clean close there is nothing in doubt.
        tally.tried = tally.acked;
    }
    Ok(())
}

fn acknowledge(tally: &mut Tally, block: &Block, options: Config) {
    // The defect's own writer would acknowledge in pairs: be fair to it.
    let early = options.leaves_out(Defect::NextBlockEarly);
    if !early || block.first_seq().0.is_multiple_of(2) {
        tally.acked = block.last_seq().next().0;
    }
}

/// A journal whose write failed writes nothing more.
fn once_more(
    disk: &SimDisk,
    journal: &mut SegmentJournal,
    block: &Arc<Block>,
    error: &Error,
) -> Result<(), String> {
    if matches!(error, Error::DiskFull { .. }) {
        return Ok(());
    }
    let before = disk.calls();
    let again = journal.append(&block.prev_head(), block.clone());
    if !matches!(again, Err(Error::Unavailable { .. })) {
        return Err(format!("after {error}: {again:?}"));
    }
    if disk.calls() != before {
        return Err(format!("after {error}: the disk was called"));
    }
    Ok(())
}

/// The life that is cut.
fn whole_life(disk: &SimDisk, options: Config, tally: &mut Tally) -> Result<(), Stop> {
    for part in [(1, 9, End::Closed), (2, 9, End::Killed), (3, 5, End::Closed), (4, 3, End::Killed)]
    {
        live(disk, options, part, tally)?;
    }
    Ok(())
}

/// Opens what a cut or a fault has left, and compares all of it.
fn check(disk: &SimDisk, options: Config, tally: &mut Tally, met: &mut Met) -> Result<(), String> {
    met.runs += 1;
    // Beside: reading only finds the same end, and does not mind what a writer would mend.
    let read_only = open_read_only(Arc::new(disk.clone()), "");
    let (journal, opened) =
        open_or_create(disk, options).map_err(|error| format!("reopening: {error}"))?;
    let Some(opened) = opened else {
        met.nothing += 1;
        return if tally.acked == 0 { Ok(()) } else { Err("the log is gone".to_owned()) };
    };
    let head = journal.head();
    let (reader, seen) = read_only.map_err(|error| format!("reading only: {error}"))?;
    if reader.head() != head || seen.torn != opened.torn {
        return Err(format!("reading only finds {seen:?}, opening {opened:?}"));
    }
    let found = head.next_seq.0;
    if found < tally.acked || tally.tried < found {
        return Err(format!("{found} records found, {tally:?}"));
    }
    met.torn += u64::from(opened.torn.is_some());
    met.whole_unacknowledged += u64::from(tally.acked < found);
    met.empty_last_segment +=
        u64::from(journal.writer().active.end == SEGMENT_HEADER_BYTES as u64 && 0 < found);
    compare(&*journal.reader(), found)?;
    *tally = Tally { acked: found, tried: found };
    Ok(())
}

/// Compares all records with what must stand there.
fn compare(reader: &dyn Reader, records: u64) -> Result<(), String> {
    let (bytes, ends) = &*EXPECTED;
    let end = |seq: u64| ends[usize::try_from(seq).unwrap()];
    let mut next = 0;
    for block in reader.blocks(Seq(0)) {
        let block = block.map_err(|error| format!("reading: {error}"))?;
        let (first, last) = (block.first_seq().0, block.last_seq().next().0);
        if first != next || block.body() != &bytes[end(first)..end(last)] {
            return Err(format!("block at record {first} is not the one expected at {next}"));
        }
        let found = reader.block_of(Seq(last - 1)).map_err(|error| format!("look-up: {error}"))?;
        if found.as_ref() != Some(&block) {
            return Err(format!("look-up of record {} finds another block", last - 1));
        }
        next = last;
    }
    if next == records { Ok(()) } else { Err(format!("{next} records read, {records} expected")) }
}

/// After a cut or a fault: the log opens, holds, goes on, and survives a second cut.
fn aftermath(
    disk: &SimDisk,
    options: Config,
    mut tally: Tally,
    seed: u64,
    met: &mut Met,
) -> Result<(), String> {
    check(disk, options, &mut tally, met)?;
    disk.restart();
    // The second cut falls into opening, appending or rolling.
    disk.cut_after(mix(seed) % 40);
    match live(disk, options, (10 + seed, 4, End::Killed), &mut tally) {
        Err(Stop::Violation(what)) => return Err(format!("going on: {what}")),
        Ok(()) | Err(Stop::Disk) => {}
    }
    disk.crash(mix(seed + 1));
    check(disk, options, &mut tally, met).map_err(|what| format!("after a second cut: {what}"))?;
    // And a third time, after a kill and a start without a power cut in between.
    disk.restart();
    match live(disk, options, (20 + seed, 2, End::Killed), &mut tally) {
        Err(Stop::Violation(what)) => return Err(format!("going on again: {what}")),
        Err(Stop::Disk) => return Err("going on again: a healthy disk fails".to_owned()),
        Ok(()) => {}
    }
    disk.crash(mix(seed + 2));
    check(disk, options, &mut tally, met).map_err(|what| format!("after a third cut: {what}"))
}

/// Cuts the power after the n-th call, for n from 0 until the whole life goes through.
fn cut_everywhere(options: Config, seeds: u64) -> Result<Met, String> {
    let mut met = Met::default();
    for n in 0.. {
        let disk = SimDisk::new();
        disk.cut_after(n);
        let mut tally = Tally::default();
        if let Err(Stop::Violation(what)) = whole_life(&disk, options, &mut tally) {
            return Err(format!("before the cut after call {n}: {what}"));
        }
        if disk.is_armed() {
            met.calls = n;
            return Ok(met);
        }
        for seed in 0..seeds {
            let disk = disk.fork();
            disk.crash(seed + 1_000 * n);
            aftermath(&disk, options, tally, seed + 1_000 * n, &mut met)
                .map_err(|what| format!("cut after call {n}, seed {seed}: {what}"))?;
        }
    }
    unreachable!("the loop returns")
}

/// Lets the n-th call fail, for n from 1 until the whole life goes through.
fn fail_everywhere(options: Config, fault: Fault, seeds: u64) -> Result<Met, String> {
    let mut met = Met::default();
    for n in 1.. {
        let disk = SimDisk::new();
        disk.fail(n, fault);
        let mut tally = Tally::default();
        match whole_life(&disk, options, &mut tally) {
            Err(Stop::Violation(what)) => return Err(format!("{fault:?} at call {n}: {what}")),
            Err(Stop::Disk) if fault == Fault::Short => {
                return Err(format!("call {n}: half a write is no error"));
            }
            Ok(()) | Err(Stop::Disk) => {}
        }
        if disk.is_armed() {
            met.calls = n - 1;
            return Ok(met);
        }
        for seed in 0..seeds {
            let place = |what| format!("{fault:?} at call {n}, seed {seed}: {what}");
            // The process is started again: it sees what it wrote, whether it is durable or not.
            let restarted = disk.fork();
            restarted.restart();
            aftermath(&restarted, options, tally, seed + 1_000 * n, &mut met).map_err(place)?;
            let cut = disk.fork();
            cut.crash(seed + 1_000 * n);
            aftermath(&cut, options, tally, seed + 1_000 * n, &mut met).map_err(place)?;
        }
    }
    unreachable!("the loop returns")
}

fn seeds(short: u64, long: u64) -> u64 {
    if std::env::var_os("MINGZHANG_LONG").is_some() { long } else { short }
}

fn options(defect: Option<Defect>) -> Config {
    Config { defect, ..Options::simulated(SEGMENT_BYTES).into() }
}

#[test]
fn a_cut_after_any_call_loses_nothing_acknowledged() {
    let met = cut_everywhere(options(None), seeds(20, 400)).unwrap();
    println!("{met:?}");
    assert!(0 < met.torn && 0 < met.whole_unacknowledged, "{met:?}");
    assert!(0 < met.nothing && 0 < met.empty_last_segment, "{met:?}");
}

#[test]
fn a_failure_of_any_call_loses_nothing_acknowledged() {
    for fault in [Fault::Eio, Fault::Enospc, Fault::Short] {
        let met = fail_everywhere(options(None), fault, seeds(5, 100)).unwrap();
        println!("{fault:?} {met:?}");
        assert!(100 < met.calls, "{met:?}");
        assert!(0 < met.torn && 0 < met.whole_unacknowledged, "{met:?}");
    }
}

/// Where the segment's header and its blocks begin, and where the last one ends.
fn places(file: &[u8]) -> Vec<u64> {
    let mut places = vec![0, SEGMENT_HEADER_BYTES];
    while let Some(at) = places.last().copied()
        && let Ok(header) = BlockHeader::decode(file.get(at..).unwrap_or_default())
    {
        places.push(at + header.frame_bytes());
    }
    places.into_iter().map(|at| at as u64).collect()
}

/// A device that garbles what it was writing is outside the fault model: either nothing that counts
/// was hit, or the log is refused with the place, and nothing is lost once the file is restored.
#[test]
fn a_garbled_sector_is_found_with_its_place() {
    let (mut refused, mut unharmed) = (0, 0);
    for n in 0.. {
        let disk = SimDisk::new();
        disk.cut_after(n);
        let mut tally = Tally::default();
        let lived = live(&disk, options(None), (1, 16, End::Killed), &mut tally);
        assert!(!matches!(lived, Err(Stop::Violation(_))));
        if disk.is_armed() {
            break;
        }
        for seed in 0..seeds(12, 300) {
            let cut = disk.fork();
            let garbled = cut.crash_garbling(seed + 1_000 * n);
            let place = format!("cut after call {n}, seed {seed}, {garbled:?}");
            match open_or_create(&cut, options(None)) {
                Ok((journal, _)) => {
                    let found = journal.head().next_seq.0;
                    assert!(tally.acked <= found && found <= tally.tried, "{place}: {found}");
                    compare(&*journal.reader(), found).unwrap();
                    unharmed += u64::from(!garbled.is_empty());
                }
                Err(Error::Corrupt { segment, offset, .. }) => {
                    refused += 1;
                    let hit = garbled.iter().filter(|(path, _)| *path == segment);
                    let first = hit.map(|(_, at)| *at).min().expect(&place);
                    let whole = disk.contents(&segment).unwrap();
                    let expected = places(&whole).into_iter().rfind(|at| *at <= first);
                    assert_eq!(Some(offset), expected, "{place}");
                    // Restored from a copy kept elsewhere.
                    cut.restart();
                    cut.edit(&segment, |bytes| *bytes = whole).unwrap();
                    check(&cut, options(None), &mut tally.clone(), &mut Met::default()).unwrap();
                }
                Err(error) => panic!("{place}: {error}"),
            }
        }
    }
    assert!(50 < refused && 50 < unharmed, "{refused} refused, {unharmed} unharmed");
}

/// The harness is seen to fail: each step that is left out must be noticed.
#[test]
fn every_step_left_out_is_noticed() {
    let defects = [
        Defect::SkipSync,
        Defect::NextBlockEarly,
        Defect::SkipTailZeros,
        Defect::SkipTailRewrite,
        Defect::SkipHeaderSync,
        Defect::SkipNameSync,
        Defect::KeepMarker,
        Defect::SkipMarkerSync,
        Defect::GoOnAfterFailure,
    ];
    for defect in defects {
        let options = options(Some(defect));
        let noticed =
            cut_everywhere(options, 6).and_then(|_| fail_everywhere(options, Fault::Eio, 4));
        let what = noticed.expect_err(&format!("{defect:?} goes unnoticed"));
        println!("{defect:?}: {what}");
    }
}
