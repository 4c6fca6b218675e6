//! The views against a naive model, by position and by day; identities; households from their records.

mod as_of;
mod book;
mod identities;
mod model;
mod rows;
mod versus_model;
mod world;
