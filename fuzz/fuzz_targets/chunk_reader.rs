//! See `headrig_tests::fuzz::chunk_reader`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| headrig_tests::fuzz::chunk_reader(bytes));
