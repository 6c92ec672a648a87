//! `headrig verify`: a lake that is well is found so, and each way of spoiling one is found and named.

use super::{answer, answer_here, files_below, healthy, key_of, objects};
use anyhow::{Context, Result, ensure};
use headrig_contract::{
    ByteOffset, ChunkSeq, ContentHash,
    chunk::{BlockEncoder, Chain, ChunkReader, Codec, Provenance},
};
use headrig_tests::{
    generate::AccessLog,
    site::{Site, gzipped},
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The kinds of the problems that are found, each once, in order.
fn kinds(found: &Value) -> Result<Vec<String>> {
    let problems = found["problems"].as_array().context("problems")?;
    let mut kinds = Vec::new();
    for problem in problems {
        for field in ["kind", "subject", "finding", "action"] {
            ensure!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "no {field} in {problem}");
        }
        kinds.extend(problem["kind"].as_str().map(ToOwned::to_owned));
    }
    kinds.sort();
    kinds.dedup();
    Ok(kinds)
}

/// Spoils a healthy lake and expects exactly these kinds of problems, one of which names `word`.
fn check(spoil: impl FnOnce(&Site) -> Result<String>, expect: &[&str]) -> Result<()> {
    let site = healthy()?;
    let word = spoil(&site)?;
    let found = answer(&site, 3, &["verify"])?;
    assert_eq!(kinds(&found)?, expect, "{found:#}");
    assert!(found["problems"].to_string().contains(&word), "expected {word:?} in {found:#}");
    Ok(())
}

fn first_of(site: &Site, table: &str) -> Result<PathBuf> {
    files_below(site, table)?.into_iter().next().context("a file")
}

fn name_of(path: &Path) -> Result<String> {
    Ok(path.file_name().and_then(|name| name.to_str()).context("a name is text")?.to_owned())
}

#[test]
fn a_lake_of_many_kinds_of_objects_adds_up() -> Result<()> {
    let site = healthy()?;
    site.write("access.log", AccessLog::new(7).lines(20_000))?;
    site.write("long.log", format!("{}\n{}\r\nshort\n", "x".repeat(2_500_000), "y".repeat(1 << 20)))?;
    site.write("odd.log", b"\n\n\r\n\0\xff\xfe\n2026-01-01T00:00:00Z ERROR a\n\tat b\n\tat c\nno newline")?;
    let bucket = site.lake().folder().join(".headrig/bucket");
    fs::write(bucket.join("plain.log"), format!("{}\nshort\n", "z".repeat(3 << 20)))?;
    fs::write(bucket.join("old.gz"), gzipped(b"one\ntwo\n")?)?;
    fs::write(bucket.join("empty.log"), "")?;
    site.run_well()?;
    let found = answer(&site, 0, &["verify"])?;
    assert_eq!(found["checked"]["rows"], site.lake().row_count()?);
    assert_eq!(found["checked"]["objects"], objects(&site)?.len());
    assert_eq!(found["checked"]["files"], objects(&site)?.len());
    assert_eq!(found["checked"]["chains"], 1);
    let files = files_below(&site, "logs")?.len() + files_below(&site, "metrics")?.len();
    assert_eq!(found["checked"]["lake_files"], files);
    assert_eq!((&found["problems"], &found["notes"]), (&serde_json::json!([]), &serde_json::json!([])));
    Ok(())
}

#[test]
fn a_chunk_taken_from_the_bucket_is_missed() -> Result<()> {
    let remove = |site: &Site| {
        let object = objects(site)?.remove(0);
        fs::remove_file(&object)?;
        key_of(site, &object)
    };
    check(remove, &["object_missing"])
}

#[test]
fn an_object_with_other_bytes_is_found() -> Result<()> {
    let change = |site: &Site| {
        let object = objects(site)?.remove(1);
        let mut bytes = fs::read(&object)?;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(&object, bytes)?;
        key_of(site, &object)
    };
    check(change, &["object_other_bytes"])
}

#[test]
fn an_object_that_nobody_told_the_ledger_of_is_found() -> Result<()> {
    let site = healthy()?;
    fs::write(site.lake().folder().join(".headrig/bucket/by-hand.log"), "a line\n")?;
    // Over AWS one that is as new as this is given time: its event may be on its way.
    let found = answer_here(&site, 3, &["verify"])?;
    assert_eq!(
        (kinds(&found)?, &found["problems"][0]["subject"]),
        (vec!["object_unknown".into()], &"by-hand.log".into())
    );
    Ok(())
}

#[test]
fn an_object_with_the_bytes_of_another_is_known() -> Result<()> {
    let site = healthy()?;
    let bucket = site.lake().folder().join(".headrig/bucket");
    fs::write(bucket.join("one.log"), "a line\n")?;
    fs::write(bucket.join("two.log"), "a line\n")?;
    site.run_well()?;
    assert_eq!(answer(&site, 0, &["verify"])?["checked"]["rows"], 6_001);
    Ok(())
}

#[test]
fn with_since_only_what_is_new_is_looked_at() -> Result<()> {
    let site = healthy()?;
    let hour_ago = jiff::Timestamp::now().checked_sub(jiff::SignedDuration::from_hours(1))?.to_string();
    for (since, files, rows) in [(hour_ago.as_str(), 2, 6_000), ("2040-01-01", 0, 0)] {
        let found = answer(&site, 0, &["verify", "--since", since])?;
        assert_eq!((&found["checked"]["files"], &found["checked"]["rows"]), (&files.into(), &rows.into()));
    }
    // The second batch and its files alone are looked at. (The copy over AWS was written after both.)
    let batches = answer(&site, 0, &["ls", "batches"])?;
    let since = batches["batches"][1]["due"].as_str().context("a time")?;
    let found = answer_here(&site, 0, &["verify", "--since", since])?;
    assert_eq!((&found["checked"]["batches"], &found["checked"]["rows"]), (&1.into(), &4_000.into()));
    assert_eq!(super::ask(&site, &["verify", "--since", "soon"])?.status.code(), Some(2));
    Ok(())
}

#[test]
fn a_lake_file_that_is_gone_is_missed() -> Result<()> {
    let remove = |site: &Site| {
        let file = first_of(site, "logs")?;
        fs::remove_file(&file)?;
        let batch = name_of(&file)?.split('-').next().context("a batch")?.to_owned();
        Ok(batch)
    };
    check(remove, &["rows_missing"])?;
    let remove = |site: &Site| {
        fs::remove_file(first_of(site, "metrics")?).map(|()| "metrics".into()).map_err(Into::into)
    };
    check(remove, &["metrics_differ"])
}

#[test]
fn a_lake_file_that_is_there_twice_is_found_and_both_are_named() -> Result<()> {
    let double = |site: &Site| {
        let file = first_of(site, "logs")?;
        let copy = name_of(&file)?.replace("-000.", "-001.");
        fs::copy(&file, file.with_file_name(&copy))?;
        Ok(copy)
    };
    check(double, &["rows_doubled"])?;
    let elsewhere = |site: &Site| {
        let file = first_of(site, "logs")?;
        let folder = site.lake().folder().join("logs/year=1999/month=01/day=01/level=info/event_type=kernel");
        fs::create_dir_all(&folder)?;
        fs::copy(&file, folder.join(name_of(&file)?))?;
        Ok("year=1999".into())
    };
    check(elsewhere, &["rows_doubled"])
}

#[test]
fn files_in_the_tables_that_no_committed_batch_wrote_are_found() -> Result<()> {
    let stray = |site: &Site| {
        let file = first_of(site, "logs")?;
        fs::copy(&file, file.with_file_name("copy.parquet"))?;
        Ok("copy.parquet".into())
    };
    check(stray, &["lake_file_stray"])?;
    let uncommitted = |site: &Site| {
        let file = first_of(site, "logs")?;
        let name = format!("{}-000.parquet", "ab".repeat(32));
        fs::copy(&file, file.with_file_name(&name))?;
        Ok(name)
    };
    check(uncommitted, &["lake_file_uncommitted"])?;
    // Rows of one batch under the name of another.
    let exchanged = |site: &Site| {
        let files = files_below(site, "logs")?;
        let batch = |file: &Path| {
            Ok::<_, anyhow::Error>(name_of(file)?.split('-').next().unwrap_or_default().to_owned())
        };
        let first = files.first().context("a file")?;
        let other =
            files.iter().find(|file| batch(file).ok() != batch(first).ok()).context("another batch")?;
        fs::copy(first, other.with_file_name(format!("{}-777.parquet", batch(other)?)))?;
        Ok("not loaded in this batch".into())
    };
    check(exchanged, &["rows_unexpected"])
}

#[test]
fn a_lake_file_that_cannot_be_read_is_named() -> Result<()> {
    for keep in [0, 100] {
        let truncate = |site: &Site| {
            let file = first_of(site, "logs")?;
            let bytes = fs::read(&file)?;
            fs::write(&file, &bytes[..keep])?;
            name_of(&file)
        };
        check(truncate, &["lake_file_damaged", "rows_missing"])?;
    }
    Ok(())
}

/// Puts a chunk into the bucket that is made from the site's last one, with another provenance, and has it loaded.
fn forge(site: &Site, change: impl Fn(&mut Provenance, &mut Chain)) -> Result<String> {
    let model = objects(site)?.pop().context("a chunk")?;
    let bytes = fs::read(&model)?;
    let (mut reader, mut raw, mut forged) = (ChunkReader::new(&bytes), Vec::new(), Vec::new());
    let mut encoder = BlockEncoder::new(Codec::Zstd, 3)?;
    let mut seq = ChunkSeq(0);
    while let Some(mut provenance) = reader.next_block(&mut raw)? {
        let mut chain = provenance.chain.unwrap_or(Chain { seq, previous: None });
        change(&mut provenance, &mut chain);
        provenance.chain = provenance.chain.map(|_| chain);
        seq = chain.seq;
        encoder.encode(&provenance, &raw, &mut forged)?;
    }
    let name = name_of(&model)?;
    let agent = name.split('-').next().context("an agent")?;
    let name = format!("{agent}-{:012}-{}.log.zst", seq.0, ContentHash::of(&forged));
    fs::write(model.with_file_name(&name), forged)?;
    site.run_well()?;
    Ok(name)
}

/// Moves the bytes to where no other chunk has any.
fn move_away(provenance: &mut Provenance) {
    provenance
        .segments
        .iter_mut()
        .for_each(|segment| segment.offset = ByteOffset(segment.offset.0 + (1 << 40)));
}

#[test]
fn a_gap_in_a_chain_is_found() -> Result<()> {
    let gap = |site: &Site| {
        forge(site, |provenance, chain| {
            move_away(provenance);
            *chain = Chain { seq: ChunkSeq(7), previous: Some(ContentHash::of(b"lost")) };
        })?;
        Ok("numbers 2 to 6".into())
    };
    check(gap, &["chain_gap"])
}

#[test]
fn a_chain_that_went_two_ways_is_found() -> Result<()> {
    let broken = |site: &Site| {
        forge(site, |provenance, chain| {
            move_away(provenance);
            *chain = Chain { seq: ChunkSeq(2), previous: Some(ContentHash::of(b"another")) };
        })
    };
    check(broken, &["chain_broken"])?;
    // The same number again, with the same bytes of the logs: an agent whose state was an old copy.
    let forked = |site: &Site| {
        forge(site, |provenance, _| provenance.read_at.0 += 1)?;
        Ok("are in two chunks".into())
    };
    check(forked, &["bytes_doubled", "chain_forked"])
}
