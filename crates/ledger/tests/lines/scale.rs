//! The register of a whole province in memory.
//!
//! `MINGZHANG_SCALE=full cargo test --release -p ledger --test lines scale -- --nocapture` enters the
//! 708,000 households and 1,765,000 people of the policy's first section and prints what a household takes.

use std::fmt::Write as _;
use std::time::Instant;

use ledger::event::registry::{AccountBound, HouseholdRegistered, Marks, Person};
use ledger::event::{At, Body};
use ledger::ids::{Date, HouseholdCode, Token, Unit};
use ledger::state::State;
use ledger::state::registry::HouseholdRow;
use ledger::words::{Ability, AccountKind, Class, Sex};
use record::Seq;

/// Resident memory of this process, in bytes.
fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

fn token(kind: u8, number: u64) -> Token {
    // Spread like random tokens, without a generator.
    let mut bytes = [kind; 16];
    bytes[..8].copy_from_slice(&(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_le_bytes());
    bytes[8..].copy_from_slice(&(number.wrapping_mul(0xD1B5_4A32_D192_ED03)).to_be_bytes());
    Token(bytes)
}

/// Enters households with so many people in all and an account each.
fn fill(state: &mut State, households: u64, people: u64) {
    let (mut person, date) = (0_u64, Date(17_000));
    for number in 0..households {
        let village = 441_424_901_201 + number / 9_000;
        let serial = u16::try_from(number % 9_000).unwrap();
        let village = Unit::of_code(village).unwrap();
        let code = HouseholdCode::new(village, serial).unwrap();
        let until = people * (number + 1) / households;
        let members = (person..until).zip(1..).map(|(i, no)| Person {
            no,
            person: token(1, i),
            birth_year: 1980,
            sex: Sex::Female,
            marks: Marks { ability: Ability::Full, dibao: false, student: false, insured: true },
        });
        let event = HouseholdRegistered {
            household: code,
            village,
            class: Class::General,
            causes: ledger::event::registry::Causes::default(),
            helping_unit: None,
            members: members.collect(),
        };
        person = until;
        let at = At { seq: Seq(number), time_ms: 0, date, first_seq: Seq(number) };
        event.evolve(state, &at).unwrap();
        let bound = AccountBound {
            household: code,
            account: token(2, number),
            account_kind: AccountKind::Yikatong,
            holder: token(1, until - 1),
            guardian_reason: String::new(),
            primary: true,
        };
        bound.evolve(state, &at).unwrap();
    }
}

#[test]
fn a_province_fits() {
    const _: () = assert!(size_of::<HouseholdRow>() <= 64);
    let full = std::env::var("MINGZHANG_SCALE").is_ok_and(|scale| scale == "full");
    let (households, people) = if full { (708_000, 1_765_000) } else { (7_080, 17_650) };
    let mut state = State::new([1; 32]);
    state.set_recording(false);
    let (before, start) = (resident(), Instant::now());
    fill(&mut state, households, people);
    let (bytes, seconds) = (resident() - before, start.elapsed());
    let registry = &state.registry;
    assert_eq!(u64::from(registry.households()), households);
    let date = Date(17_000);
    for person in [0, people / 2, people - 1] {
        let member = registry.membership_on(token(1, person), date).unwrap();
        assert!(registry.is_member(member.household, token(1, person), date));
    }
    let mut line = String::new();
    write!(line, "{households} households, {people} people, an account each: ").unwrap();
    write!(line, "{} MB, {} B a household, {seconds:?}", bytes >> 20, bytes / households).unwrap();
    if full {
        assert!(bytes / households < 420, "{line}");
    }
    println!("{line}");
}
