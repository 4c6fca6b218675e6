//! A ledger in memory: events in, records out, views fed with the bytes.

use std::ops::ControlFlow;

use ledger::codec::Codec;
use ledger::event::money::VoucherPosted;
use ledger::event::{At, Common, Entry, Event};
use ledger::ids::{Date, HouseholdCode, OfficialId, OrgId, VoucherNo};
use record::{Block, BlockBuilder, Draft, Fen, Record, Seq};
use views::Views;
use views::history::{Histories, HistoryError, Log, LogError, mentions};

/// The log, one record an entry.
#[derive(Default)]
pub(crate) struct MemLog(pub(crate) Vec<Vec<u8>>);

impl Log for MemLog {
    fn next_seq(&self) -> Seq {
        Seq(self.0.len() as u64)
    }

    fn scan(
        &self,
        from: Seq,
        to: Seq,
        each: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), LogError> {
        let range = from.0 as usize..self.0.len().min(to.0 as usize + 1);
        let rows = self.0.get(range).unwrap_or_default().iter();
        let _ = rows.map(|bytes| each(bytes)).try_for_each(|go_on| {
            if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        Ok(())
    }
}

/// Finds a household's records by reading all.
pub(crate) struct Scan<'a>(pub(crate) &'a MemLog);

impl Histories for Scan<'_> {
    fn positions(&self, household: HouseholdCode, to: Seq) -> Result<Vec<Seq>, HistoryError> {
        let mut codec = Codec::new();
        Ok(self
            .0
            .0
            .iter()
            .map(|bytes| Record::parse(bytes).unwrap())
            .filter(|record| record.seq() <= to)
            .filter(|record| mentions(record, &mut codec).contains(&Some(household)))
            .map(|record| record.seq())
            .collect())
    }
}

/// A ledger with its views at the head.
pub(crate) struct Book {
    pub(crate) log: MemLog,
    pub(crate) blocks: Vec<Block>,
    pub(crate) views: Views,
    /// By position; the genesis and headers have none that the model cares for.
    pub(crate) events: Vec<(At, Event)>,
    codec: Codec,
    builder: BlockBuilder,
}

impl Book {
    pub(crate) fn new() -> Self {
        let builder = BlockBuilder::start(1, Seq(0), [0; 32], [7; 32]);
        let mut book = Self {
            log: MemLog::default(),
            blocks: Vec::new(),
            views: Views::new(),
            events: Vec::new(),
            codec: Codec::new(),
            builder,
        };
        let mut draft = Draft::new();
        let genesis = record::Genesis {
            origin: "views.example/test".into(),
            vkeys: vec!["k".into()],
            format_version: 1,
            synthetic: true,
            recovery_vkey: String::new(),
            seed: 1,
        };
        draft.push(record::system::GENESIS, 16_801, &[], &genesis.encode()).unwrap();
        book.seal(&draft, Date(16_801));
        book
    }

    /// Posts a voucher of these lines and returns the positions of the lines.
    pub(crate) fn post(&mut self, date: Date, today: Date, lines: Vec<Event>) -> Vec<Seq> {
        let first = self.log.0.len() as u64;
        let count = lines.len() as u64;
        let header = VoucherPosted {
            organisation: OrgId::id("FB44").unwrap(),
            voucher_no: VoucherNo::id(&format!("V-{first}")).unwrap(),
            doc_no: "".into(),
            prepared_by: OfficialId::new("p.x").unwrap(),
            approved_by: OfficialId::EMPTY,
            exception_reason: "".into(),
            notice_ref: "".into(),
            line_count: lines.len() as u32,
            total: Fen::ZERO,
            total_given: true,
            content_digest: [0; 32],
            approval: None,
            approval_version: 1,
            period_version: 1,
        };
        let mut draft = Draft::new();
        for event in std::iter::once(Event::from(header)).chain(lines) {
            let entry = Entry { event, common: Common::default() };
            self.codec.encode(&entry, date, &mut draft).unwrap();
        }
        self.seal(&draft, today);
        (1..=count).map(|part| Seq(first + part)).collect()
    }

    fn seal(&mut self, draft: &Draft, today: Date) {
        let last = self.blocks.last();
        let (next, head) = last.map_or((Seq(0), [0; 32]), |b| (b.last_seq().next(), b.head()));
        self.builder.restart(1, next, head);
        // 18:00 in China.
        self.builder.append(draft, u64::from(today.0) * 86_400_000 + 10 * 3_600_000);
        let block = self.builder.finish();
        for record in block.records() {
            self.log.0.push(record.bytes().to_vec());
            if record.kind() < 100 {
                self.views.pass(&record);
                continue;
            }
            let at = At::of_record(&record);
            let event = self.codec.check_canonical(&record).unwrap().event;
            self.views.apply(&record, &at, &event).unwrap();
            self.events.push((at, event));
        }
        self.blocks.push(block);
    }
}
