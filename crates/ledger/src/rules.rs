//! Rules as data: share schemes, pairings, purposes, flows, cap, approval, flags, areas, baselines, periods.
//!
//! Lives here: the content of each rule, what makes content valid, and which version holds on a date.
//! Lives elsewhere: adopting a version (`kinds::rules`), what a rule decides about money (`kinds`).
//!
//! Always: a version is never changed, only followed; the version of a date is the last one known whose
//! first day is not after it.

pub mod split;
