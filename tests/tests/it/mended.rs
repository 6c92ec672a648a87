//! What goes wrong behind the inputs, between the bucket and the lake, and comes right again: nothing is lost
//! by it, and nothing doubled.

use anyhow::{Context, Result, ensure};
use headrig_tests::{
    exactness,
    generate::application_lines,
    process::{ANSWER_LIMIT, wait_until},
    site::Site,
};
use rustix::process::Signal;
use std::{
    fs,
    path::{Path, PathBuf},
};
use walkdir::WalkDir;

pub(crate) fn lines() -> String {
    application_lines("app", 0, 3_000)
}

/// Puts a file in the place of the lake's staging folder: chunks get into the bucket, and no batch is written.
fn block_batches(site: &Site) -> Result<PathBuf> {
    let staging = site.lake().folder().join(".headrig/staging");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    fs::write(&staging, "")?;
    Ok(staging)
}

/// A site whose lines are in the bucket and not in the lake, and the object that holds them.
pub(crate) fn site_with_an_object() -> Result<(Site, PathBuf)> {
    let site = Site::new()?;
    site.run_well()?;
    let staging = block_batches(&site)?;
    site.write("app.log", lines())?;
    site.run()?.summary(1)?;
    ensure!(site.lake().row_count()? == 0, "a batch was written though its folder is none");
    fs::remove_file(staging)?;
    let object = WalkDir::new(site.lake().folder().join(".headrig/bucket"))
        .into_iter()
        .filter_map(Result::ok)
        .find(|entry| entry.file_type().is_file())
        .context("an object in the bucket")?;
    Ok((site, object.into_path()))
}

/// Two runs name the object; what `mend` does then brings its rows, once.
fn check_named_until_mended(site: &Site, object: &Path, mend: impl FnOnce() -> Result<()>) -> Result<()> {
    let name = object.file_name().and_then(|name| name.to_str()).context("an object's name is text")?;
    for run in 1..=2 {
        let summary = site.run()?.summary(1)?;
        ensure!(summary.rows == 0, "run {run} made {} rows of a bad object", summary.rows);
        ensure!(summary.problem_of(name).is_some(), "run {run} does not name {name}: {summary:?}");
    }
    mend()?;
    assert_eq!(site.run_well()?.rows, 3_000);
    assert_eq!(site.run_well()?.rows, 0);
    exactness::check(&site.lake(), &[lines()])?;
    Ok(())
}

#[test]
fn an_object_damaged_before_it_is_loaded_is_named_until_it_is_mended() -> Result<()> {
    let (site, object) = site_with_an_object()?;
    let good = fs::read(&object)?;
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 0xff;
    bad[middle + 1] ^= 0xff;
    fs::write(&object, bad)?;
    check_named_until_mended(&site, &object, || Ok(fs::write(&object, good)?))
}

#[test]
fn an_object_taken_away_before_it_is_loaded_is_named_until_it_is_back() -> Result<()> {
    let (site, object) = site_with_an_object()?;
    let away = site.folder().join("away");
    fs::rename(&object, &away)?;
    check_named_until_mended(&site, &object, || Ok(fs::rename(&away, &object)?))
}

#[test]
fn a_lake_that_cannot_be_written_for_a_while_is_waited_for_with_follow() -> Result<()> {
    let site = Site::new()?;
    let [before, while_blocked] = [0, 300].map(|first| application_lines("app", first, 300));
    site.write("app.log", &before)?;
    let mut running = site.headrig()?.arguments(["--follow", "--max-wait", "200ms"]).start()?;
    wait_until("the lake has the first rows", ANSWER_LIMIT, || {
        ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(site.lake().row_count()? == 300)
    })?;
    let staging = block_batches(&site)?;
    site.append("app.log", &while_blocked)?;
    wait_until("it says that it tries again", ANSWER_LIMIT, || {
        ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(running.stderr_so_far()?.contains("trying again"))
    })?;
    fs::remove_file(staging)?;
    wait_until("the lake has all rows", ANSWER_LIMIT, || {
        ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(site.lake().row_count()? == 600)
    })?;
    running.signal(Signal::INT)?;
    let summary = running.finish(ANSWER_LIMIT)?.summary(0)?;
    assert_eq!((summary.rows, summary.problems.len()), (600, 0));
    exactness::check(&site.lake(), &[before + &while_blocked])?;
    Ok(())
}
