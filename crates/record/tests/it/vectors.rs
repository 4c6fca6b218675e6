//! Vectors made by other people's software: they judge the crates we rest on, as we call them.

use serde_json::Value;

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn blake3() {
    let file: Value = serde_json::from_str(include_str!("../data/blake3.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key: [u8; 32] = text(&file["key"]).into_bytes().try_into().unwrap();
    let context = text(&file["context_string"]);
    let cases = file["cases"].as_array().unwrap();
    for case in cases {
        let len = case["input_len"].as_u64().unwrap();
        let input: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let check = |hasher: blake3::Hasher, expected: &Value| {
            let expected = hex(expected.as_str().unwrap());
            let mut hasher = hasher;
            hasher.update(&input);
            let mut found = vec![0; expected.len()];
            hasher.finalize_xof().fill(&mut found);
            assert_eq!(found, expected, "{len}");
            assert_eq!(hasher.finalize().as_bytes(), &expected[..32]);
        };
        check(blake3::Hasher::new(), &case["hash"]);
        check(blake3::Hasher::new_keyed(&key), &case["keyed_hash"]);
        check(blake3::Hasher::new_derive_key(&context), &case["derive_key"]);
    }
    assert_eq!(cases.len(), 35);
}

#[test]
fn our_contexts_are_computed_once_and_right() {
    for len in [0, 79, 80, 350, 1_024, 1_025, 65_535] {
        let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
        let expected = blake3::derive_key("mingzhang 2026-11-24 record v1", &bytes);
        assert_eq!(record::chain_hash(&bytes), expected);
    }
    let expected = blake3::derive_key("mingzhang 2026-11-24 log id v1", b"ledger.example/gd");
    assert_eq!(record::log_id("ledger.example/gd"), expected);
}

#[test]
fn crc32c_vectors() {
    let file: Value = serde_json::from_str(include_str!("../data/crc32c.json")).unwrap();
    let cases = file["vectors"].as_array().unwrap();
    for case in cases {
        let input = hex(case["input_hex"].as_str().unwrap());
        let expected = u32::from_str_radix(case["crc32c"].as_str().unwrap(), 16).unwrap();
        for split in 0..=input.len() {
            let (head, tail) = input.split_at(split);
            assert_eq!(crc32c::crc32c_append(crc32c::crc32c(head), tail), expected);
        }
    }
    assert_eq!(cases.len(), 5);
    let long: Vec<u8> = (0..2_048_u32).map(|i| (3 * i * i + 7 * i + 11) as u8).collect();
    assert_eq!(crc32c::crc32c(&long), 0x36dc_c753);
}
