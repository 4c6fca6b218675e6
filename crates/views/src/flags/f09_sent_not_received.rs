//! F09: sent money has not arrived. Ground: 截留私分.
//!
//! Reading: severity is 3 from `days_grave` on.

use std::collections::BTreeMap;

use super::Found;
use super::facts::rows::At;
use super::look::{Hit, Look};

/// Finds money on its way for too long.
pub(super) fn find(look: &Look<'_>, out: &mut Vec<Found>) {
    let (days, grave) = (look.value("days"), look.value("days_grave"));
    let mut ended: BTreeMap<At, Vec<(At, i64)>> = BTreeMap::new();
    for row in look.facts.arrivals.iter().filter(|row| look.counts(row.seq, row.date)) {
        ended.entry(row.sent).or_default().push((row.seq, row.fen));
    }
    for sent in look.facts.sent.iter().filter(|row| look.counts(row.seq, row.date)) {
        let age = look.date.days_since(sent.date);
        let ends = ended.get(&sent.seq).map_or(&[][..], Vec::as_slice);
        let open = ends.iter().fold(sent.fen, |open, (_, fen)| open.saturating_sub(*fen));
        if open <= 0 || age <= days {
            continue;
        }
        let mut hit = Hit::default();
        hit.add(sent.seq, open);
        for (seq, _) in ends {
            hit.show(*seq);
        }
        let zh = format!("拨付 {age} 天没有到账");
        let en = format!("sent {age} days ago and not arrived");
        let found = hit.found(look.record(sent.seq, sent.to), zh, en);
        let severity = (grave < age).then_some(3);
        out.extend(found.map(|found| Found { severity, ..found }));
    }
}
