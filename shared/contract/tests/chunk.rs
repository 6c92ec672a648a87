//! The chunk format through its public API: what is written is read, damage is refused, plain tools agree.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ChunkSeq, ContentHash, Generation, HostName, StreamId, UnixMicros,
    chunk::{
        BLOCK_BYTES_MAX, BlockEncoder, Chain, ChunkReader, Codec, EncodeError, ForeignReader, Layout,
        Provenance, Segment, SegmentEdges,
    },
    framing::FramingRule,
};
use proptest::prelude::*;
use std::io::Read;

fn provenance(lengths: &[u64], chain: bool) -> Provenance {
    let segment = |(number, length): (usize, &u64)| Segment {
        stream: StreamId::derive(AgentId::from_bytes([1; 16]), number as u64),
        path: format!("/var/log/app-{number}.log").into(),
        generation: Generation(number as u32),
        offset: ByteOffset(10),
        length: ByteLength(*length),
        modified: UnixMicros(-5),
        edges: SegmentEdges::default(),
    };
    Provenance {
        agent: AgentId::from_bytes([1; 16]),
        host: HostName::from_lossy("web-1"),
        source: "nginx".parse().unwrap(),
        format_hint: "access".into(),
        read_at: UnixMicros(1),
        chain: chain.then_some(Chain { seq: ChunkSeq(7), previous: None }),
        framing: FramingRule::default(),
        segments: lengths.iter().enumerate().map(segment).collect(),
    }
}

/// A chunk of these blocks.
fn chunk(codec: Codec, blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut encoder = BlockEncoder::new(codec, codec.default_level()).unwrap();
    let mut out = Vec::new();
    for (number, raw) in blocks.iter().enumerate() {
        encoder.encode(&provenance(&[raw.len() as u64], number == 0), raw, &mut out).unwrap();
    }
    out
}

fn read_all(bytes: &[u8]) -> Result<Vec<(Provenance, Vec<u8>)>, String> {
    let (mut reader, mut raw, mut blocks) = (ChunkReader::new(bytes), Vec::new(), Vec::new());
    while let Some(provenance) = reader.next_block(&mut raw).map_err(|error| error.to_string())? {
        blocks.push((provenance, raw.clone()));
    }
    Ok(blocks)
}

const CODECS: [Codec; 2] = [Codec::Gzip, Codec::Zstd];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn blocks_round_trip_and_plain_tools_print_the_lines(
        blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..5_000), 1..5),
    ) {
        for codec in CODECS {
            let bytes = chunk(codec, &blocks);
            let read = read_all(&bytes).unwrap();
            prop_assert_eq!(read.len(), blocks.len());
            for (number, ((provenance, raw), expect)) in read.iter().zip(&blocks).enumerate() {
                prop_assert_eq!(raw, expect);
                prop_assert_eq!(provenance.chain.is_some(), number == 0);
            }
            let mut plain = Vec::new();
            ForeignReader::new(Layout::of(&bytes), bytes.as_slice()).unwrap().read_to_end(&mut plain).unwrap();
            prop_assert_eq!(plain, blocks.concat());
        }
    }

    #[test]
    fn a_cut_chunk_is_refused_or_ends_at_a_block(
        blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..500), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for codec in CODECS {
            let bytes = chunk(codec, &blocks);
            let cut = cut.index(bytes.len());
            let starts: Vec<usize> = (0..blocks.len()).map(|n| chunk(codec, &blocks[..n]).len()).collect();
            prop_assert_eq!(read_all(&bytes[..cut]).is_ok(), starts.contains(&cut));
        }
    }

    #[test]
    fn a_flipped_bit_shows_in_the_hash_and_never_in_a_block_of_another_length(
        raw in proptest::collection::vec(any::<u8>(), 1..2_000), at in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        for codec in CODECS {
            let mut bytes = chunk(codec, std::slice::from_ref(&raw));
            let hash = ContentHash::of(&bytes);
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            prop_assert_ne!(ContentHash::of(&bytes), hash);
            for (provenance, found) in read_all(&bytes).into_iter().flatten() {
                prop_assert_eq!(provenance.raw_length().0, found.len() as u64);
                // The lines of a gzip member have a checksum besides.
                if codec == Codec::Gzip { prop_assert_eq!(&found, &raw); }
            }
        }
    }
}

#[test]
fn the_same_block_gives_the_same_bytes() {
    for codec in CODECS {
        let raw = b"one line\n".repeat(10_000);
        assert_eq!(chunk(codec, std::slice::from_ref(&raw)), chunk(codec, &[raw]));
    }
}

#[test]
fn a_block_over_its_bound_is_refused() {
    for codec in CODECS {
        let mut encoder = BlockEncoder::new(codec, 1).unwrap();
        let raw = vec![b'x'; BLOCK_BYTES_MAX + 1];
        let result = encoder.encode(&provenance(&[raw.len() as u64], false), &raw, &mut Vec::new());
        assert!(matches!(result, Err(EncodeError::RawLength { .. })));
        let result = encoder.encode(&provenance(&[3], false), b"four", &mut Vec::new());
        assert!(matches!(result, Err(EncodeError::RawLength { expected: 3, found: 4 })));
    }
}

#[test]
fn a_bomb_in_a_block_does_not_grow_past_the_bound() {
    let full = vec![0; BLOCK_BYTES_MAX];
    for codec in CODECS {
        let ours = chunk(codec, std::slice::from_ref(&full));
        let header_bytes = ours.len() - compressed(codec, &full).len();
        let bomb = [&ours[..header_bytes], &compressed(codec, &vec![0; 8 * BLOCK_BYTES_MAX])].concat();
        assert!(read_all(&bomb).is_err(), "{codec:?}");
    }
}

/// The block's bytes after its header.
fn compressed(codec: Codec, raw: &[u8]) -> Vec<u8> {
    match codec {
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(4));
            std::io::Write::write_all(&mut encoder, raw).unwrap();
            encoder.finish().unwrap()[10..].to_vec()
        }
        Codec::Zstd => {
            let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
            compressor.include_checksum(true).unwrap();
            compressor.compress(raw).unwrap()
        }
    }
}

#[test]
fn foreign_objects_are_told_from_chunks() {
    let zstd = zstd::bulk::compress(b"line\n", 3).unwrap();
    let cases: [(&[u8], Layout); 5] = [
        (b"plain\n", Layout::Plain),
        (b"", Layout::Plain),
        (b"\x1f\x8b\x08\x00rest", Layout::Gzip),
        (&zstd, Layout::Zstd),
        (b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd", Layout::Zstd),
    ];
    for (bytes, expect) in cases {
        assert_eq!(Layout::of(bytes), expect, "{bytes:?}");
    }
    for (codec, expect) in [(Codec::Gzip, Layout::ChunkGzip), (Codec::Zstd, Layout::ChunkZstd)] {
        assert_eq!(Layout::of(&chunk(codec, &[b"line\n".to_vec()])), expect);
    }
}
