//! `headrig wake`, and `headrig retire` where nobody watches.

use super::{answer, answer_here, answer_once, asked::Asked, healthy};
use crate::mended::site_with_an_object;
use anyhow::{Context, Result};

#[test]
fn a_batch_that_rests_may_be_run_at_once() -> Result<()> {
    let site = Asked::of(site_with_an_object()?.0);
    let listed = answer(&site, 0, &["ls", "batches", "--state", "sealed"])?;
    let batch = &listed["batches"][0];
    let id = batch["id"].as_str().with_context(|| listed.to_string())?.to_owned();
    let told = answer_here(&site, 0, &["wake", &id, "--dry-run"])?;
    assert_eq!((&told["awake"], &told["batch"]["id"]), (&true.into(), &id.as_str().into()));
    assert_eq!(answer_here(&site, 0, &["ls", "batches"])?["batches"][0], *batch, "a dry run changed it");
    assert_eq!(answer_once(&site, 0, &["wake", &id])?["awake"], true);
    let due: jiff::Timestamp =
        answer(&site, 0, &["ls", "batches"])?["batches"][0]["due"].as_str().context("a time")?.parse()?;
    assert!(due <= jiff::Timestamp::now());
    assert_eq!(site.run_well()?.rows, 3_000);
    Ok(())
}

#[test]
fn only_a_batch_that_waits_can_be_woken() -> Result<()> {
    let site = healthy()?;
    let listed = answer(&site, 0, &["ls", "batches"])?;
    let id = listed["batches"][0]["id"].as_str().context("an id")?;
    let told = answer(&site, 3, &["wake", id])?;
    assert!(told["reason"].as_str().context("a reason")?.contains("committed"), "{told}");
    assert!(answer(&site, 3, &["wake", &"0".repeat(64)])?["batch"].is_null());
    answer(&site, 2, &["wake", "no/such/batch"])?;
    Ok(())
}

#[test]
fn a_local_lake_has_no_agents_to_retire() -> Result<()> {
    let site = healthy()?;
    let error = answer_here(&site, 2, &["retire", "web-1"])?["error"].to_string();
    assert!(error.contains("--table"), "{error}");
    Ok(())
}
