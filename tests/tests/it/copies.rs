//! Files that look like one another: copies of a log that nothing is taken of, and logs that only begin alike.

use anyhow::Result;
use headrig_tests::{
    exactness,
    generate::application_lines,
    process::Headrig,
    site::{Site, gzipped},
};
use std::{
    fs::{self, File},
    time::SystemTime,
};

/// The lines of one day of a small server.
fn day(number: u64) -> String {
    application_lines("app", number * 10_000, 2_000)
}

/// Copies `app.log` as `cp -p` and `gzip -k` do: the copy is as old as its original.
fn copy(site: &Site, name: &str) -> Result<()> {
    let (bytes, modified) = (fs::read(site.log("app.log"))?, fs::metadata(site.log("app.log"))?.modified()?);
    site.write(name, if name.ends_with(".gz") { gzipped(&bytes)? } else { bytes })?;
    Ok(File::options().append(true).open(site.log(name))?.set_modified(modified)?)
}

/// What `touch` does.
fn touch(site: &Site, name: &str) -> Result<()> {
    Ok(File::options().append(true).open(site.log(name))?.set_modified(SystemTime::now())?)
}

const COPIES: [&str; 4] = ["app.log.1", "app.log.bak", "app.log.gz", "app.log.1.gz"];

#[test]
fn a_touched_copy_of_a_log_that_has_grown_since_is_still_a_copy() -> Result<()> {
    for name in COPIES {
        let site = Site::new()?;
        site.write("app.log", day(0))?;
        site.run_well()?;
        copy(&site, name)?;
        assert_eq!(site.run_well()?.rows, 0, "{name}");
        site.append("app.log", day(1))?;
        assert_eq!(site.run_well()?.rows, 2_000, "{name}");
        touch(&site, name)?;
        assert_eq!(site.run_well()?.rows, 0, "{name}");
        exactness::check(&site.lake(), &[day(0) + &day(1)])?;
    }
    Ok(())
}

#[test]
fn a_copy_that_is_the_only_input_is_known_though_its_original_has_grown() -> Result<()> {
    for name in ["app.log.1", "app.log.1.gz"] {
        let site = Site::new()?;
        site.write("app.log", day(0))?;
        site.run_well()?;
        copy(&site, name)?;
        site.append("app.log", day(1))?;
        let only_the_copy = Headrig::local([site.log(name)], site.lake().folder())?;
        assert_eq!(only_the_copy.run()?.summary(0)?.rows, 0, "{name}");
        assert_eq!(site.run_well()?.rows, 2_000, "{name}");
        site.append("app.log", day(2))?;
        assert_eq!(site.run_well()?.rows, 2_000, "{name}");
        exactness::check(&site.lake(), &[day(0) + &day(1) + &day(2)])?;
    }
    Ok(())
}

#[test]
fn a_copy_that_is_first_seen_after_its_original_has_grown_is_not_shipped() -> Result<()> {
    for name in COPIES {
        let site = Site::new()?;
        site.write("app.log", day(0))?;
        site.run_well()?;
        copy(&site, name)?;
        site.append("app.log", day(1))?;
        assert_eq!(site.run_well()?.rows, 2_000, "{name}");
        exactness::check(&site.lake(), &[day(0) + &day(1)])?;
    }
    Ok(())
}

/// Whether they are found together or day by day, whether the older ones are still there.
#[test]
fn logs_named_by_date_with_the_same_first_line_are_all_shipped() -> Result<()> {
    let log = |number: u64| "== service started ==\n".to_owned() + &application_lines("app", number * 10, 3);
    let name = |number: u64| format!("app.log-2026092{number}");
    let contents: Vec<String> = (0..4).map(log).collect();
    for (a_run_each, older_stay) in [(false, true), (true, true), (true, false)] {
        let site = Site::new()?;
        for number in 0..4 {
            if number > 0 && !older_stay {
                fs::remove_file(site.log(&name(number - 1)))?;
            }
            site.write(&name(number), log(number))?;
            if a_run_each {
                site.run_well()?;
            }
        }
        site.run_well()?;
        exactness::check(&site.lake(), &contents)?;
    }
    Ok(())
}

#[test]
fn a_live_log_is_shipped_though_a_rotated_one_with_its_first_line_came_before() -> Result<()> {
    let [rotated, live] =
        [0, 10].map(|first| "== service started ==\n".to_owned() + &application_lines("app", first, 5));
    let site = Site::new()?;
    site.write("app.log.1", &rotated)?;
    site.run_well()?;
    site.write("app.log", &live)?;
    assert_eq!(site.run_well()?.rows, 6);
    assert_eq!(site.run_well()?.rows, 0);
    exactness::check(&site.lake(), &[rotated, live])?;
    Ok(())
}

#[test]
fn a_gz_cut_short_that_begins_like_a_longer_log_is_shipped_as_its_own() -> Result<()> {
    let banner = "# a banner of more than a KiB that every file of this program begins with\n".repeat(20);
    let [known, other] = [(0, 20_000), (50_000, 2_000)]
        .map(|(from, count)| banner.clone() + &application_lines("app", from, count));
    let (site, whole) = (Site::new()?, gzipped(other.as_bytes())?);
    site.write("app.log", &known)?;
    site.run_well()?;
    site.write("app.log.1.gz", &whole[..whole.len() / 2])?;
    let damaged = site.run()?.summary(1)?;
    assert!(damaged.rows > 0 && damaged.problem_of("app.log.1.gz").is_some(), "{damaged:?}");
    site.write("app.log.1.gz", &whole)?;
    site.run_well()?;
    exactness::check(&site.lake(), &[known, other])?;
    Ok(())
}
