//! The operator's commands. Each is asked as a program would, with `--json`, and must also answer people.

mod asked;
mod aws;
mod compact;
mod explain;
mod inspect;
mod replay;
mod status;
mod verify;
mod wake;

use anyhow::{Context, Result, ensure};
use asked::Asked;
use headrig_tests::{
    generate::application_lines,
    process::{Finished, Headrig},
    site::Site,
};
use serde_json::Value;
use std::{ffi::OsStr, path::PathBuf};
use walkdir::WalkDir;

/// Runs a command on the site's lake.
fn ask<S: AsRef<OsStr>>(site: &Site, arguments: &[S]) -> Result<Finished> {
    Headrig::new(arguments)?.arguments(["--lake"]).arguments([site.lake().folder()]).run()
}

/// The JSON object of a command that only looks and ends with `code`, here and, where there is a stand-in, over AWS
/// alike.
fn answer<S: AsRef<OsStr>>(site: &Asked, code: i32, arguments: &[S]) -> Result<Value> {
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let here = answer_here(site, code, &arguments)?;
    site.expect_same(code, &arguments, &here)?;
    Ok(here)
}

/// The same on this machine alone; without `--json` the command ends alike, and has something to say.
fn answer_here<S: AsRef<OsStr>>(site: &Site, code: i32, arguments: &[S]) -> Result<Value> {
    let arguments: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).collect();
    let told = ask(site, &arguments)?;
    ensure!(told.status.code() == Some(code), "{arguments:?}: expected exit code {code}, found {told}");
    ensure!(code == 1 || code == 2 || !told.stdout.trim().is_empty(), "{arguments:?} says nothing");
    ensure!(!told.stdout.contains('\x1b'), "{arguments:?}: control characters off a terminal: {told}");
    answer_once(site, code, &arguments)
}

/// The same for a command that does something, and would not do it twice.
fn answer_once<S: AsRef<OsStr>>(site: &Site, code: i32, arguments: &[S]) -> Result<Value> {
    let with_json: Vec<&OsStr> = arguments.iter().map(AsRef::as_ref).chain([OsStr::new("--json")]).collect();
    let run = ask(site, &with_json)?;
    ensure!(run.status.code() == Some(code), "{with_json:?}: expected exit code {code}, found {run}");
    serde_json::from_str(&run.stdout).with_context(|| run.to_string())
}

/// A lake of two runs: two chunks in two batches, three files of lines, 6,000 rows.
fn healthy() -> Result<Asked> {
    let site = Asked::new()?;
    site.write("app.log", application_lines("app", 0, 2_000))?;
    site.run_well()?;
    site.append("app.log", application_lines("app", 2_000, 2_000))?;
    site.write("worker.log", application_lines("worker", 0, 2_000))?;
    site.run_well()?;
    Ok(site)
}

/// Every file below a folder of the lake, in order.
fn files_below(site: &Site, folder: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in WalkDir::new(site.lake().folder().join(folder)).sort_by_file_name() {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// The objects of the bucket, in the order of their keys.
fn objects(site: &Site) -> Result<Vec<PathBuf>> {
    files_below(site, ".headrig/bucket")
}

/// The object's key.
fn key_of(site: &Site, object: &std::path::Path) -> Result<String> {
    let bucket = site.lake().folder().join(".headrig/bucket");
    Ok(object.strip_prefix(bucket)?.to_str().context("a key is text")?.to_owned())
}

/// The hash that the object's name says.
fn hash_of(object: &std::path::Path) -> Result<String> {
    let name = object.file_name().and_then(OsStr::to_str).context("a name is text")?;
    let stem = name.strip_suffix(".log.zst").context("a zstd chunk")?;
    Ok(stem.rsplit('-').next().context("a hash")?.to_owned())
}

#[test]
fn where_no_lake_is_every_command_says_so_and_makes_none() -> Result<()> {
    let site = Asked::new()?;
    let folder = site.lake().folder().to_owned();
    for empty in [false, true] {
        if empty {
            std::fs::create_dir(&folder)?;
        }
        for command in [
            &["status"][..],
            &["ls"],
            &["explain", "x"],
            &["inspect", "x"],
            &["replay", "--quarantined"],
            &["verify"],
            // Over AWS there is no such command.
            &["compact"],
        ] {
            let told = match command {
                ["compact"] => answer_here(&site, 2, command)?,
                _ => answer(&site, 2, command)?,
            };
            let error = told["error"].as_str().context("an error")?.to_owned();
            assert!(error.contains("no lake") && error.contains("--lake"), "{command:?}: {error}");
        }
        assert_eq!(folder.exists(), empty, "a command made a lake");
        assert!(!empty || std::fs::read_dir(&folder)?.next().is_none(), "a command put something there");
    }
    Ok(())
}

#[test]
fn a_lake_without_a_line_is_well() -> Result<()> {
    let site = Asked::new()?;
    site.run_well()?;
    let status = answer(&site, 0, &["status"])?;
    assert_eq!((&status["files"]["done"], &status["agents"]), (&0.into(), &Value::Array(Vec::new())));
    assert_eq!(answer(&site, 0, &["ls"])?["files"], Value::Array(Vec::new()));
    assert_eq!(answer(&site, 0, &["ls", "batches"])?["batches"], Value::Array(Vec::new()));
    let replayed = answer(&site, 0, &["replay", "--quarantined"])?;
    assert_eq!(replayed["replayed"], Value::Array(Vec::new()));
    assert_eq!(answer(&site, 0, &["verify"])?["checked"]["rows"], 0);
    Ok(())
}
