//! What a source's settings come to in the lake: text in UTF-16, events by a pattern, reading from the end.

use anyhow::{Context, Result, ensure};
use headrig_agent::{
    Settings as AgentSettings,
    core::{Event, Tails},
    discovery::Discovery,
    settings::StartAt,
    shipper::{Shipper, Step},
    state::SqliteState,
};
use headrig_contract::{
    AgentId, HostName, ObjectKey, UnixMicros,
    framing::{Encoding, Framing, FramingRule, Multiline, Pattern},
};
use headrig_etl::{BatchRun, LakeFile, LakeSink, Member, Settings};
use headrig_tests::{
    exactness,
    lake::{Lake, Row},
    site::{Site, gzipped},
};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// What opens an event here.
const START: &str = r"^\d{4}-\d\d-\d\d [\d:]+ ERROR #\d+ ";

/// The events of a log, each of several lines, one of them with a timestamp that opens nothing here.
fn events(word: &str, count: usize) -> Vec<String> {
    let event = |number: usize| {
        format!(
            "2026-09-21 09:00:00 ERROR #{number} {word} caf\u{e9} \u{a00}\r\n2026-09-21 10:00:00 \u{1f600}\n\n  more\n"
        )
    };
    (0..count).map(event).collect()
}

fn encoded(text: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Utf8 => text.as_bytes().to_vec(),
        Encoding::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        Encoding::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

/// Checks that `rows` are these events, one behind the other from `offset` on.
fn check_rows(rows: &[Row], events: &[String], encoding: Encoding, mut offset: u64) -> Result<()> {
    ensure!(rows.len() == events.len(), "expected {} rows, found {}", events.len(), rows.len());
    for (row, event) in rows.iter().zip(events) {
        let length = encoded(event, encoding).len() as u64;
        ensure!(row.raw.as_deref() == Some(event.trim_end_matches('\n')), "{row:?} is not {event:?}");
        ensure!((row.span.offset.0, row.span.length.0) == (offset, length), "{row:?} is not at {offset}");
        offset += length;
    }
    Ok(())
}

#[test]
fn logs_in_every_encoding_become_rows_by_the_sources_pattern() -> Result<()> {
    let site = Site::new()?;
    let events = events("local", 3_000);
    let text = format!("\u{feff}{}", events.concat());
    let le = encoded(&text, Encoding::Utf16Le);
    let be = encoded(&text, Encoding::Utf16Be);
    let plain = events.concat();
    let bare = encoded(&events.concat(), Encoding::Utf16Le);
    site.write("le.log", &le)?;
    site.write("be.log.gz", gzipped(&be)?)?;
    site.write("plain.log", &plain)?;
    site.write("bare/windows.log", &bare)?;
    let config = site.folder().join("headrig.toml");
    let source = |name: &str, rest: &str| {
        format!("[[source]]\nname = '{name}'\n{rest}\nmultiline = {{ start = '{START}' }}\n")
    };
    let bare_source = source("bare", "include = ['**/bare/*.log']\nencoding = 'utf-16le'");
    let config_text = format!("raw = 'always'\n{bare_source}{}", source("rest", "include = ['**']"));
    fs::write(&config, config_text)?;
    let config = [Path::new("--config"), &config];
    let summary = site.headrig()?.arguments(config).run()?.summary(0)?;
    ensure!(summary.rows == 12_000, "{summary:?}");

    let contents = [le, be, plain.into_bytes(), bare];
    exactness::check(&site.lake(), &contents)?;
    let marked = |encoding, name: &str| -> Result<()> {
        let mut rows = site.lake().rows_of_file(name)?;
        // The mark is in the first event's bytes, and not in its text.
        let first = rows.first_mut().context("a row")?;
        first.span.offset.0 += 2;
        first.span.length.0 -= 2;
        check_rows(&rows, &events, encoding, 2)
    };
    marked(Encoding::Utf16Le, "/le.log")?;
    marked(Encoding::Utf16Be, "/be.log.gz")?;
    check_rows(&site.lake().rows_of_file("/plain.log")?, &events, Encoding::Utf8, 0)?;
    check_rows(&site.lake().rows_of_file("/windows.log")?, &events, Encoding::Utf16Le, 0)?;
    let levels = site.lake().rows()?;
    ensure!(levels.iter().all(|row| row.level == "error"), "{:?}", levels.first());
    ensure!(site.headrig()?.arguments(config).run()?.summary(0)?.rows == 0, "rows were made twice");
    Ok(())
}

/// A lake's folder that files are written to as they come.
struct Folder(PathBuf);

impl LakeSink for Folder {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        let path = self.0.join(&file.path);
        fs::create_dir_all(path.parent().unwrap_or(&self.0))?;
        fs::write(path, file.bytes)
    }
}

/// Ships all that is there, as an agent that begins at the files' end, and returns the objects it stored.
fn ship(site: &Site, settings: &AgentSettings, is_last: bool) -> Result<Vec<(ObjectKey, Vec<u8>)>> {
    let state = SqliteState::open(&site.folder().join("agent.db"), AgentId::from_bytes([8; 16]))?;
    let mut agent =
        Shipper::open(settings.clone().checked()?, Tails::Leave, &site.folder().join("spool"), state)?;
    let encodings = settings.sources.iter().map(|source| source.encoding).collect();
    let mut discovery = Discovery::new(vec![site.logs()], Vec::new()).expecting(encodings);
    // Long after they were written: nothing that could go on is waited for.
    let since_epoch = std::time::UNIX_EPOCH.elapsed()?.as_micros();
    let now = UnixMicros(i64::try_from(since_epoch)?).saturating_add_micros(60_000_000);
    agent.scanned(discovery.scan(|_| 0).files, now);
    let mut stored = Vec::new();
    for told in [false, true] {
        if told && is_last {
            agent.tell(Event::Finish, now);
        }
        loop {
            match agent.step(now)? {
                Step::Idle => break,
                Step::Worked => {}
                Step::Store(chunk, path) => {
                    stored.push((chunk.key.clone(), fs::read(path)?));
                    agent.stored(chunk.hash, now)?;
                }
            }
        }
    }
    Ok(stored)
}

#[test]
fn from_the_end_only_new_events_become_rows_in_every_encoding() -> Result<()> {
    for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
        let site = Site::new()?;
        let mut settings = AgentSettings::new(HostName::from_lossy("web-1"), "app".parse()?);
        let multiline = Multiline::Start(Pattern::new(START)?);
        settings.block_bytes_max = 64 << 10;
        settings.sources[0].framing = Framing::new(FramingRule { multiline, ..FramingRule::default() })?;
        settings.sources[0].encoding = Some(encoding);
        settings.sources[0].start_at = StartAt::End;
        let old = encoded(&events("old", 500).concat(), encoding);
        site.write("app.log", &old)?;
        // The agent is killed when it has met the files, and once more before it seals anything.
        ensure!(ship(&site, &settings, false)?.is_empty(), "something old was shipped");
        let new = events("new", 2_000);
        site.append("app.log", encoded(&new[..1_000].concat(), encoding))?;
        ship(&site, &settings, false)?;
        site.append("app.log", encoded(&new[1_000..].concat(), encoding))?;
        site.rename("app.log", "app.log.1")?;

        let objects = ship(&site, &settings, true)?;
        let lake = site.folder().join("lake");
        let etl = Settings { raw_always: true, ..Settings::default() };
        let (mut run, mut sink) = (BatchRun::new("b0", &etl), Folder(lake.clone()));
        for (key, bytes) in &objects {
            let hash = key.content_hash().context("a key names its hash")?;
            let member = Member { key: key.clone(), hash, modified: UnixMicros(0) };
            run.object(&member, bytes, &mut sink)?;
        }
        run.finish(&mut sink)?;
        let rows = Lake::new(lake).rows_of_file("/app.log.1")?;
        check_rows(&rows, &new, encoding, old.len() as u64).with_context(|| format!("{encoding:?}"))?;
    }
    Ok(())
}
