//! See `headrig_tests::fuzz::object_to_rows`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headrig_tests::fuzz::object_to_rows(bytes));
