//! Objects that cannot be read name themselves, so that the rest of the batch can go on without them.

use crate::support::{Collected, Part, chunk, member, run};
use headrig_contract::chunk::Codec;
use headrig_etl::{BatchError, BatchRun, LakeFile, LakeSink, ObjectError, Settings};
use std::io;

fn small_chunk(codec: Codec) -> Vec<u8> {
    chunk(codec, &[vec![Part::new(1, 0, "a line\n".repeat(100))], vec![Part::new(1, 700, "another\n")]])
}

#[track_caller]
fn reason(bytes: &[u8]) -> ObjectError {
    match run(&Settings::default(), &[("fine", b"fine\n"), ("bad", bytes)]) {
        Err(BatchError::Object { key, reason }) if key.as_str() == "bad" => reason,
        other => panic!("expected an error of the object, found {other:?}"),
    }
}

#[test]
fn every_cut_of_a_chunk_is_the_objects_fault() {
    for codec in [Codec::Gzip, Codec::Zstd] {
        let whole = small_chunk(codec);
        for bytes in [&whole[..whole.len() - 1], &whole[..whole.len() / 2]] {
            assert!(matches!(reason(bytes), ObjectError::Chunk(_)), "{codec:?}");
        }
    }
}

#[test]
fn a_flipped_bit_in_a_block_is_the_objects_fault() {
    // gzip has a checksum of its own; in zstd the object's hash is what tells.
    let mut bytes = small_chunk(Codec::Gzip);
    let at = bytes.len() - 2;
    bytes[at] ^= 0x10;
    assert!(matches!(reason(&bytes), ObjectError::Chunk(_)));
    for codec in [Codec::Gzip, Codec::Zstd] {
        let whole = small_chunk(codec);
        let mut bytes = whole.clone();
        bytes[at.min(whole.len() - 2)] ^= 0x10;
        let settings = Settings::default();
        let error = BatchRun::new("b0", &settings)
            .object(&member("k", &whole), &bytes, &mut Collected::default())
            .unwrap_err();
        let told = matches!(error, BatchError::Object { reason: ObjectError::Hash { .. }, .. });
        assert!(told, "{codec:?}: {error}");
    }
}

#[test]
fn other_bytes_than_the_ledger_knows_are_refused() {
    let settings = Settings::default();
    let error = BatchRun::new("b0", &settings)
        .object(&member("k", b"one"), b"two", &mut Collected::default())
        .unwrap_err();
    assert_eq!(error.culprit().map(|key| key.as_str()), Some("k"));
    assert!(matches!(error, BatchError::Object { reason: ObjectError::Hash { .. }, .. }), "{error}");
}

#[test]
fn a_sink_that_fails_is_nobodys_fault_but_its_own() {
    struct Full;
    impl LakeSink for Full {
        fn write(&mut self, _: LakeFile) -> io::Result<()> {
            Err(io::ErrorKind::StorageFull.into())
        }
    }
    let settings = Settings::default();
    let mut run = BatchRun::new("b0", &settings);
    run.object(&member("k", b"a\n"), b"a\n", &mut Full).unwrap();
    let error = run.finish(&mut Full).unwrap_err();
    assert!(error.is_retryable() && error.culprit().is_none(), "{error}");
}

#[test]
fn an_offset_that_no_file_has_is_the_objects_fault() {
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, u64::MAX / 2, "a\n")]]);
    assert!(matches!(reason(&bytes), ObjectError::Place { .. }));
}
