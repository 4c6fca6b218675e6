//! The files: the same bytes for the same seed.
