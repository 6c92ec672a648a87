//! The lake as its users see it: DuckDB over `logs/**/*.parquet` with hive partitioning.

use anyhow::{Context, Result, ensure};
use headrig_tests::{
    generate::{AccessLog, application_lines},
    process::Headrig,
    site::{Site, skip},
    summary::RowsBy,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Reads one query's rows as JSON; the folder and the query are arguments.
const SCRIPT: &str = "\
import duckdb, json, sys
rows = duckdb.sql(sys.argv[1]).fetchall()
print(json.dumps(rows, default=str))
";

fn python() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.join(".venv/bin/python");
    path.is_file().then_some(path)
}

fn query(python: &Path, sql: &str) -> Result<serde_json::Value> {
    let output = Command::new(python).args(["-c", SCRIPT, sql]).output()?;
    ensure!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("reading DuckDB's answer")
}

#[test]
fn duckdb_counts_the_rows_that_the_summary_tells() -> Result<()> {
    let Some(python) = python() else {
        assert!(std::env::var_os("CI").is_none(), "CI has DuckDB in .venv; run `cargo xtask test`");
        skip("the lake read by DuckDB", "no .venv; `cargo xtask test` makes it");
        return Ok(());
    };
    let site = Site::new()?;
    site.write("access.log", AccessLog::new(1).lines(3_000))?;
    site.write("app.log", application_lines("app", 0, 1_000))?;
    let summary = site.run_well()?;
    let table = format!(
        "read_parquet('{}/logs/**/*.parquet', hive_partitioning = true)",
        site.lake().folder().display()
    );

    let by = query(
        &python,
        &format!("select level, event_type, count(*) from {table} group by all order by all"),
    )?;
    let mut expect = summary.rows_by;
    expect.sort();
    let expect: Vec<_> =
        expect.iter().map(|RowsBy { level, event_type, rows }| (level, event_type, rows)).collect();
    assert_eq!(by, serde_json::to_value(expect)?);

    let doubled = format!("select count(*), count(distinct (stream, generation, \"offset\")) from {table}");
    assert_eq!(query(&python, &doubled)?, serde_json::json!([[4_000, 4_000]]));

    let access = format!(
        "select count(*), count(src_ip), count(http_status), count(http_duration_ms), min(http_method) from {table} \
         where event_type = 'http_access'"
    );
    assert_eq!(query(&python, &access)?, serde_json::json!([[3_000, 3_000, 3_000, 3_000, "GET"]]));

    let day = "format('{}-{}-{}', year, lpad(month::varchar, 2, '0'), lpad(day::varchar, 2, '0'))";
    let astray = format!("select count(*) from {table} where strftime(ts, '%Y-%m-%d') <> {day}");
    assert_eq!(query(&python, &astray)?, serde_json::json!([[0]]));

    let metrics = table.replace("/logs/", "/metrics/");
    let counted = format!("select sum(lines)::bigint, count(distinct event_type) from {metrics}");
    assert_eq!(query(&python, &counted)?, serde_json::json!([[4_000, 2]]));
    Ok(())
}

#[test]
fn duckdb_reads_the_same_tables_after_compaction() -> Result<()> {
    let Some(python) = python() else {
        assert!(std::env::var_os("CI").is_none(), "CI has DuckDB in .venv; run `cargo xtask test`");
        skip("the compacted lake read by DuckDB", "no .venv; `cargo xtask test` makes it");
        return Ok(());
    };
    let (site, mut access) = (Site::new()?, AccessLog::new(4));
    for run in 0..3 {
        // Of days that are over whatever the clock of this machine says.
        site.append("access.log", access.lines(80).replace("2026", "2020"))?;
        site.append("app.log", application_lines("app", run * 40, 40).replace("2026", "2020"))?;
        site.run_well()?;
    }
    let folder = site.lake().folder().to_owned();
    let read = |table: &str, order: &str| -> Result<(serde_json::Value, serde_json::Value)> {
        let files = format!("'{}/{table}/**/*.parquet'", folder.display());
        let table = format!("read_parquet({files}, hive_partitioning = true)");
        let rows = format!("select columns(*)::varchar from (select * from {table} order by {order})");
        let number = format!("select count(*) from glob({files})");
        Ok((query(&python, &rows)?, query(&python, &number)?))
    };
    let both =
        || -> Result<_> { Ok((read("logs", "stream, generation, \"offset\"")?, read("metrics", "all")?)) };
    let (logs, metrics) = both()?;
    assert_eq!(logs.0.as_array().map(Vec::len), Some(360));
    let compacted = Headrig::new(["compact", "--older-than", "0s", "--lake"])?.arguments([&folder]).run()?;
    ensure!(compacted.status.success(), "{compacted}");
    let (logs_after, metrics_after) = both()?;
    assert_eq!((logs_after.0, metrics_after.0), (logs.0, metrics.0));
    assert!(logs_after.1 != logs.1 && metrics_after.1 != metrics.1, "there are as many files as before");
    Ok(())
}
