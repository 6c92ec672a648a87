use super::*;
use proptest::prelude::*;

fn segment() -> impl Strategy<Value = Segment> {
    (
        any::<[u8; 16]>(),
        ".{0,20}",
        any::<u32>(),
        0..u64::MAX / 2,
        1..50_000u64,
        any::<i64>(),
        any::<[bool; 3]>(),
    )
        .prop_map(
            |(stream, path, generation, offset, length, modified, [starts_mid_line, ends_mid_line, cut])| {
                Segment {
                    stream: StreamId::from_bytes(stream),
                    path: path.into(),
                    generation: Generation(generation),
                    offset: ByteOffset(offset),
                    length: ByteLength(length),
                    modified: UnixMicros(modified),
                    edges: SegmentEdges { starts_mid_line, ends_mid_line, cut: cut && ends_mid_line },
                }
            },
        )
}

fn framing() -> impl Strategy<Value = FramingRule> {
    let encoding = proptest::sample::select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be]);
    let pattern = ".{1,20}".prop_map(|text| Pattern::new(&text).unwrap());
    let multiline = prop_oneof![
        2 => Just(Multiline::Auto),
        1 => Just(Multiline::Off),
        1 => pattern.clone().prop_map(Multiline::Start),
        1 => pattern.prop_map(Multiline::Continue),
    ];
    (encoding, multiline).prop_map(|(encoding, multiline)| FramingRule { encoding, multiline })
}

fn provenance() -> impl Strategy<Value = Provenance> {
    let chain = proptest::option::of((any::<u64>(), proptest::option::of(1..=255u8)));
    (any::<[u8; 16]>(), any::<i64>(), ".{0,9}", chain, framing(), proptest::collection::vec(segment(), 0..20))
        .prop_map(|(agent, read_at, hint, chain, framing, segments)| Provenance {
            agent: AgentId::from_bytes(agent),
            host: HostName::from_lossy("web-1"),
            source: "nginx".parse().unwrap(),
            format_hint: hint.into(),
            read_at: UnixMicros(read_at),
            chain: chain.map(|(seq, previous)| Chain {
                seq: ChunkSeq(seq),
                previous: previous.map(|byte| ContentHash::from_bytes([byte; 32])),
            }),
            framing,
            segments,
        })
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_and_within_the_stated_bound(value in provenance()) {
        let mut bytes = Vec::new();
        value.encode(&mut bytes).unwrap();
        let bound = value.fixed_bytes_max() + value.segments.iter().map(|segment| Segment::encoded_bytes_max(segment.path.len())).sum::<usize>();
        prop_assert!(bytes.len() <= bound, "{} > {bound}", bytes.len());
        prop_assert_eq!(Provenance::decode(&bytes).unwrap(), value);
    }

    #[test]
    fn any_cut_or_added_byte_is_refused(value in provenance(), cut in any::<prop::sample::Index>()) {
        let mut bytes = Vec::new();
        value.encode(&mut bytes).unwrap();
        prop_assert!(Provenance::decode(&bytes[..cut.index(bytes.len())]).is_err());
        bytes.push(0);
        prop_assert!(Provenance::decode(&bytes).is_err());
    }

    #[test]
    fn decoding_any_bytes_never_panics_and_is_canonical(flags in 0..5u8, noise in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = [MAGIC.as_slice(), &[VERSION, flags]].concat();
        bytes.extend(noise);
        if let Ok(value) = Provenance::decode(&bytes) {
            let mut again = Vec::new();
            value.encode(&mut again).unwrap();
            prop_assert_eq!(again, bytes);
        }
    }
}
