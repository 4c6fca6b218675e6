//! Notes and keys against other people's vectors.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use proptest::prelude::*;
use serde_json::Value;
use tlog::note::{
    KeyError, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError, Signer, Vkey, open_note, parse_note,
    sign_note,
};

fn notes() -> Value {
    serde_json::from_str(include_str!("data/notes.json")).unwrap()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn vkeys(case: &Value) -> Vec<Vkey> {
    list(case, "vkeys").iter().map(|key| Vkey::parse(text(key)).unwrap()).collect()
}

#[test]
fn good_notes_open() {
    let notes = notes();
    for case in list(&notes, "good") {
        let opened = open_note(text(&case["note"]), &vkeys(case)).unwrap();
        let names: Vec<&str> = opened.verified.iter().map(Vkey::name).collect();
        let expected: Vec<&str> = list(case, "verified_names").iter().map(text).collect();
        assert_eq!(names, expected, "{}", case["name"]);
        assert!(text(&case["note"]).starts_with(opened.text));
    }
    assert_eq!(list(&notes, "good").len(), 6);
}

#[test]
fn bad_notes_are_refused_by_name() {
    let notes = notes();
    let errors: Vec<NoteError> = list(&notes, "bad")
        .iter()
        .map(|case| open_note(text(&case["note"]), &vkeys(case)).unwrap_err())
        .collect();
    let control_at = text(&list(&notes, "bad")[6]["note"]).bytes().position(|b| b == 1);
    let expected = [
        NoteError::NoKnownSignature,
        NoteError::BadSignature { name: "PeterNeumann".into() },
        NoteError::TooManySignatures,
        NoteError::Form,
        NoteError::Form,
        NoteError::Form,
        NoteError::Text { at: control_at.unwrap_or(0) },
        NoteError::Form,
        NoteError::SignatureLine { line: 2 },
    ];
    assert_eq!(errors, expected);
}

#[test]
fn keys_are_read_back() {
    let notes = notes();
    for key in list(&notes, "vkeys_valid").iter().map(text) {
        assert_eq!(Vkey::parse(key).unwrap().to_string(), key);
        for from in 0..key.len() {
            for to in from..key.len() {
                assert!(to - from == key.len() || Vkey::parse(&key[from..to]).is_err());
            }
        }
        for at in 0..key.len() {
            let mut raised = key.as_bytes().to_vec();
            raised[at] += 1;
            let raised = String::from_utf8(raised).unwrap();
            assert!(Vkey::parse(&raised).is_err(), "{raised}");
        }
    }
    let invalid: Vec<KeyError> = list(&notes, "vkeys_invalid")
        .iter()
        .map(|case| Vkey::parse(text(&case["vkey"])).unwrap_err())
        .collect();
    assert_eq!(invalid, [KeyError::Form, KeyError::Algorithm { found: 0x65 }, KeyError::Form]);
}

#[test]
fn names_of_keys() {
    for bad in ["", "a b", "a\u{3000}b", "a+b", "a\nb", "a\u{7}b"] {
        assert_eq!(Signer::from_seed(bad, &[7; 32]).unwrap_err(), KeyError::Name, "{bad:?}");
    }
    let signer = Signer::from_seed("ledger.example/gd", &[7; 32]).unwrap();
    assert!(!format!("{signer:?}").contains(&signer.to_private_text()));
    let again = Signer::parse(&signer.to_private_text()).unwrap();
    assert_eq!(again.vkey(), signer.vkey());
    let vkey = signer.vkey().to_string();
    assert_eq!(Vkey::parse(&vkey.to_uppercase()).unwrap_err(), KeyError::Form);
    let other = vkey.replace("ledger.example/gd", "ledger.example/hd");
    assert!(matches!(Vkey::parse(&other), Err(KeyError::Id { .. })));
}

#[test]
fn signing_gives_the_same_bytes() {
    let case = &notes()["sign"];
    let signer = Signer::parse(text(&case["skey"])).unwrap();
    assert_eq!(signer.to_private_text(), text(&case["skey"]));
    assert_eq!(sign_note(text(&case["text"]), &[&signer]), text(&case["note"]));
}

#[test]
fn a_known_key_must_verify_on_every_line() {
    let (one, two) = (Signer::from_seed("one", &[1; 32]), Signer::from_seed("two", &[2; 32]));
    let (one, two) = (one.unwrap(), two.unwrap());
    let known = [one.vkey().clone(), two.vkey().clone()];
    let note = sign_note("text\n\nwith an empty line\n", &[&one, &two, &one]);
    let opened = open_note(&note, &known).unwrap();
    assert_eq!(opened.text, "text\n\nwith an empty line\n");
    assert_eq!(opened.verified, known);

    let other = sign_note("other\n", &[&two]);
    let spoiled = format!("{note}{}", other.strip_prefix("other\n\n").unwrap());
    let bad = NoteError::BadSignature { name: "two".into() };
    assert_eq!(open_note(&spoiled, &known), Err(bad));
    assert_eq!(open_note(&spoiled, &known[..1]).unwrap().verified, known[..1]);
    assert_eq!(open_note("text\n\nwith\n", &known), Err(NoteError::SignatureLine { line: 1 }));
}

#[test]
fn the_number_of_signatures_is_limited() {
    let signer = Signer::from_seed("one", &[1; 32]).unwrap();
    let known = [signer.vkey().clone()];
    let at = sign_note("text\n", &[&signer; NOTE_SIGNATURES_MAX]);
    assert_eq!(open_note(&at, &known).unwrap().verified, known);
    let past = sign_note("text\n", &[&signer; NOTE_SIGNATURES_MAX + 1]);
    assert_eq!(open_note(&past, &known), Err(NoteError::TooManySignatures));
    let long = "x".repeat(1_000_001);
    assert_eq!(parse_note(long.as_bytes()), Err(NoteError::TooLarge { found: 1_000_001 }));
}

/// This crate imports none of ours, so it has its own constants; `serve --print-limits` prints those
/// of `record`.
#[test]
fn limits_are_those_that_are_printed() {
    assert_eq!(NOTE_BYTES_MAX, record::limits::NOTE_BYTES_MAX);
    assert_eq!(NOTE_SIGNATURES_MAX, record::limits::NOTE_SIGNATURES_MAX);
}

#[test]
fn wycheproof() {
    let file: Value = serde_json::from_str(include_str!("data/ed25519.json")).unwrap();
    let mut cases = 0;
    for group in list(&file, "testGroups") {
        let key = unhex(text(&group["publicKey"]["pk"])).try_into().unwrap();
        let vkey = Vkey::new("wycheproof", &key).unwrap();
        for case in list(group, "tests") {
            let ok = vkey.verify(&unhex(text(&case["msg"])), &unhex(text(&case["sig"])));
            assert_eq!(ok, case["result"] == "valid", "{case}");
            cases += 1;
        }
    }
    assert_eq!(cases, 151);
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_answered(bytes: Vec<u8>, text in "(PRIVATE\\+KEY\\+)?[a-z]?\\+?[0-9a-f]{0,9}\\+?\\PC{0,50}") {
        prop_assert!(parse_note(&bytes).is_err());
        prop_assert!(Vkey::parse(&text).is_err());
        prop_assert!(Signer::parse(&text).is_err());
    }

    #[test]
    fn any_damage_to_a_note_is_noticed(at in 0..150_usize, bit in 0..8_u32, seed: [u8; 32]) {
        let signer = Signer::from_seed("ledger.example/gd", &seed).unwrap();
        let note = sign_note("ledger.example/gd\n1\nAAAA\n", &[&signer]).into_bytes();
        let mut damaged = note.clone();
        damaged[at % note.len()] ^= 1 << bit;
        let known = [signer.vkey().clone()];
        prop_assert!(open_note(&note, &known).is_ok());
        prop_assert!(open_note(&damaged, &known).is_err());
    }
}
