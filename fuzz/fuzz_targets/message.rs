//! Any bytes as a message: what must hold is in `src/message/fuzz.rs`, which `cargo test` runs too, for a few seconds.

#![no_main]

libfuzzer_sys::fuzz_target!(|message: &[u8]| irispool::message::fuzz::check(message));
