//! `headrig local --follow`: the daemon's behaviour on one machine.

use anyhow::Result;
use headrig_tests::{
    exactness,
    generate::{AccessLog, application_lines},
    process::{ANSWER_LIMIT, Headrig, Running, wait_until},
    site::{Site, gzipped},
};
use rustix::process::Signal;

fn follow(site: &Site) -> Result<Running> {
    site.headrig()?.arguments(["--follow", "--max-wait", "1s"]).start()
}

/// Waits until the lake has `rows` rows, which a reader may look at any time.
fn wait_for_rows(site: &Site, rows: u64, running: &mut Running) -> Result<()> {
    wait_until(&format!("the lake has {rows} rows"), ANSWER_LIMIT, || {
        anyhow::ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(site.lake().row_count()? >= rows)
    })
}

#[test]
fn appended_lines_arrive_while_it_runs() -> Result<()> {
    let site = Site::new()?;
    let [first, second] = [0, 300].map(|number| application_lines("app", number, 300));
    site.write("app.log", &first)?;
    let mut running = follow(&site)?;
    wait_for_rows(&site, 300, &mut running)?;
    site.append("app.log", &second)?;
    wait_for_rows(&site, 600, &mut running)?;
    running.signal(Signal::INT)?;
    let summary = running.finish(ANSWER_LIMIT)?.summary(0)?;
    assert_eq!((summary.rows, summary.problems.len()), (600, 0));
    exactness::check(&site.lake(), &[first + &second])?;
    Ok(())
}

#[test]
fn a_rotation_while_it_runs_loses_and_doubles_nothing() -> Result<()> {
    let site = Site::new()?;
    let [first, late, second] = [0, 300, 600].map(|number| application_lines("app", number, 300));
    site.write("app.log", &first)?;
    let mut running = follow(&site)?;
    wait_for_rows(&site, 300, &mut running)?;
    site.rename("app.log", "app.log.1")?;
    // The program still holds the old file, as programs do until they are told to open the new one.
    site.append("app.log.1", &late)?;
    site.write("app.log", &second)?;
    wait_for_rows(&site, 900, &mut running)?;
    running.signal(Signal::INT)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    exactness::check(&site.lake(), &[first + &late, second])?;
    Ok(())
}

/// The last lines come between two looks, and then the file leaves the inputs, or the disk.
#[test]
fn a_log_named_alone_is_read_on_where_it_is_moved_away_and_made_anew() -> Result<()> {
    let site = Site::new()?;
    let lines = [0, 300, 600].map(|number| application_lines("app", number, 300));
    let [first, late, second] = &lines;
    let path = site.write("app.log", first)?;
    let mut running = Headrig::local([&path], site.lake().folder())?
        .arguments(["--follow", "--max-wait", "200ms"])
        .start()?;
    wait_for_rows(&site, 300, &mut running)?;
    site.append("app.log", late)?;
    std::fs::rename(&path, site.folder().join("old.log"))?;
    site.write("app.log", second)?;
    wait_for_rows(&site, 900, &mut running)?;
    std::fs::remove_file(&path)?;
    site.write("app.log", first)?;
    wait_for_rows(&site, 1_200, &mut running)?;
    running.signal(Signal::INT)?;
    // A look that came between the old file and the new one has named the missing one; it is no claim here.
    running.finish(ANSWER_LIMIT)?;
    exactness::check(&site.lake(), &[first.clone() + late, second.clone(), first.clone()])?;
    Ok(())
}

#[test]
fn copytruncate_while_it_runs_doubles_nothing_of_a_copy_seen_in_the_making() -> Result<()> {
    let site = Site::new()?;
    let [first, marker, second] = ["app", "marker", "second"].map(|tag| application_lines(tag, 0, 3_000));
    site.write("app.log", &first)?;
    let mut running = site.headrig()?.arguments(["--follow", "--max-wait", "100ms"]).start()?;
    wait_for_rows(&site, 3_000, &mut running)?;
    site.write("marker.log", &marker)?;
    // The copy grows a little at a time, all the while until other lines tell that it was looked at.
    let mut rest = first.as_bytes();
    wait_until("the marker is in the lake", ANSWER_LIMIT, || {
        let (piece, behind) = rest.split_at(rest.len().min(64));
        site.append("app.log.1", piece)?;
        rest = behind;
        Ok(site.lake().row_count()? >= 6_000)
    })?;
    site.append("app.log.1", rest)?;
    site.truncate("app.log")?;
    site.append("app.log", &second)?;
    wait_for_rows(&site, 9_000, &mut running)?;
    running.signal(Signal::INT)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    site.run_well()?;
    exactness::check(&site.lake(), &[first, marker, second])?;
    Ok(())
}

#[test]
fn a_gz_of_a_shipped_log_is_not_shipped_though_it_was_seen_in_the_making() -> Result<()> {
    let site = Site::new()?;
    let (first, marker) = (AccessLog::new(9).lines(20_000), application_lines("marker", 0, 3_000));
    site.write("app.log", &first)?;
    let mut running = site.headrig()?.arguments(["--follow", "--max-wait", "100ms"]).start()?;
    wait_for_rows(&site, 20_000, &mut running)?;
    site.rename("app.log", "app.log.1")?;
    site.write("marker.log", &marker)?;
    let whole = gzipped(first.as_bytes())?;
    let (begun, mut rest) = whole.split_at(whole.len() / 2);
    site.append("app.log.1.gz", begun)?;
    wait_until("the marker is in the lake", ANSWER_LIMIT, || {
        let (piece, behind) = rest.split_at(rest.len().min(64));
        site.append("app.log.1.gz", piece)?;
        rest = behind;
        Ok(site.lake().row_count()? >= 23_000)
    })?;
    site.append("app.log.1.gz", rest)?;
    std::fs::remove_file(site.log("app.log.1"))?;
    running.signal(Signal::INT)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    site.run_well()?;
    exactness::check(&site.lake(), &[first, marker])?;
    Ok(())
}

#[test]
fn a_new_file_is_found_while_it_runs() -> Result<()> {
    let site = Site::new()?;
    let [first, second] = ["old", "new"].map(|tag| application_lines(tag, 0, 300));
    site.write("old.log", &first)?;
    let mut running = follow(&site)?;
    wait_for_rows(&site, 300, &mut running)?;
    site.write("deep/new.log", &second)?;
    wait_for_rows(&site, 600, &mut running)?;
    running.signal(Signal::TERM)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    exactness::check(&site.lake(), &[first, second])?;
    Ok(())
}

#[test]
fn a_gz_that_was_empty_when_first_seen_is_still_read_as_a_gz() -> Result<()> {
    let site = Site::new()?;
    let [lines, marker, last] = ["app", "marker", "last"].map(|tag| application_lines(tag, 0, 3_000));
    site.write("app.log", &lines)?;
    let mut running = follow(&site)?;
    wait_for_rows(&site, 3_000, &mut running)?;
    // gzip has made its file, and has not written to it yet when the next scan comes.
    site.rename("app.log", "app.log.1")?;
    site.write("app.log.1.gz", "")?;
    site.write("marker.log", &marker)?;
    wait_for_rows(&site, 6_000, &mut running)?;
    site.gzip("app.log.1")?;
    site.write("last.log", &last)?;
    wait_for_rows(&site, 9_000, &mut running)?;
    running.signal(Signal::INT)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    site.run_well()?;
    exactness::check(&site.lake(), &[lines, marker, last])?;
    Ok(())
}

#[test]
fn an_interrupted_run_says_so_and_the_next_one_completes() -> Result<()> {
    let site = Site::new()?;
    let lines = AccessLog::new(5).lines(200_000);
    site.write("access.log", &lines)?;
    let mut running = site.headrig()?.start()?;
    wait_until("it has sealed a chunk", ANSWER_LIMIT, || {
        anyhow::ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        let bucket = walkdir::WalkDir::new(site.lake().folder().join(".headrig/bucket"));
        Ok(bucket.into_iter().filter_map(Result::ok).any(|entry| entry.path().extension().is_some()))
    })?;
    running.signal(Signal::INT)?;
    assert!(running.finish(ANSWER_LIMIT)?.summary(1)?.interrupted);
    assert!(!site.run_well()?.interrupted);
    exactness::check(&site.lake(), &[lines])?;
    Ok(())
}

#[test]
fn a_signal_seals_and_ships_what_was_read() -> Result<()> {
    let site = Site::new()?;
    let lines = application_lines("app", 0, 300);
    site.write("app.log", &lines)?;
    // Nothing would be written for an hour by itself.
    let mut running = site.headrig()?.arguments(["--follow", "--max-wait", "3600s"]).start()?;
    wait_until("it has a state database", ANSWER_LIMIT, || {
        anyhow::ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
        Ok(site.lake().folder().join(".headrig/agent.db").exists())
    })?;
    running.signal(Signal::INT)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    // However much it had read by then, it is whole and it is not read again.
    site.run_well()?;
    exactness::check(&site.lake(), &[lines])?;
    Ok(())
}
