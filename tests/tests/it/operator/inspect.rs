//! `headrig inspect`.

use super::{answer, hash_of, healthy, key_of, objects};
use anyhow::{Context, Result};
use headrig_tests::{
    process::Headrig,
    site::{Site, gzipped},
};
use serde_json::Value;
use std::{fs, path::Path};

/// Inspects a file without a lake.
fn inspect(path: &Path, code: i32) -> Result<Value> {
    let run = Headrig::new(["inspect", "--json"])?.arguments([path]).run()?;
    anyhow::ensure!(run.status.code() == Some(code), "expected exit code {code}, found {run}");
    serde_json::from_str(&run.stdout).with_context(|| run.to_string())
}

fn sum(parts: &Value, field: &str) -> Result<u64> {
    parts.as_array().context("parts")?.iter().map(|part| part[field].as_u64().context("a number")).sum()
}

#[test]
fn a_chunk_is_the_same_by_path_key_and_hash_and_its_parts_add_up() -> Result<()> {
    let site = healthy()?;
    let object = objects(&site)?.remove(1);
    let by_path = inspect(&object, 0)?;
    for name in [key_of(&site, &object)?, hash_of(&object)?] {
        let by_name = answer(&site, 0, &["inspect", &name])?;
        assert_eq!(by_name["blocks"], by_path["blocks"]);
        assert_eq!(by_name["hash_as_promised"], true);
    }
    let plain = zstd::decode_all(fs::read(&object)?.as_slice())?;
    assert_eq!(by_path["plain_bytes"], plain.len());
    assert_eq!(by_path["newlines"], 4_000);
    assert_eq!((&by_path["seq"], &by_path["layout"]), (&1.into(), &"chunk-zstd".into()));
    assert_eq!(by_path["previous"], hash_of(&objects(&site)?[0])?.as_str());
    assert_eq!(sum(&by_path["blocks"], "bytes")?, fs::metadata(&object)?.len());
    assert_eq!(sum(&by_path["blocks"], "plain_bytes")?, plain.len() as u64);
    for block in by_path["blocks"].as_array().context("blocks")? {
        assert_eq!(sum(&block["segments"], "length")?, block["plain_bytes"].as_u64().context("a number")?);
    }
    Ok(())
}

#[test]
fn objects_that_no_agent_made_are_shown_for_what_they_are() -> Result<()> {
    let site = Site::new()?;
    let text = "one\ntwo\nthree";
    let path = site.write("plain", text)?;
    let told = inspect(&path, 0)?;
    assert_eq!(
        (&told["layout"], &told["newlines"], &told["plain_bytes"]),
        (&"plain".into(), &2.into(), &13.into())
    );
    assert_eq!((&told["blocks"], &told["hash_as_promised"]), (&serde_json::json!([]), &Value::Null));
    let path = site.write("small.gz", gzipped(text.as_bytes())?)?;
    assert_eq!(
        (&inspect(&path, 0)?["layout"], &inspect(&path, 0)?["plain_bytes"]),
        (&"gzip".into(), &13.into())
    );
    let mut cut = zstd::encode_all(text.as_bytes(), 3)?;
    cut.truncate(cut.len() - 4);
    let path = site.write("cut.zst", cut)?;
    assert!(inspect(&path, 3)?["problem"].as_str().context("a problem")?.contains("decompress"));
    Ok(())
}

#[test]
fn a_damaged_chunk_is_shown_up_to_the_damage() -> Result<()> {
    let site = healthy()?;
    let object = objects(&site)?.remove(0);
    let mut bytes = fs::read(&object)?;
    let whole = bytes.clone();
    bytes.extend_from_slice(&whole);
    let last = bytes.len() - 9;
    bytes.truncate(last);
    let path = site.write("damaged", bytes)?;
    let told = inspect(&path, 3)?;
    let (blocks, all) = (told["blocks"].as_array().context("blocks")?, inspect(&object, 0)?);
    assert!(blocks.len() >= all["blocks"].as_array().context("blocks")?.len(), "{told}");
    assert!(told["problem"].as_str().context("a problem")?.contains("block at byte"), "{told}");
    // Under its own name, other bytes are told of as well.
    fs::write(&object, "other bytes\n")?;
    let told = answer(&site, 3, &["inspect", &key_of(&site, &object)?])?;
    assert_eq!(told["hash_as_promised"], false);
    Ok(())
}

#[test]
fn what_is_not_there_is_told() -> Result<()> {
    let site = healthy()?;
    answer(&site, 3, &["inspect", "no/such/key"])?;
    answer(&site, 3, &["inspect", &"0".repeat(64)])?;
    let object = objects(&site)?.remove(0);
    fs::remove_file(&object)?;
    answer(&site, 3, &["inspect", &hash_of(&object)?])?;
    let run = Headrig::new(["inspect", "/no/such/file"])?.run()?;
    assert!(run.said(2)?.contains("--lake"), "{run}");
    Ok(())
}
