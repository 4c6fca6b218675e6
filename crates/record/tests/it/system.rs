//! Payloads of the format's own kinds, byte for byte.

use record::system::{
    self, AttemptsAnchored, FormatRaised, Genesis, KeyChanged, PayloadError, RollbackAcknowledged,
    Seal,
};

#[test]
fn genesis() {
    let genesis = Genesis {
        origin: "o".into(),
        vkeys: vec!["k1".into(), "k2".into()],
        format_version: 1,
        synthetic: true,
        recovery_vkey: "r".into(),
        seed: 20_160_604,
    };
    let bytes = b"\x0a\x01o\x12\x02k1\x12\x02k2\x18\x01\x20\x01\x2a\x01r\x30\xdc\xc0\xce\x09";
    assert_eq!(genesis.encode(), bytes);
    assert_eq!(Genesis::decode(bytes), Ok(genesis));
    assert_eq!(Genesis::decode(b""), Ok(Genesis::default()));

    let no = |bytes: &[u8], expected| assert_eq!(Genesis::decode(bytes), Err(expected));
    let max = u64::from(u32::MAX);
    let range = |field, found| PayloadError::Range { field, found, min: 0, max };
    no(b"\x18\x01\x0a\x01o", PayloadError::NotCanonical); // order
    no(b"\x0a\x01o\x0a\x01o", PayloadError::NotCanonical); // twice
    no(b"\x0a\x00", PayloadError::NotCanonical); // a default, spelled out
    no(b"\x18\x81\x00", PayloadError::NotCanonical); // a padded varint
    no(b"\x20\x02", PayloadError::NotCanonical); // a bool of 2
    no(b"\x38\x01", PayloadError::UnknownField { field: 7 });
    no(b"\x08\x01", PayloadError::UnknownField { field: 1 }); // another type
    no(b"\x0d\0\0\0\0", PayloadError::UnknownField { field: 1 });
    no(b"\x0a\x02o", PayloadError::Cut);
    no(b"\x0a", PayloadError::Cut);
    no(b"\x0a\x01\xff", PayloadError::Text { field: 1 });
    no(b"\x18\x80\x80\x80\x80\x10", range(3, 1 << 32));
    no(b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", PayloadError::Varint);
    no(b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", PayloadError::Varint);
    let most = b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(Genesis::decode(most).unwrap().seed, u64::MAX);
}

#[test]
fn seal() {
    let mut seal = Seal { root: [1; 32], accounts: [0; 32], views: [3; 32], version: 127 };
    let bytes =
        [&b"\x0a\x20"[..], &[1; 32], b"\x12\x20", &[0; 32], b"\x1a\x20", &[3; 32], b"\x20\x7f"]
            .concat();
    assert_eq!(bytes.len(), system::SEAL_BYTES);
    assert_eq!(seal.encode(), bytes);
    assert_eq!(Seal::decode(&bytes), Ok(seal));
    for version in [0, 128, 255] {
        seal.version = version;
        let (field, found) = (4, u64::from(version));
        let range = PayloadError::Range { field, found, min: 1, max: 127 };
        assert_eq!(Seal::decode(&seal.encode()), Err(range));
    }
    let short = [&b"\x0a\x1f"[..], &[1; 31], &bytes[34..]].concat();
    assert_eq!(Seal::decode(&short), Err(PayloadError::HashLength { field: 1, found: 31 }));
    assert_eq!(Seal::decode(&bytes[34..]), Err(PayloadError::NotCanonical));
}

#[test]
fn the_others() {
    let key = KeyChanged { new_vkey: "n".into(), retired_vkey: "r".into() };
    assert_eq!(key.encode(), b"\x0a\x01n\x12\x01r");
    assert_eq!(KeyChanged::decode(&key.encode()), Ok(key));

    let raised = FormatRaised { reader_version: 300 };
    assert_eq!(raised.encode(), b"\x08\xac\x02");
    assert_eq!(FormatRaised::decode(&raised.encode()), Ok(raised));

    let anchored = AttemptsAnchored { size: 5, root: [1; 32], head: [2; 32] };
    let bytes = [&b"\x08\x05\x12\x20"[..], &[1; 32], b"\x1a\x20", &[2; 32]].concat();
    assert_eq!(anchored.encode(), bytes);
    assert_eq!(AttemptsAnchored::decode(&bytes), Ok(anchored));

    let back = RollbackAcknowledged { old_size: 9, old_root: [1; 32], text: "disk".into() };
    let bytes = [&b"\x08\x09\x12\x20"[..], &[1; 32], b"\x1a\x04disk"].concat();
    assert_eq!(back.encode(), bytes);
    assert_eq!(RollbackAcknowledged::decode(&bytes), Ok(back));
}

#[test]
fn kinds() {
    let known: Vec<u16> = (0..=u16::MAX).filter(|kind| system::is_known(*kind)).collect();
    assert_eq!(known, [1, 2, 3, 4, 5, 6]);
    assert!(known.iter().all(|kind| system::name(*kind).is_some()));
    assert!(system::is_system(15) && !system::is_system(0) && !system::is_system(16));
    assert_eq!(system::name(7), None);
}

#[test]
fn a_payload_error_did_not_say_what_was_found() {
    let check = |error: PayloadError, text: &str| assert_eq!(error.to_string(), text);
    let (field, found) = (4, 128);
    check(PayloadError::Range { field, found, min: 1, max: 127 }, "field 4: 128, 1 to 127 allowed");
    check(PayloadError::HashLength { field, found: 31 }, "field 4: 31 bytes, 32 expected");
}
