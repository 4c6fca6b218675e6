//! Nanoseconds a leaf and a signature: `cargo bench -p tlog`. Medians of 5 rounds.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::float_arithmetic,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement, not a product"
)]

use std::hint::black_box;
use std::time::Instant;

use tlog::note::{Signer, open_note, sign_note};
use tlog::tree::{Frontier, leaf_hash, node_hash};

const LEAVES: u32 = 100_000;
const NOTES: u32 = 1_000;

fn main() {
    for len in [118, 180, 250, 350] {
        let leaf = vec![42; len];
        report(&format!("leaf hash of {len} bytes"), LEAVES, &mut || {
            for _ in 0..LEAVES {
                black_box(leaf_hash(black_box(&leaf)));
            }
        });
        report(&format!("leaf and nodes of {len} bytes"), LEAVES, &mut || {
            let mut frontier = Frontier::new();
            for _ in 0..LEAVES {
                frontier.push(leaf_hash(black_box(&leaf)));
            }
            black_box(frontier.root());
        });
    }
    report("node hash", LEAVES, &mut || {
        for _ in 0..LEAVES {
            black_box(node_hash(black_box(&[1; 32]), black_box(&[2; 32])));
        }
    });
    let signer = Signer::from_seed("ledger.example/gd", &[7; 32]).unwrap();
    let known = [signer.vkey().clone()];
    let text = "ledger.example/gd\n1\nAAAA\n";
    let note = sign_note(text, &[&signer]);
    report("sign a note", NOTES, &mut || {
        for _ in 0..NOTES {
            black_box(sign_note(text, &[&signer]));
        }
    });
    report("open a note", NOTES, &mut || {
        for _ in 0..NOTES {
            black_box(open_note(&note, &known).unwrap());
        }
    });
}

fn report(name: &str, times: u32, work: &mut dyn FnMut()) {
    let mut rounds: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed().as_nanos() as f64
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:32} {:7.0} ns", rounds[rounds.len() / 2] / f64::from(times));
}
