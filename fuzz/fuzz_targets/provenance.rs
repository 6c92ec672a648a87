//! See `headrig_tests::fuzz::provenance`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headrig_tests::fuzz::provenance(bytes));
