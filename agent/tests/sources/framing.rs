//! Text in UTF-16 and rules of framing: the bytes are those of the file, and a block says how to read them.

use crate::site::{Site, numbered};
use headrig_agent::settings::StartAt;
use headrig_contract::{
    ByteOffset,
    framing::{Encoding, Framing, FramingRule, Multiline, Pattern},
};
use proptest::prelude::*;
use std::{collections::BTreeMap, fs};

const UTF_16: [Encoding; 2] = [Encoding::Utf16Le, Encoding::Utf16Be];

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

fn framing(multiline: Multiline) -> Framing {
    Framing::new(FramingRule { encoding: Encoding::Utf8, multiline }).unwrap()
}

fn start(pattern: &str) -> Multiline {
    Multiline::Start(Pattern::new(pattern).unwrap())
}

/// The events as the ETL takes them from the stored blocks: their text, in the order of the strands' bytes.
fn events(site: &Site) -> Vec<String> {
    let mut events = BTreeMap::new();
    for (provenance, raw) in site.blocks() {
        let framing = Framing::new(provenance.framing.clone()).unwrap();
        let mut at = 0;
        for segment in &provenance.segments {
            let bytes = &raw[at..at + segment.length.0 as usize];
            at += bytes.len();
            for event in framing.events(bytes, segment.offset) {
                let offset = ByteOffset(segment.offset.0 + event.start as u64);
                let text = framing.lines(offset).text(&bytes[event]).into_owned();
                let before = events.insert((segment.stream, segment.generation, offset), text);
                assert_eq!(before, None);
            }
        }
    }
    events.into_values().collect()
}

#[test]
fn a_blocks_rule_and_encoding_are_those_of_its_files() {
    let mut site = Site::new();
    site.settings.sources[0].framing = framing(start("^begin"));
    let text = "begin \u{e9}\n 2026-09-21 10:00:00\nbegin\n";
    site.append("a.log", text);
    site.append("b.log", encoded(&format!("\u{feff}{text}"), Encoding::Utf16Le));
    site.append("c.log", encoded(&format!("\u{feff}{text}"), Encoding::Utf16Be));
    site.append("d.log", encoded(&format!("\u{feff}{text}"), Encoding::Utf16Be));
    site.now = site.now.saturating_add_micros(10_000_000);
    site.drain();
    let blocks = site.blocks();
    assert_eq!(blocks.len(), 3, "one for each encoding");
    for (provenance, raw) in blocks {
        let encoding = provenance.framing.encoding;
        let mark = if encoding == Encoding::Utf8 { "" } else { "\u{feff}" };
        let expect = encoded(&format!("{mark}{text}"), encoding);
        assert_eq!(raw, expect.repeat(provenance.segments.len()), "byte for byte");
        assert_eq!(provenance.framing.multiline, start("^begin"));
    }
    let expect = ["begin \u{e9}\n 2026-09-21 10:00:00\n", "begin\n"];
    assert_eq!(events(&site), expect.repeat(4));
}

#[test]
fn utf_16_without_a_mark_is_read_where_it_is_expected_and_skipped_to_a_lines_end() {
    for encoding in UTF_16 {
        let mut site = Site::new();
        site.settings.sources[0].encoding = Some(encoding);
        site.settings.sources[0].start_at = StartAt::End;
        // U+0A00 and U+010A hold the byte of a newline and are none; the last unit is half there.
        let old = encoded("old \u{a00}\u{10a}\nhalf \u{a00}\u{a00}", encoding);
        site.append("app.log", &old[..old.len() - 1]);
        let mut agent = site.agent();
        site.work(&mut agent);
        assert_eq!(agent.core().skipped().0, 14);
        site.append("app.log", &old[old.len() - 1..]);
        site.append("app.log", encoded(" and whole\nnew\n", encoding));
        site.wait(&mut agent, 5);
        drop(agent);
        site.drain();
        assert_eq!(events(&site), ["half \u{a00}\u{a00} and whole\n", "new\n"], "{encoding:?}");
        assert_eq!(site.strands()[0].0, 14);
    }
}

#[test]
fn rotated_copied_and_compressed_utf_16_is_known_again() {
    for encoding in UTF_16 {
        let mut site = Site::new();
        let text = |word: &str| encoded(&numbered(word, 0..200), encoding);
        site.append("app.log", encoded("\u{feff}", encoding));
        site.append("app.log", text("one"));
        let mut agent = site.agent();
        site.work(&mut agent);
        site.wait(&mut agent, 5);
        // copytruncate, and what the copy holds is old.
        fs::copy(site.path("app.log"), site.path("app.log.1")).unwrap();
        fs::write(site.path("app.log"), encoded("\u{feff}", encoding)).unwrap();
        site.append("app.log", text("two"));
        site.wait(&mut agent, 5);
        site.wait(&mut agent, 5);
        site.compress("app.log.1");
        site.append("app.log", text("three"));
        site.rename("app.log", "app.log.1");
        drop(agent);
        site.drain();
        site.rename("app.log.1.gz", "app.log.2.gz");
        site.compress("app.log.1");
        site.drain();
        let mut found = events(&site);
        let mut expect: Vec<String> = ["one", "two", "three"]
            .iter()
            .flat_map(|word| {
                numbered(word, 0..200).split_inclusive('\n').map(String::from).collect::<Vec<_>>()
            })
            .collect();
        found.sort();
        expect.sort();
        assert!(found == expect, "{encoding:?}: {} lines, not {}", found.len(), expect.len());
    }
}

#[test]
fn a_long_line_of_utf_16_is_cut_between_code_units() {
    let mut site = Site::new();
    site.settings.sources[0].line_bytes_max = 1025;
    let bytes = encoded(&format!("\u{feff}{}\nshort\n", "\u{e9}".repeat(3000)), Encoding::Utf16Le);
    site.append("app.log", &bytes);
    site.drain();
    assert_eq!(site.strands(), [(0, bytes)]);
    for (provenance, _) in site.blocks() {
        for segment in provenance.segments {
            assert_eq!(segment.offset.0 % 2, 0);
            assert!(segment.length.0 <= 1026, "{}", segment.length.0);
        }
    }
}

fn lines() -> impl Strategy<Value = Vec<String>> {
    let line = prop_oneof![
        Just("begin x".to_owned()),
        Just("  more \u{a00}\u{e9}".to_owned()),
        Just(String::new()),
        Just("2026-09-21 10:00:00 y".to_owned()),
        (1..120usize).prop_map(|length| "long".repeat(length / 4)),
    ];
    proptest::collection::vec(line, 1..160)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// However it is written, and whenever the agent is killed: the bytes are those of the file, and the events
    /// that the ETL sees are those of the file taken as a whole.
    #[test]
    fn agent_and_etl_see_the_same_events(
        lines in lines(),
        writes in proptest::collection::vec((1..3_000usize, 0..6usize, any::<bool>()), 1..12),
        encoding in proptest::sample::select(vec![Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be]),
        multiline in proptest::sample::select(vec![
            Multiline::Auto,
            Multiline::Off,
            start("^begin"),
            Multiline::Continue(Pattern::new(r"^\s|^$").unwrap()),
        ]),
        marked: bool,
    ) {
        let mut site = Site::new();
        let source = &mut site.settings.sources[0];
        source.framing = framing(multiline.clone());
        source.encoding = (!marked).then_some(encoding);
        // Room for several blocks, and in each for every event that these lines are likely to make.
        site.settings.block_bytes_max = 16 << 10;
        let mark = if marked && encoding != Encoding::Utf8 { "\u{feff}" } else { "" };
        let bytes = encoded(&format!("{mark}{}\n", lines.join("\n")), encoding);
        let mut rest = bytes.as_slice();
        site.append("app.log", "");
        let mut agent = site.agent();
        for (length, steps, killed) in writes {
            let (write, behind) = rest.split_at(length.min(rest.len()));
            rest = behind;
            site.append("app.log", write);
            if killed {
                drop(agent);
                agent = site.agent();
            } else {
                // Less than an event is held: a writer that pauses for longer ends its events.
                site.now = site.now.saturating_add_micros(100_000);
                site.scan(&mut agent);
            }
            for _ in 0..steps {
                site.step(&mut agent);
            }
        }
        site.append("app.log", rest);
        drop(agent);
        site.drain();
        prop_assert_eq!(site.strands(), [(0, bytes.clone())]);
        let whole = framing(multiline).in_encoding(encoding);
        let expect: Vec<String> = whole
            .events(&bytes, ByteOffset(0))
            .map(|event| whole.lines(ByteOffset(event.start as u64)).text(&bytes[event]).into_owned())
            .collect();
        prop_assert_eq!(events(&site), expect);
    }
}
