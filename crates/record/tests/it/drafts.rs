//! What a draft takes, and what it refuses.

use record::{Book, Draft, DraftError, PathError};

fn push(legs: &[(&str, i64)]) -> Result<(), DraftError> {
    Draft::new().push(330, 0, legs, b"")
}

fn path(i: usize) -> String {
    format!("C.hh.{i}")
}

#[test]
fn legs() {
    assert_eq!(push(&[]), Ok(()));
    assert_eq!(push(&[("C.b", 1), ("C.a", -1), ("C.a", 0)]), Ok(()));
    let unbalanced = DraftError::Unbalanced { book: Book::Cash, sum: 1 };
    assert_eq!(push(&[("C.b", 1)]), Err(unbalanced));
    assert_eq!(
        push(&[("C.a", 1), ("B.a", -1)]),
        Err(DraftError::Unbalanced { book: Book::Cash, sum: 1 })
    );
    let twice = DraftError::PathTwice { path: "C.a".into() };
    assert_eq!(push(&[("C.a", 1), ("C.a", -1)]), Err(twice));
    let bad = |path: &str, what| Err(DraftError::BadPath { path: path.into(), what });
    assert_eq!(push(&[("X.a", 1)]), bad("X.a", PathError::Book { found: b'X' }));
    let long = format!("C.{}", "0".repeat(63));
    assert_eq!(push(&[(&long, 1)]), bad(&long, PathError::Length { found: 65 }));
    let found = 1 << 53;
    let large = DraftError::FenTooLarge { path: "C.a".into(), found };
    assert_eq!(push(&[("C.a", found), ("C.b", -found)]), Err(large));
    assert_eq!(push(&[("C.a", found - 1), ("C.b", 1 - found)]), Ok(()));
}

#[test]
fn number_of_legs() {
    let paths: Vec<String> = (0..65).map(path).collect();
    let legs = |count: usize| -> Vec<(&str, i64)> {
        let fen = |i| if i == 0 { count as i64 - 1 } else { -1 };
        paths.iter().take(count).enumerate().map(|(i, path)| (path.as_str(), fen(i))).collect()
    };
    assert_eq!(push(&legs(64)), Ok(()));
    assert_eq!(push(&legs(65)), Err(DraftError::TooManyLegs { found: 65 }));
}

#[test]
fn size_of_a_record() {
    let mut draft = Draft::new();
    let legs = [("C.a", 1), ("C.b", -1)];
    let room = 65_535 - 80 - 24;
    assert_eq!(draft.push(330, 0, &legs, &vec![0; room]), Ok(()));
    assert_eq!(draft.sealed_len(), 65_535);
    let large = DraftError::RecordTooLarge { found: 65_536 };
    assert_eq!(draft.push(330, 0, &legs, &vec![0; room + 1]), Err(large));
    // What was refused has left nothing behind.
    assert_eq!((draft.sealed_len(), draft.records()), (65_535, 1));
    assert_eq!(draft.push(330, 0, &legs, b""), Ok(()));
    assert_eq!((draft.sealed_len(), draft.records()), (65_535 + 104, 2));
    draft.clear();
    assert_eq!((draft.sealed_len(), draft.records()), (0, 0));
}

#[test]
fn number_of_records() {
    let mut draft = Draft::new();
    for _ in 0..65_535 {
        draft.push(330, 0, &[], b"").unwrap();
    }
    assert_eq!(draft.push(330, 0, &[], b""), Err(DraftError::TooManyRecords));
}

#[test]
fn kinds() {
    for found in [0, 16, 99] {
        assert_eq!(Draft::new().push(found, 0, &[], b""), Err(DraftError::Kind { found }));
    }
    let alone = Err(DraftError::SystemRecord { kind: 2 });
    let mut draft = Draft::new();
    assert_eq!(draft.push(2, 0, &[("C.a", 1), ("C.b", -1)], b""), alone);
    assert_eq!(draft.push(2, 0, &[], b""), Ok(()));
    assert_eq!(draft.push(330, 0, &[], b""), alone);
    draft.clear();
    assert_eq!(draft.push(330, 0, &[], b""), Ok(()));
    assert_eq!(draft.push(2, 0, &[], b""), alone);
}

#[test]
fn the_form_without_copies_is_the_same() {
    let mut one = Draft::new();
    one.push(330, 5, &[("C.b", 1), ("C.a", -1)], b"payload").unwrap();
    let mut two = Draft::new();
    two.begin(331, 6);
    two.leg(7, |out| out.extend_from_slice(b"C.dropped"));
    two.begin(330, 5);
    two.payload().extend_from_slice(b"pay");
    two.leg(1, |out| out.extend_from_slice(b"C.b"));
    two.leg(-1, |out| {
        out.extend_from_slice(b"C.");
        out.push(b'a');
    });
    two.payload().extend_from_slice(b"load");
    two.finish().unwrap();
    assert_eq!((one.sealed_len(), one.date_max()), (two.sealed_len(), two.date_max()));
    let place = |draft| {
        let mut builder = record::BlockBuilder::start(1, record::Seq(1), [1; 32], [2; 32]);
        builder.append(draft, 6 * 86_400_000);
        builder.finish()
    };
    assert_eq!(place(&one), place(&two));
}
