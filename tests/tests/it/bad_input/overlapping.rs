//! Inputs that are the lake, hold it or lead to it: it never feeds on itself, nor takes a folder that is not its.

use super::{good, site};
use anyhow::Result;
use headrig_tests::{exactness, lake::Lake, process::Headrig};
use std::{fs, os::unix::fs::symlink};

#[test]
fn a_lake_inside_its_own_input_does_not_feed_on_itself() -> Result<()> {
    let site = site()?;
    let lake = Lake::new(site.log("lake"));
    for rows in [100, 0] {
        assert_eq!(Headrig::local([site.logs()], lake.folder())?.run()?.summary(0)?.rows, rows);
    }
    exactness::check(&lake, &[good()])?;
    Ok(())
}

#[test]
fn a_lake_that_is_its_own_input_does_not_feed_on_itself() -> Result<()> {
    let site = site()?;
    let lake = Lake::new(site.logs());
    for rows in [100, 0, 0] {
        assert_eq!(Headrig::local([site.logs()], lake.folder())?.run()?.summary(0)?.rows, rows);
    }
    exactness::check(&lake, &[good()])?;
    Ok(())
}

#[test]
fn a_link_to_the_lake_among_the_inputs_leads_nowhere() -> Result<()> {
    let site = site()?;
    site.run_well()?;
    let link = site.log("link");
    symlink(site.lake().folder(), &link)?;
    for inputs in [vec![site.logs()], vec![link.clone()], vec![site.logs(), link]] {
        assert_eq!(Headrig::local(&inputs, site.lake().folder())?.run()?.summary(0)?.rows, 0, "{inputs:?}");
    }
    exactness::check(&site.lake(), &[good()])?;
    Ok(())
}

/// `logs` is where a lake has its table, and where many a folder has its logs.
#[test]
fn a_lake_is_refused_where_logs_is_somebody_elses_folder() -> Result<()> {
    let site = site()?;
    for inputs in [site.logs(), site.folder().to_owned()] {
        let run = Headrig::local([inputs], site.folder())?.run()?;
        assert!(run.said(2)?.contains("good.log") && run.stderr.contains("--lake"), "{run}");
    }
    assert_eq!(fs::read_to_string(site.log("good.log"))?, good());
    assert_eq!(fs::read_dir(site.logs())?.count(), 1, "something was put into a folder of logs");
    Ok(())
}
