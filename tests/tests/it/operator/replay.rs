//! `headrig replay`: an object that is set aside, mended and put back, beside a writer and without.

use super::{answer, answer_once, asked::Asked, hash_of, healthy, key_of, objects};
use crate::mended::{lines, site_with_an_object};
use anyhow::{Context, Result, ensure};
use headrig_tests::{
    exactness,
    generate::application_lines,
    process::{ANSWER_LIMIT, wait_until},
};
use rustix::process::Signal;
use std::{fs, path::PathBuf};

/// A site with a quarantined object, and the object's right bytes.
pub(crate) fn site_with_a_quarantined_object() -> Result<(Asked, PathBuf, Vec<u8>)> {
    let (site, object) = site_with_an_object()?;
    let good = fs::read(&object)?;
    fs::write(&object, b"not what it was\n")?;
    let summary = site.run()?.summary(1)?;
    ensure!(summary.quarantined == 1, "expected one object to be set aside: {summary:?}");
    Ok((Asked::of(site), object, good))
}

#[test]
fn a_mended_object_is_put_back_and_loaded_once() -> Result<()> {
    let (site, object, good) = site_with_a_quarantined_object()?;
    let hash = hash_of(&object)?;
    let listed = answer(&site, 0, &["ls", "--state", "quarantined"])?;
    assert_eq!(listed["files"][0]["hash"], hash.as_str());
    let batch = listed["files"][0]["batch"].as_str().context("a batch")?.to_owned();
    let verified = answer(&site, 0, &["verify"])?;
    assert_eq!(verified["notes"][0]["kind"], "quarantined");

    // Not mended: named, with the reason, and left.
    for name in [hash.clone(), batch.clone(), key_of(&site, &object)?] {
        let told = answer(&site, 3, &["replay", &name])?;
        assert_eq!(
            (&told["replayed"], &told["left"][0]["hash"]),
            (&serde_json::json!([]), &hash.as_str().into())
        );
        assert!(told["left"][0]["reason"].as_str().context("a reason")?.contains("other bytes"), "{told}");
    }
    fs::write(&object, good)?;
    for arguments in [&["replay", "--quarantined", "--dry-run"][..], &["replay", &batch, "--dry-run"]] {
        let told = answer(&site, 0, arguments)?;
        assert_eq!((&told["dry_run"], &told["replayed"][0]["hash"]), (&true.into(), &hash.as_str().into()));
    }
    assert_eq!(answer(&site, 0, &["status"])?["files"]["quarantined"], 1);

    assert_eq!(answer_once(&site, 0, &["replay", &batch])?["replayed"][0]["hash"], hash.as_str());
    let status = answer(&site, 0, &["status"])?;
    assert_eq!((&status["files"]["quarantined"], &status["files"]["pending"]), (&0.into(), &1.into()));
    // It is pending now: once is enough.
    answer(&site, 3, &["replay", &hash])?;
    let nothing = answer(&site, 0, &["replay", "--quarantined"])?;
    assert_eq!(nothing["replayed"], serde_json::json!([]));

    assert_eq!(site.run_well()?.rows, 3_000);
    exactness::check(&site.lake(), &[lines()])?;
    assert_eq!(answer(&site, 0, &["verify"])?["checked"]["rows"], 3_000);
    let told = answer(&site, 0, &["explain", &hash])?;
    assert_eq!(told["files"][0]["file"]["round"], 1);
    Ok(())
}

#[test]
fn a_writer_takes_up_what_is_put_back() -> Result<()> {
    let (site, object, good) = site_with_a_quarantined_object()?;
    let other = application_lines("other", 0, 100);
    site.write("other.log", &other)?;
    let mut running = site.headrig()?.arguments(["--follow", "--max-wait", "200ms"]).start()?;
    wait_until("the lake has the other rows", ANSWER_LIMIT, || {
        ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(site.lake().row_count()? == 100)
    })?;
    fs::write(&object, good)?;
    let told = answer_once(&site, 0, &["replay", "--quarantined"])?;
    assert!(told["writer"].as_str().context("a writer")?.contains(&running.id().to_string()), "{told}");
    wait_until("the lake has all rows", ANSWER_LIMIT, || {
        ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(site.lake().row_count()? == 3_100)
    })?;
    running.signal(Signal::INT)?;
    // It had named the object as it began, when that was not mended.
    let summary = running.finish(ANSWER_LIMIT)?.summary(1)?;
    assert_eq!(summary.rows, 3_100);
    exactness::check(&site.lake(), &[lines(), other])?;
    answer(&site, 0, &["verify"])?;
    Ok(())
}

#[test]
fn only_what_is_quarantined_can_be_put_back() -> Result<()> {
    let site = healthy()?;
    let done = hash_of(&objects(&site)?[0])?;
    let told = answer(&site, 3, &["replay", &done])?;
    assert!(told["left"][0]["reason"].as_str().context("a reason")?.contains("done"), "{told}");
    for name in ["0".repeat(64), "no/such/key".into()] {
        assert!(answer(&site, 3, &["replay", &name])?["left"][0]["hash"].is_null());
    }
    assert_eq!(super::ask(&site, &["replay"])?.status.code(), Some(2));
    assert_eq!(super::ask(&site, &["replay", &done, "--quarantined"])?.status.code(), Some(2));
    assert_eq!(site.run_well()?.rows, 0);
    Ok(())
}
