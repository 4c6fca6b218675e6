//! The oracle's vectors, and what the oracle proves of itself.

#![allow(clippy::arithmetic_side_effects, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn numbers(cell: &str) -> Vec<i64> {
    cell.split(';').filter(|s| !s.is_empty()).map(|s| s.parse().unwrap()).collect()
}

fn unsigned(weights: &[i64]) -> Vec<u32> {
    weights.iter().map(|w| u32::try_from(*w).unwrap()).collect()
}

/// The code that the oracle's column `error` names.
fn code(result: Result<(), WeightsError>) -> &'static str {
    match result {
        Ok(()) => "",
        Err(WeightsError::Weights) => "MZ-4003",
        Err(WeightsError::Sum(_)) => "MZ-4004",
        Err(WeightsError::Falls { .. }) => "MZ-4005",
    }
}

/// Steps of one series so far: amount and parts of each, and the sums charged after the last.
#[derive(Default)]
struct Series {
    steps: BTreeMap<String, (i64, Vec<i64>)>,
    charged: Vec<i64>,
}

impl Series {
    /// Takes the next step: it begins with what the steps before have charged.
    fn push(&mut self, row: &csv::StringRecord, charged: &[i64], amount: i64, parts: &[i64]) {
        if !self.steps.is_empty() {
            assert_eq!(self.charged, charged, "{row:?}");
        }
        self.charged = charged.iter().zip(parts).map(|(sum, part)| sum + part).collect();
        self.steps.insert(row[2].to_owned(), (amount, parts.to_vec()));
    }

    /// The exact mirror of a step before, which is not a new split.
    fn mirror(&self, row: &csv::StringRecord) -> (i64, Vec<i64>) {
        let step = row[9].strip_prefix("reverses step ").unwrap().split(':').next().unwrap();
        let (amount, parts) = &self.steps[step];
        (-amount, parts.iter().map(|part| -part).collect())
    }
}

#[test]
fn every_row_of_the_oracle_agrees() {
    let mut reader =
        csv::Reader::from_reader(&include_bytes!("../../../data/split_vectors.csv")[..]);
    let (mut rows, mut reversals) = (0, 0);
    let mut all: BTreeMap<String, Series> = BTreeMap::new();
    for row in reader.records() {
        let row = row.unwrap();
        let (op, weights, charged) = (&row[3], numbers(&row[4]), numbers(&row[5]));
        let (amount, parts, error) = (row[6].parse::<i64>().unwrap(), numbers(&row[7]), &row[8]);
        let series = all.entry(row[1].to_owned()).or_default();
        match op {
            "tranche" => {
                let found = tranche(&charged, amount, &unsigned(&weights));
                let expected = error.is_empty().then_some(parts.clone());
                assert_eq!(found, expected, "{row:?}");
                assert!(error != "MZ-1021" || amount <= 0, "{row:?}");
            }
            "reverse" => {
                assert_eq!((amount, parts.clone()), series.mirror(&row), "{row:?}");
                reversals += 1;
            }
            "scheme" => assert_eq!(code(check_weights(&weights)), error, "{row:?}"),
            other => panic!("unknown op {other}"),
        }
        if !row[1].is_empty() {
            series.push(&row, &charged, amount, &parts);
        }
        rows += 1;
    }
    assert_eq!((rows, reversals), (234, 3));
}

#[test]
fn the_paradox_is_found_where_it_happens() {
    assert_eq!(check_weights(&[3, 3, 1]), Err(WeightsError::Falls { source: 2, amount: 4 }));
    let before = split(3, &[3, 3, 1]).unwrap();
    let after = split(4, &[3, 3, 1]).unwrap();
    assert_eq!((before, after), (vec![1, 1, 1], vec![2, 2, 0]));
}

#[test]
fn weights_at_their_limits() {
    assert_eq!(check_weights(&[6_000, 3_000, 1_000]), Ok(()));
    assert_eq!(check_weights(&[6_001, 3_000, 1_000]), Err(WeightsError::Sum(10_001)));
    assert_eq!(check_weights(&[i64::MAX, i64::MAX, i64::MAX]), Err(WeightsError::Sum(u64::MAX)));
    assert_eq!(check_weights(&[1; 8]), Ok(()));
    assert_eq!(check_weights(&[]), Err(WeightsError::Weights));
    assert_eq!(split(0, &[6, 3, 1]), Some(vec![0, 0, 0]));
    assert_eq!(split(-1, &[6, 3, 1]), None);
    assert_eq!(split(1, &[0, 0]), None);
    // A release by head count to counties: the sum of weights goes to ten million.
    assert_eq!(split(i64::MAX, &[10_000_000]), Some(vec![i64::MAX]));
}

proptest! {
    #[test]
    fn parts_sum_to_the_amount_and_stand_within_a_fen(
        amount in 0..=i64::MAX,
        weights in prop::collection::vec(0_u32..2_000_000, 1..=8),
    ) {
        let total: i128 = weights.iter().map(|w| i128::from(*w)).sum();
        prop_assume!(total > 0);
        let parts = split(amount, &weights).unwrap();
        prop_assert_eq!(parts.iter().map(|p| i128::from(*p)).sum::<i128>(), i128::from(amount));
        for (part, weight) in parts.iter().zip(&weights) {
            let off = i128::from(*part) * total - i128::from(amount) * i128::from(*weight);
            prop_assert!(off.abs() < total, "more than a fen off");
        }
    }

    #[test]
    fn any_run_of_tranches_charges_what_one_tranche_would(
        amounts in prop::collection::vec(1_i64..=1_000_000_000_000, 1..40),
        weights in prop::sample::select(vec![
            vec![6_u32, 3, 1], vec![7, 2, 1], vec![5, 4, 1], vec![1], vec![8, 1, 1],
        ]),
    ) {
        let mut charged = vec![0_i64; weights.len()];
        for amount in &amounts {
            let parts = tranche(&charged, *amount, &weights).unwrap();
            prop_assert_eq!(parts.iter().sum::<i64>(), *amount);
            prop_assert!(parts.iter().all(|part| *part >= 0));
            for (sum, part) in charged.iter_mut().zip(parts) {
                *sum += part;
            }
        }
        prop_assert_eq!(Some(charged), split(amounts.iter().sum(), &weights));
    }

    #[test]
    fn a_tranche_after_reversals_is_never_negative_and_a_large_one_restores_the_split(
        steps in prop::collection::vec((any::<bool>(), 0_usize..30, 1_i64..1_010), 1..60),
        weights in prop::sample::select(vec![vec![6_u32, 3, 1], vec![7, 2, 1], vec![5, 4, 1]]),
    ) {
        let mut charged = vec![0_i64; 3];
        let mut live: Vec<Vec<i64>> = Vec::new();
        for (reverse, which, amount) in steps {
            if reverse && !live.is_empty() {
                let parts = live.swap_remove(which % live.len());
                for (sum, part) in charged.iter_mut().zip(parts) {
                    *sum -= part;
                }
            } else {
                let parts = tranche(&charged, amount, &weights).unwrap();
                prop_assert!(parts.iter().all(|part| *part >= 0));
                prop_assert_eq!(parts.iter().sum::<i64>(), amount);
                for (sum, part) in charged.iter_mut().zip(&parts) {
                    *sum += part;
                }
                live.push(parts);
            }
        }
        let total: i64 = charged.iter().sum::<i64>() + 100;
        let parts = tranche(&charged, 100, &weights).unwrap();
        let after: Vec<i64> = charged.iter().zip(parts).map(|(a, b)| a + b).collect();
        prop_assert_eq!(Some(after), split(total, &weights));
    }
}
