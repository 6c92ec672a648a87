//! `headrig explain`.

use super::{answer, ask, files_below, hash_of, healthy, key_of, objects};
use anyhow::{Context, Result};
use serde_json::Value;

/// The states in the story of an answer's only file or batch.
fn states(told: &Value) -> Result<Vec<String>> {
    let happenings = told["happenings"].as_array().context("happenings")?;
    happenings
        .iter()
        .map(|one| {
            Ok(format!("{} {}", one["of"].as_str().context("of")?, one["state"].as_str().context("state")?))
        })
        .collect()
}

#[test]
fn a_file_is_explained_by_its_hash_its_key_and_its_path() -> Result<()> {
    let site = healthy()?;
    let object = objects(&site)?.remove(1);
    let path = object.display().to_string();
    for name in [hash_of(&object)?, key_of(&site, &object)?, path] {
        let told = answer(&site, 0, &["explain", &name])?;
        let files = told["files"].as_array().context("files")?;
        assert_eq!((files.len(), &told["batches"]), (1, &serde_json::json!([])), "{name}");
        assert_eq!(files[0]["file"]["hash"], hash_of(&object)?.as_str());
        let expect = [
            "file pending",
            "file batched",
            "batch sealed",
            "batch starting",
            "batch running",
            "file done",
            "batch committed",
        ];
        assert_eq!(states(&files[0])?, expect, "{name}");
    }
    let run = ask(&site, &["explain", &hash_of(&object)?])?;
    assert!(run.stdout.contains("committed, attempt 1"), "{run}");
    Ok(())
}

#[test]
fn a_batch_is_explained_by_its_id_and_by_a_file_it_wrote() -> Result<()> {
    let site = healthy()?;
    let batch = answer(&site, 0, &["ls", "batches"])?["batches"][0].clone();
    let id = batch["id"].as_str().context("an id")?.to_owned();
    let written = files_below(&site, "logs")?;
    let written = written.iter().map(|path| path.display().to_string());
    let of_batch = written.into_iter().find(|path| path.contains(&id)).context("a file of the batch")?;
    for name in [id.clone(), id.to_uppercase(), of_batch] {
        let told = answer(&site, 0, &["explain", &name])?;
        assert_eq!(told["batches"][0]["batch"], batch);
        assert_eq!(told["batches"][0]["files"][0]["hash"], batch["members"][0]);
        let expect = ["batch sealed", "batch starting", "batch running", "batch committed"];
        assert_eq!(states(&told["batches"][0])?, expect, "{name}");
    }
    Ok(())
}

#[test]
fn what_nobody_knows_is_told_with_exit_code_3() -> Result<()> {
    let site = healthy()?;
    for name in ["0".repeat(64), "no/such/key".into()] {
        let told = answer(&site, 3, &["explain", &name])?;
        assert_eq!((&told["files"], &told["batches"]), (&serde_json::json!([]), &serde_json::json!([])));
    }
    // In the bucket, and nobody has told the ledger yet.
    std::fs::write(site.lake().folder().join(".headrig/bucket/by-hand.log"), "a line\n")?;
    assert_eq!(answer(&site, 3, &["explain", "by-hand.log"])?["in_bucket"], true);
    answer(&site, 2, &["explain", "../etc/passwd"])?;
    Ok(())
}
