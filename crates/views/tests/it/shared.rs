//! Shares stay as they were; what was saved and read again goes on as if it had never been away.

use ledger::codec::Codec;
use ledger::event::At;
use proptest::collection::vec;
use proptest::prelude::*;
use record::{Block, Hash};
use views::{ViewDigest, Views};

use crate::rows::{self, Rows};
use crate::world::World;

fn apply(views: &mut Views, block: &Block, codec: &mut Codec) {
    for record in block.records() {
        if record.kind() < 100 {
            views.pass(&record);
            continue;
        }
        let event = codec.decode(&record).unwrap().event;
        views.apply(&record, &At::of_record(&record), &event).unwrap();
    }
}

fn saved(views: &Views) -> Vec<u8> {
    let mut out = Vec::new();
    views.save(&mut out).unwrap();
    out
}

fn load(mut bytes: &[u8]) -> Views {
    let views = Views::load(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "{} bytes are left", bytes.len());
    views
}

/// All that can be seen of views.
fn seen(views: &Views) -> (Rows, Vec<(String, i64)>) {
    let accounts = views.accounts().iter().map(|(path, fen)| (path.to_owned(), fen)).collect();
    (rows::read(views.projection()), accounts)
}

fn digests(views: &mut Views) -> (Vec<ViewDigest>, Hash) {
    (views.digests(), views.views_digest())
}

/// A share, and what it was when it was taken.
struct Share {
    views: Views,
    seen: (Rows, Vec<(String, i64)>),
    digests: (Vec<ViewDigest>, Hash),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn shares_and_saved_views(
        actions in vec(any::<(u8, u32, u32, u32)>(), 20..120),
        steps in vec(0..7_u8, 120),
    ) {
        let mut world = World::new();
        actions.into_iter().for_each(|action| world.act(action));
        let mut codec = Codec::new();
        // Never shared, saved or digested before its time.
        let mut plain = Views::new();
        let (mut views, mut other) = (Views::new(), Views::new());
        let mut shares = Vec::new();
        for (block, step) in world.book.blocks.iter().zip(steps.iter().cycle()) {
            for views in [&mut plain, &mut views, &mut other] {
                apply(views, block, &mut codec);
            }
            match step {
                0 => prop_assert_eq!(digests(&mut other), digests(&mut plain.clone())),
                1 => prop_assert_eq!(digests(&mut views), digests(&mut plain.clone())),
                2 => other = load(&saved(&other)),
                3 => {
                    let share = views.share();
                    let (seen, digests) = (seen(&plain), digests(&mut plain.clone()));
                    shares.push(Share { views: share, seen, digests });
                }
                // The copy goes on and the one it was taken from is forgotten.
                4 => views = views.share(),
                _ => (),
            }
        }
        for mut share in shares {
            prop_assert_eq!(seen(&share.views), share.seen);
            prop_assert_eq!(digests(&mut load(&saved(&share.views))), share.digests.clone());
            prop_assert_eq!(digests(&mut share.views), share.digests);
        }
        for mut views in [views, other] {
            prop_assert_eq!(seen(&views), seen(&plain));
            prop_assert_eq!(digests(&mut views), digests(&mut plain.clone()));
            prop_assert_eq!(views.digests_anew(), views.digests());
        }
    }
}

/// Whoever changes a row and leaves the running digests as they are is found out.
#[test]
fn digests_made_anew_know_every_row() {
    let mut world = crate::versus_model::long(31, 80);
    let expected = world.book.views.digests();
    let bytes = saved(&world.book.views);
    let rows = |views: &Views| {
        let mut rows: Vec<Vec<u8>> = Vec::new();
        views.projection().scan(&mut |row| rows.push(row.to_vec()));
        rows.sort_unstable();
        let accounts = views.accounts().iter().map(|(path, fen)| (path.to_owned(), fen));
        (rows, accounts.collect::<Vec<_>>())
    };
    let as_it_was = rows(&world.book.views);
    assert_eq!(load(&bytes).digests_anew(), expected);
    let mut unnoticed = 0;
    for at in (0..bytes.len()).step_by(7) {
        let mut changed = bytes.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(mut views) = Views::load(&mut changed.as_slice()) else { continue };
        if rows(&views) == as_it_was {
            continue;
        }
        unnoticed += u32::from(views.digests() == expected);
        assert_ne!(views.digests_anew(), expected, "byte {at}");
    }
    assert!(100 < unnoticed, "{unnoticed}");
}

/// What `Views::save` writes has a version: never change the hash alone, raise `SAVED`, too.
#[test]
fn what_is_saved_has_a_version() {
    let mut world = crate::versus_model::long(30, 900);
    assert_eq!(crate::world::kinds(&world).len(), 33, "a story with every kind");
    let _digests = world.book.views.digests();
    // Rows that the last digest does not know, too.
    for action in 0..56 {
        world.act((action, 3 * u32::from(action), 7, 11));
    }
    let bytes = saved(&world.book.views);
    let found = (bytes[0], bytes[1], &blake3::hash(&bytes).to_hex()[..16]);
    assert_eq!(found, (1, 1, "7d920f84a81b8d5c"), "a new SAVED is due");
}

#[test]
fn any_bytes_end_in_an_error_or_in_views() {
    let mut world = crate::versus_model::long(31, 80);
    let _digests = world.book.views.digests();
    let bytes = saved(&world.book.views);
    for len in (0..bytes.len()).step_by(97) {
        assert!(Views::load(&mut &bytes[..len]).is_err(), "{len} bytes");
    }
    let mut refused = 0;
    for at in (0..bytes.len()).step_by(31) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        refused += u32::from(Views::load(&mut damaged.as_slice()).is_err());
    }
    assert!(0 < refused);
    assert_eq!(bytes[1], views::VERSION);
    assert!(
        Views::load(&mut [&[bytes[0], views::VERSION + 1], &bytes[2..]].concat().as_slice())
            .is_err()
    );
}
