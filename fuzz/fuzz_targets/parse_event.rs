//! See `headrig_tests::fuzz::parse_event`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headrig_tests::fuzz::parse_event(bytes));
