//! What the salt is for: whoever holds record N knows h(N+1) from its neighbour's proof, and could
//! guess a household and a round amount and confirm the guess offline.

use record::{Record, Seq, chain_hash, salt};

use crate::raw::{Raw, legs};

/// The neighbour's record as an outsider would write it down, for each household and amount.
fn guesses(known: &Raw, salt: [u8; 16]) -> impl Iterator<Item = Vec<u8>> {
    (0..50)
        .flat_map(move |household| (1..40).map(move |thousand| (household, thousand * 100_000)))
        .map({
            let known = known.clone();
            move |(household, fen)| {
                let path = format!("C.hh.441424901201{household:05}");
                let legs = legs(&[(path.as_str(), fen), ("C.hold.441424901201.Q16", -fen)]);
                Raw { salt, legs, ..known.clone() }.bytes()
            }
        })
}

#[test]
fn a_neighbour_cannot_be_guessed_from_its_hash() {
    let public = Raw { payload: Vec::new(), ..Raw::default() };
    let truth = |salt| {
        let movement = [("C.hh.44142490120100013", 300_000), ("C.hold.441424901201.Q16", -300_000)];
        Raw { legs: legs(&movement), salt, ..public.clone() }.bytes()
    };
    let finds = |target: &[u8], guessed_salt| {
        let hash = chain_hash(target);
        assert!(Record::parse(target).is_ok());
        guesses(&public, guessed_salt).any(|guess| chain_hash(&guess) == hash)
    };
    // Without a salt, or with one that an outsider can compute, the guess is confirmed.
    assert!(finds(&truth([0; 16]), [0; 16]));
    let key = |byte: u8| [byte; 32];
    let place = |key: [u8; 32]| salt(&key, Seq(public.seq), &public.prev);
    assert!(finds(&truth(place(key(1))), place(key(1))));
    // With the ledger's secret, not.
    assert!(!finds(&truth(place(key(1))), [0; 16]));
    assert!(!finds(&truth(place(key(1))), place(key(2))));
}
