//! `headrig status` and `headrig ls`.

use super::{answer, answer_here, ask, asked::Asked, healthy};
use anyhow::{Context, Result, ensure};
use headrig_tests::{
    generate::application_lines,
    process::{ANSWER_LIMIT, wait_until},
};
use rustix::process::Signal;

#[test]
fn status_counts_what_is_there() -> Result<()> {
    let site = healthy()?;
    let status = answer(&site, 0, &["status"])?;
    assert_eq!(status["writer"], serde_json::Value::Null);
    assert_eq!((&status["files"]["done"], &status["files"]["pending"]), (&2.into(), &0.into()));
    assert_eq!((&status["batches"]["committed"], &status["batches"]["running"]), (&2.into(), &0.into()));
    assert_eq!((&status["lines"]["rows"], &status["lines"]["lines"]), (&6_000.into(), &6_000.into()));
    let agents = status["agents"].as_array().context("agents")?;
    assert_eq!(agents.len(), 1);
    assert_eq!((&agents[0]["chunks"], &agents[0]["last_seq"]), (&2.into(), &1.into()));
    let run = ask(&site, &["status"])?;
    for words in ["2 done", "2 committed", "6,000 of 6,000 lines", "none"] {
        assert!(run.stdout.contains(words), "expected {words:?} in {run}");
    }
    Ok(())
}

#[test]
fn listings_are_bounded_and_say_that_there_is_more() -> Result<()> {
    let site = healthy()?;
    let list = |arguments: &[&str]| answer(&site, 0, &[&["ls"], arguments].concat());
    let all = list(&[])?;
    let files = all["files"].as_array().context("files")?;
    assert_eq!((files.len(), &all["more"]), (2, &false.into()));
    for file in files {
        assert_eq!((&file["state"], &file["round"]), (&"done".into(), &0.into()));
    }
    let (oldest, newest) = (list(&["--limit", "1"])?, list(&["--limit", "1", "--newest"])?);
    assert_eq!((&oldest["files"][0], &oldest["more"]), (&files[0], &true.into()));
    assert_eq!((&newest["files"][0], &newest["more"]), (&files[1], &true.into()));
    assert_eq!(list(&["--state", "pending"])?["files"].as_array().context("files")?.len(), 0);
    assert_eq!(list(&["--state", "done"])?["files"].as_array().context("files")?.len(), 2);
    let batches = list(&["batches", "--state", "committed"])?;
    assert_eq!(batches["batches"].as_array().context("batches")?.len(), 2);
    assert_eq!(batches["batches"][0]["counts"]["rows"], 2_000);
    Ok(())
}

#[test]
fn a_state_that_is_none_is_a_mistake_that_names_those_there_are() -> Result<()> {
    let site = healthy()?;
    for (what, state, word) in [("files", "running", "quarantined"), ("batches", "done", "committed")] {
        let error = answer(&site, 2, &["ls", what, "--state", state])?["error"].to_string();
        assert!(error.contains(word) && error.contains(state), "{error}");
    }
    for limit in ["0", "-1", "many"] {
        assert_eq!(ask(&site, &["ls", "--limit", limit])?.status.code(), Some(2));
    }
    Ok(())
}

#[test]
fn beside_a_writer_everything_can_be_asked_and_the_writer_is_named() -> Result<()> {
    let site = Asked::new()?;
    site.write("app.log", application_lines("app", 0, 500))?;
    let mut running = site.headrig()?.arguments(["--follow", "--max-wait", "200ms"]).start()?;
    for round in 1..=3_u64 {
        wait_until("the lake has the rows", ANSWER_LIMIT, || {
            ensure!(!running.has_ended()?, "headrig ended: {}", running.stderr_so_far()?);
            Ok(site.lake().row_count()? == 500 * round)
        })?;
        let status = answer_here(&site, 0, &["status"])?;
        let writer = status["writer"].as_str().with_context(|| status.to_string())?;
        assert!(writer.contains(&running.id().to_string()), "{writer}");
        // Asked again and again while lines arrive: what is under way is no finding.
        site.append("app.log", application_lines("app", 500 * round, 500))?;
        for _ in 0..5 {
            let found = answer_here(&site, 0, &["verify"])?;
            assert_eq!(found["problems"], serde_json::json!([]));
        }
        answer_here(&site, 0, &["ls"])?;
    }
    running.signal(Signal::INT)?;
    running.finish(ANSWER_LIMIT)?.summary(0)?;
    site.run_well()?;
    assert_eq!(answer(&site, 0, &["verify"])?["checked"]["rows"], 2_000);
    Ok(())
}

#[test]
fn asking_does_not_keep_a_run_from_beginning() -> Result<()> {
    let site = healthy()?;
    let mut asking = Vec::new();
    for _ in 0..20 {
        asking.push(
            headrig_tests::process::Headrig::new(["status", "--lake"])?
                .arguments([site.lake().folder()])
                .start()?,
        );
    }
    site.run_well()?;
    for one in asking {
        one.finish(ANSWER_LIMIT)?.said(0)?;
    }
    Ok(())
}
