//! What a run did, for people and for programs.

use crate::{
    local::{Loaded, Note, Shipped},
    print_line, say,
};
use comfy_table::{CellAlignment, Table, presets::NOTHING};
use headrig_agent::tail::Problem;
use headrig_etl::{
    Level, RuleCounts, Tally,
    alerts::{Minutes, Notice},
};
use indicatif::{BinaryBytes, HumanCount};
use jiff::Timestamp;
use serde::Serialize;
use std::{cmp::Reverse, collections::BTreeSet, path::Path, time::Duration};

/// Alerts that the text of a summary has; the most urgent come first.
const ALERTS_PRINTED_MAX: usize = 10;

/// The figures of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    lake: String,
    files: Files,
    lines: u64,
    events: u64,
    rows: u64,
    dropped: u64,
    sampled_out: u64,
    unparsed: u64,
    bytes: Bytes,
    chunks: u64,
    batches: u64,
    quarantined: u64,
    cut_lines: u64,
    lost_bytes: u64,
    restarted_files: u64,
    rows_by: Vec<RowsBy>,
    rules: Vec<RuleCounts>,
    alerts: Vec<Alert>,
    alerts_unnamed: u64,
    problems: Vec<Trouble>,
    notes: Vec<Remark>,
    seconds: f64,
    mb_per_s: f64,
    interrupted: bool,
    #[serde(skip)]
    tally: Tally,
}

#[derive(Debug, Serialize)]
struct Files {
    found: u64,
    read: u64,
    failed: u64,
}

#[derive(Debug, Serialize)]
struct Bytes {
    raw: u64,
    chunks: u64,
    parquet: u64,
}

#[derive(Debug, Serialize)]
struct RowsBy {
    level: &'static str,
    event_type: &'static str,
    rows: u64,
}

#[derive(Debug, Serialize)]
struct Alert {
    alert: String,
    severity: &'static str,
    group: String,
    since: String,
    until: String,
    text: String,
    #[serde(skip)]
    line: String,
}

#[derive(Debug, Serialize)]
struct Trouble {
    path: String,
    problem: String,
    action: String,
}

#[derive(Debug, Serialize)]
struct Remark {
    path: String,
    note: String,
}

impl Summary {
    /// The summary of a run over the lake at `root`.
    pub(crate) fn of(
        root: &Path,
        shipped: Shipped,
        loaded: Loaded,
        interrupted: bool,
        elapsed: Duration,
    ) -> Self {
        let fatal = [shipped.fatal, loaded.fatal].into_iter().flatten().map(|problem| Trouble {
            path: lossy(root),
            problem,
            action: "run again once the cause is gone: it goes on where it stopped".into(),
        });
        let trouble = |Problem { path, problem, action }| Trouble { path: lossy(&path), problem, action };
        let problems: Vec<_> =
            shipped.problems.into_iter().chain(loaded.problems).map(trouble).chain(fatal).collect();
        let failed: BTreeSet<&str> = problems.iter().map(|trouble| trouble.path.as_str()).collect();
        let failed = failed.iter().filter(|path| **path != lossy(root)).count() as u64;
        let (counts, seconds) = (loaded.counts, elapsed.as_secs_f64());
        Self {
            lake: lossy(root),
            files: Files {
                found: shipped.files_found,
                read: shipped.files_found.saturating_sub(shipped.files_unreadable),
                failed,
            },
            lines: counts.lines,
            events: counts.events,
            rows: counts.rows,
            dropped: counts.dropped,
            sampled_out: counts.sampled_out,
            unparsed: counts.unparsed,
            bytes: Bytes { raw: counts.bytes_raw, chunks: loaded.chunk_bytes, parquet: loaded.parquet_bytes },
            chunks: loaded.chunks,
            batches: loaded.batches,
            quarantined: loaded.quarantined,
            cut_lines: shipped.cut_lines,
            lost_bytes: shipped.lost_bytes,
            restarted_files: shipped.restarts,
            rows_by: rows_by(&loaded.tally),
            rules: loaded.rules,
            alerts: alerts(&loaded.alerts.notices),
            alerts_unnamed: loaded.alerts.more,
            problems,
            notes: shipped
                .notes
                .into_iter()
                .map(|Note { path, note }| Remark { path: lossy(&path), note })
                .collect(),
            seconds,
            mb_per_s: counts.bytes_raw as f64 / 1e6 / seconds.max(1e-9),
            interrupted,
            tally: loaded.tally,
        }
    }

    /// 0 all well, 1 some inputs failed or the run was cut short.
    pub(crate) fn exit_code(&self) -> u8 {
        u8::from(!self.problems.is_empty() || self.interrupted)
    }

    /// Prints it to standard output; problems and notes go to standard error, where nobody's pipe takes them
    /// for data. Who closed standard output wants to hear no more.
    pub(crate) fn print(&self, json: bool) {
        for Trouble { path, problem, action } in &self.problems {
            say(format_args!("{path}: {problem}\n         {action}"));
        }
        for Remark { path, note } in &self.notes {
            say(format_args!("{path}: {note}"));
        }
        let text = if json { self.json() } else { self.text() };
        print_line(text.trim_end());
    }

    fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers, texts and lists are all JSON can hold")
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n", self.figures().trim_fmt());
        if self.rows > 0 {
            text += &format!("\n{}\n\n{}\n", self.rows_table().trim_fmt(), self.next_query());
        }
        let all = self.alerts.len() as u64 + self.alerts_unnamed;
        for (at, alert) in self.alerts.iter().take(ALERTS_PRINTED_MAX).enumerate() {
            let head = if at == 0 { "alerts" } else { "" };
            text += &format!("{}{head:<8}{}\n", if at == 0 { "\n" } else { "" }, alert.line);
        }
        if all > ALERTS_PRINTED_MAX as u64 {
            text += &format!("        and {} more; --json names them\n", all - ALERTS_PRINTED_MAX as u64);
        }
        if self.rules.iter().any(|rule| rule.seen > 0) {
            text += &format!("\n{}\n", self.rules_table().trim_fmt());
        }
        if self.interrupted {
            text += "\ninterrupted; run the same command again and it goes on where it stopped\n";
        }
        text
    }

    fn figures(&self) -> Table {
        let count = |number: u64| HumanCount(number).to_string();
        let mut table = Table::new();
        table.load_style(NOTHING);
        let failed = if self.files.failed > 0 {
            format!(", {} failed", count(self.files.failed))
        } else {
            String::new()
        };
        table.add_row(["files", &format!("{}{failed}", count(self.files.found))]);
        if self.lost_bytes > 0 {
            table.add_row([
                "lost",
                &format!("{} bytes went before they could be read", count(self.lost_bytes)),
            ]);
        }
        let dropped = self.dropped + self.sampled_out;
        if self.rows + dropped == 0 {
            table.add_row(["rows", "nothing new"]);
            return table;
        }
        let joined = if self.events < self.lines { ", stack traces joined" } else { "" };
        let share = 100.0 * self.unparsed as f64 / self.rows.max(1) as f64;
        table.add_row(["lines", &count(self.lines)]);
        table.add_row(["rows", &format!("{}{joined}", count(self.rows))]);
        if dropped > 0 {
            table.add_row(["dropped", &format!("{} by rules", count(dropped))]);
        }
        table.add_row(["unparsed", &format!("{} ({share:.1} %)", count(self.unparsed))]);
        if self.cut_lines > 0 {
            table.add_row(["cut", &format!("{} lines over max_line_bytes", count(self.cut_lines))]);
        }
        if self.restarted_files > 0 {
            table.add_row(["began anew", &format!("{} files (truncated)", count(self.restarted_files))]);
        }
        if self.quarantined > 0 {
            table.add_row(["set aside", &format!("{} objects", count(self.quarantined))]);
        }
        table.add_row(["in", &BinaryBytes(self.bytes.raw).to_string()]);
        let Bytes { parquet, chunks, .. } = self.bytes;
        table.add_row(["out", &format!("{} Parquet, {} chunks", BinaryBytes(parquet), BinaryBytes(chunks))]);
        table.add_row(["time", &format!("{:.1} s, {:.1} MB/s", self.seconds, self.mb_per_s)]);
        table
    }

    /// Rows by event type, most first, with a column for each level that occurs.
    fn rows_table(&self) -> Table {
        let levels: Vec<Level> =
            Level::ALL.into_iter().filter(|level| self.tally.of_level(*level) > 0).collect();
        let mut event_types: Vec<(&str, u64)> = Vec::new();
        for row in &self.rows_by {
            match event_types.iter_mut().find(|(name, _)| *name == row.event_type) {
                Some((_, rows)) => *rows += row.rows,
                None => event_types.push((row.event_type, row.rows)),
            }
        }
        event_types.sort_by_key(|(name, rows)| (Reverse(*rows), *name));
        let mut table = Table::new();
        table.load_style(NOTHING);
        let heads = levels.iter().map(|level| level.as_str().to_owned());
        table.set_header(std::iter::once("rows".to_owned()).chain(heads).chain(["total".to_owned()]));
        for (event_type, total) in event_types {
            let rows_at = |level: &Level| {
                let row = self
                    .rows_by
                    .iter()
                    .find(|row| row.event_type == event_type && row.level == level.as_str());
                row.map_or_else(|| "·".to_owned(), |row| HumanCount(row.rows).to_string())
            };
            let cells = levels.iter().map(rows_at);
            table.add_row(
                std::iter::once(event_type.to_owned()).chain(cells).chain([HumanCount(total).to_string()]),
            );
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// What each rule did.
    fn rules_table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING);
        table.set_header(["rule", "seen", "matched", "dropped", "sampled out", "redacted"]);
        for rule in &self.rules {
            let RuleCounts { name, seen, matched, dropped, sampled_out, redacted } = rule;
            let counts = [seen, matched, dropped, sampled_out, redacted]
                .map(|count| if *count == 0 { "·".to_owned() } else { HumanCount(*count).to_string() });
            table.add_row(std::iter::once(name.clone()).chain(counts));
        }
        for column in table.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    fn next_query(&self) -> String {
        let files = Path::new(&self.lake).join("logs/**/*.parquet");
        let query = format!(
            "SELECT ts, level, event_type, message FROM read_parquet('{}', hive_partitioning = true) ORDER BY ts DESC LIMIT 20",
            files.display().to_string().replace('\'', "''")
        );
        format!(
            "try next:\n  duckdb -c \"{}\"",
            query.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$")
        )
    }
}

/// What people were told, the most urgent first, then the latest.
fn alerts(notices: &[Notice]) -> Vec<Alert> {
    let mut notices: Vec<&Notice> = notices.iter().collect();
    notices.sort_by_key(|notice| Reverse((notice.severity, notice.until)));
    let time = |at: Minutes| Timestamp::from_microsecond(at.start().0).unwrap_or_default().to_string();
    let alert = |notice: &Notice| Alert {
        alert: notice.alert.clone(),
        severity: notice.severity.as_str(),
        group: notice.group.clone(),
        since: time(notice.since),
        until: time(notice.until),
        text: notice.text.clone(),
        line: notice.line(),
    };
    notices.into_iter().map(alert).collect()
}

fn rows_by(tally: &Tally) -> Vec<RowsBy> {
    tally
        .iter()
        .map(|(level, event_type, rows)| RowsBy {
            level: level.as_str(),
            event_type: event_type.as_str(),
            rows,
        })
        .collect()
}

/// A path for people and JSON: what is no UTF-8 is replaced.
fn lossy(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
