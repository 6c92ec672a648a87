//! Second runs. Every test ends with the oracle: the lake holds exactly these files' bytes.

use anyhow::Result;
use headrig_tests::{
    exactness,
    generate::{AccessLog, application_lines},
    site::{Site, gzipped},
};
use std::{
    fs::File,
    time::{Duration, SystemTime},
};

/// The lines of one day of a small server.
fn day(number: u64) -> String {
    application_lines("app", number * 10_000, 2_000)
}

#[test]
fn a_second_run_adds_no_row() -> Result<()> {
    let (site, log) = (Site::new()?, AccessLog::new(1).lines(5_000));
    site.write("access.log", &log)?;
    let first = site.run_well()?;
    assert_eq!((first.files.found, first.files.read, first.files.failed), (1, 1, 0));
    assert_eq!((first.lines, first.events, first.rows, first.unparsed), (5_000, 5_000, 5_000, 0));
    assert_eq!(first.bytes.raw, log.len() as u64);
    let files = site.lake().files()?;
    let second = site.run_well()?;
    assert_eq!((second.rows, second.lines, second.chunks, second.batches), (0, 0, 0, 0));
    assert_eq!(site.lake().files()?, files);
    assert_eq!(exactness::check(&site.lake(), &[&log])?.rows, 5_000);
    exactness::check_text(&site.lake())?;
    Ok(())
}

#[test]
fn lines_appended_between_runs_are_exactly_the_new_rows() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log", day(0))?;
    site.run_well()?;
    site.append("app.log", day(1))?;
    assert_eq!(site.run_well()?.rows, 2_000);
    exactness::check(&site.lake(), &[day(0) + &day(1)])?;
    Ok(())
}

#[test]
fn a_line_finished_between_runs_is_shipped_to_its_last_byte() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log", day(0) + "2026-09-22T00:00:00Z INFO app cut in the mid")?;
    site.run_well()?;
    site.append("app.log", "dle of a word\n")?;
    site.run_well()?;
    let whole = day(0) + "2026-09-22T00:00:00Z INFO app cut in the middle of a word\n";
    exactness::check(&site.lake(), &[whole])?;
    Ok(())
}

#[test]
fn many_files_written_a_moment_ago_are_taken_to_their_ends() -> Result<()> {
    let (site, mut contents, now) = (Site::new()?, Vec::new(), SystemTime::now());
    for number in 0..500 {
        let lines = application_lines(&format!("worker-{number}"), 0, 20);
        let path = site.write(&format!("{}/{number}.log", number % 10), &lines)?;
        // As if each had been written a little later than the one before.
        File::options().append(true).open(path)?.set_modified(now + Duration::from_millis(number))?;
        contents.push(lines);
    }
    assert_eq!(site.run_well()?.rows, 10_000);
    exactness::check(&site.lake(), &contents)?;
    Ok(())
}

#[test]
fn a_lost_ledger_is_refused_or_made_anew_and_doubles_no_row() -> Result<()> {
    let site = Site::new()?;
    for number in 0..3 {
        site.append("app.log", day(number))?;
        site.run_well()?;
    }
    for entry in std::fs::read_dir(site.lake().folder().join(".headrig"))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("ledger.db") {
            std::fs::remove_file(entry.path())?;
        }
    }
    let run = site.run()?;
    assert!(matches!(run.status.code(), Some(0 | 2)), "{run}");
    exactness::check(&site.lake(), &[day(0) + &day(1) + &day(2)])?;
    Ok(())
}

#[test]
fn a_file_renamed_by_rotation_is_not_shipped_again() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log", day(0))?;
    site.run_well()?;
    site.append("app.log", day(1))?;
    site.rename("app.log", "app.log.1")?;
    site.write("app.log", day(2))?;
    assert_eq!(site.run_well()?.rows, 4_000);
    exactness::check(&site.lake(), &[day(0) + &day(1), day(2)])?;
    Ok(())
}

#[test]
fn the_gz_of_a_shipped_file_is_not_shipped_again() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log.1", day(0))?;
    site.write("app.log", day(1))?;
    site.run_well()?;
    site.gzip("app.log.1")?;
    assert_eq!(site.run_well()?.rows, 0);
    exactness::check(&site.lake(), &[day(0), day(1)])?;
    Ok(())
}

#[test]
fn the_gz_of_a_half_shipped_file_brings_the_other_half() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log", day(0))?;
    site.run_well()?;
    site.append("app.log", day(1))?;
    site.rename("app.log", "app.log.1")?;
    site.gzip("app.log.1")?;
    site.write("app.log", day(2))?;
    assert_eq!(site.run_well()?.rows, 4_000);
    exactness::check(&site.lake(), &[day(0) + &day(1), day(2)])?;
    Ok(())
}

#[test]
fn a_gz_never_seen_as_a_plain_file_is_shipped_once() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log.2", day(0))?;
    site.gzip("app.log.2")?;
    site.write("app.log.3.zst", zstd::bulk::compress(day(1).as_bytes(), 3)?)?;
    assert_eq!(site.run_well()?.rows, 4_000);
    assert_eq!(site.run_well()?.rows, 0);
    exactness::check(&site.lake(), &[day(0), day(1)])?;
    Ok(())
}

#[test]
fn a_chain_of_rotations_with_compression_ships_each_day_once() -> Result<()> {
    let site = Site::new()?;
    let mut days = Vec::new();
    for today in 0..6 {
        rotate(&site)?;
        site.write("app.log", day(today))?;
        days.push(day(today));
        // Some days the agent is away, and finds several rotations when it is back.
        if today % 3 != 1 {
            site.run_well()?;
        }
    }
    exactness::check(&site.lake(), &days)?;
    Ok(())
}

/// What logrotate does with `compress` and `delaycompress`.
fn rotate(site: &Site) -> Result<()> {
    for number in (2..9).rev() {
        let (from, to) = (format!("app.log.{number}.gz"), format!("app.log.{}.gz", number + 1));
        if site.log(&from).exists() {
            site.rename(&from, &to)?;
        }
    }
    if site.log("app.log.1").exists() {
        site.rename("app.log.1", "app.log.2")?;
        site.gzip("app.log.2")?;
    }
    if site.log("app.log").exists() {
        site.rename("app.log", "app.log.1")?;
    }
    Ok(())
}

#[test]
fn copytruncate_ships_the_copy_only_as_far_as_it_is_new() -> Result<()> {
    let site = Site::new()?;
    site.write("app.log", day(0))?;
    site.run_well()?;
    site.append("app.log", day(1))?;
    site.copy_and_truncate("app.log", "app.log.1")?;
    site.append("app.log", day(2))?;
    assert_eq!(site.run_well()?.rows, 4_000);
    exactness::check(&site.lake(), &[day(0) + &day(1), day(2)])?;
    assert_eq!(site.run_well()?.rows, 0);
    Ok(())
}

/// logrotate is at work while the run begins: the copy, or the `.gz`, is whole, the original not gone yet,
/// and its last lines are a moment old.
#[test]
fn a_copy_beside_its_fresh_original_is_not_shipped_again() -> Result<()> {
    for compressed in [false, true] {
        let site = Site::new()?;
        site.write("app.log", day(0))?;
        site.run_well()?;
        site.append("app.log", day(1))?;
        let whole = day(0) + &day(1);
        if compressed {
            site.write("app.log.1.gz", gzipped(whole.as_bytes())?)?;
        } else {
            site.write("app.log.1", &whole)?;
        }
        assert_eq!(site.run_well()?.rows, 2_000, "compressed: {compressed}");
        site.truncate("app.log")?;
        site.append("app.log", day(2))?;
        assert_eq!(site.run_well()?.rows, 2_000, "compressed: {compressed}");
        exactness::check(&site.lake(), &[whole, day(2)])?;
    }
    Ok(())
}

#[test]
fn a_truncated_file_begins_anew_when_it_is_shorter_and_when_it_is_longer() -> Result<()> {
    for lines in [100, 9_000] {
        let site = Site::new()?;
        site.write("app.log", day(0))?;
        site.run_well()?;
        site.truncate("app.log")?;
        let anew = application_lines("anew", 500_000, lines);
        site.append("app.log", &anew)?;
        assert_eq!(site.run_well()?.rows, lines);
        exactness::check(&site.lake(), &[day(0), anew])?;
    }
    Ok(())
}

#[test]
fn a_deleted_file_leaves_its_rows_and_no_complaint() -> Result<()> {
    let site = Site::new()?;
    site.write("gone.log", day(0))?;
    site.write("stays.log", day(1))?;
    site.run_well()?;
    std::fs::remove_file(site.log("gone.log"))?;
    site.append("stays.log", day(2))?;
    assert_eq!(site.run_well()?.rows, 2_000);
    exactness::check(&site.lake(), &[day(0), day(1) + &day(2)])?;
    Ok(())
}

#[test]
fn files_with_the_same_first_lines_are_told_apart() -> Result<()> {
    let site = Site::new()?;
    let banner = "# a banner that every file of this program begins with\n".repeat(200);
    let contents: Vec<String> = (0..4).map(|number| banner.clone() + &day(number)).collect();
    for (number, content) in contents.iter().enumerate() {
        site.write(&format!("worker-{number}.log"), content)?;
    }
    site.run_well()?;
    exactness::check(&site.lake(), &contents)?;
    for number in 0..4 {
        site.rename(&format!("worker-{number}.log"), &format!("worker-{number}.log.1"))?;
    }
    assert_eq!(site.run_well()?.rows, 0);
    Ok(())
}

#[test]
fn equal_files_in_two_folders_are_both_shipped() -> Result<()> {
    let site = Site::new()?;
    site.write("blue/app.log", day(0))?;
    site.write("green/app.log", day(0))?;
    site.run_well()?;
    exactness::check(&site.lake(), &[day(0), day(0)])?;
    assert_eq!(site.run_well()?.rows, 0);
    Ok(())
}

#[test]
fn a_file_named_by_two_inputs_is_shipped_once() -> Result<()> {
    let site = Site::new()?;
    let log = site.write("app.log", day(0))?;
    let glob = site.logs().join("*.log");
    let run =
        headrig_tests::process::Headrig::local([log, site.logs(), glob], site.lake().folder())?.run()?;
    assert_eq!(run.summary(0)?.files.found, 1);
    exactness::check(&site.lake(), &[day(0)])?;
    Ok(())
}
