//! What was measured, held against what is to be reached.

use std::{fmt::Write, time::Duration};

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    what: String,
    measured: String,
    target: String,
    met: Option<bool>,
}

impl Figure {
    /// A figure that is stated and has no target.
    pub(crate) fn stated(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), target: String::new(), met: None }
    }

    /// A figure that may be at most `limit`; both are shown with `unit`.
    pub(crate) fn at_most(what: impl Into<String>, measured: f64, limit: f64, unit: &str) -> Self {
        Self {
            met: Some(measured <= limit),
            ..Self::with_target(what.into(), measured, format!("<= {limit}"), unit)
        }
    }

    /// A figure that has to be at least `limit`.
    pub(crate) fn at_least(what: impl Into<String>, measured: f64, limit: f64, unit: &str) -> Self {
        Self {
            met: Some(measured >= limit),
            ..Self::with_target(what.into(), measured, format!(">= {limit}"), unit)
        }
    }

    /// A figure that has to be below `limit`.
    pub(crate) fn below(what: impl Into<String>, measured: f64, limit: f64, unit: &str) -> Self {
        Self {
            met: Some(measured < limit),
            ..Self::with_target(what.into(), measured, format!("< {limit}"), unit)
        }
    }

    fn with_target(what: String, measured: f64, target: String, unit: &str) -> Self {
        let (measured, target) = (format!("{} {unit}", rounded(measured)), format!("{target} {unit}"));
        Self { what, measured: measured.trim_end().into(), target: target.trim_end().into(), met: None }
    }

    /// Whether it has a target and misses it.
    pub(crate) fn is_missed(&self) -> bool {
        self.met == Some(false)
    }
}

/// Whole numbers as they are, others to two places.
fn rounded(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value}") } else { format!("{value:.2}") }
}

/// The figures as a Markdown table.
pub(crate) fn table(figures: &[Figure]) -> String {
    let width = |column: fn(&Figure) -> &str| figures.iter().map(|figure| column(figure).len()).max();
    let what = width(|figure| &figure.what).unwrap_or(0);
    let measured = width(|figure| &figure.measured).unwrap_or(0).max("measured".len());
    let target = width(|figure| &figure.target).unwrap_or(0).max("target".len());
    let mut text =
        format!("| {:<what$} | {:>measured$} | {:<target$} |        |\n", "", "measured", "target");
    let _ = writeln!(
        text,
        "| {:-<what$} | {:->measured$}: | {:-<target$} | ------ |",
        "",
        "",
        "",
        measured = measured - 1
    );
    for figure in figures {
        let verdict = match figure.met {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let _ = writeln!(
            text,
            "| {:<what$} | {:>measured$} | {:<target$} | {verdict:<6} |",
            figure.what, figure.measured, figure.target
        );
    }
    text
}

/// The smallest of `sorted` that at least `percent` of them do not exceed (nearest rank); zero of nothing.
pub(crate) fn percentile(sorted: &[Duration], percent: f64) -> Duration {
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or_default()
}

/// The middle one, or the mean of the two in the middle; zero of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => 0.0,
        (count, middle) if count % 2 == 0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
        (_, middle) => sorted[middle],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        let check = |percent, expect| {
            assert_eq!(percentile(&sorted, percent), Duration::from_millis(expect), "{percent}");
        };
        check(0.0, 1);
        check(50.0, 100);
        check(99.0, 198);
        check(99.1, 199);
        check(100.0, 200);
        assert_eq!(percentile(&[], 99.0), Duration::ZERO);
        assert_eq!(percentile(&sorted[..1], 99.0), Duration::from_millis(1));
    }

    #[test]
    fn the_median_needs_no_order() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[]), 0.0);
    }

    #[test]
    fn a_limit_counts_as_reached_or_not_as_it_is_said() {
        assert!(!Figure::at_most("ratio", 1.15, 1.15, "x").is_missed());
        assert!(Figure::at_most("ratio", 1.151, 1.15, "x").is_missed());
        assert!(!Figure::at_least("speed", 250.0, 250.0, "MB/s").is_missed());
        assert!(Figure::at_least("speed", 249.9, 250.0, "MB/s").is_missed());
        assert!(Figure::below("files", 100.0, 100.0, "").is_missed());
        assert!(!Figure::below("files", 99.0, 100.0, "").is_missed());
        assert!(!Figure::stated("files", "7").is_missed());
    }

    #[test]
    fn the_table_tells_what_was_missed() {
        let text = table(&[Figure::below("memory", 30.456, 20.0, "MiB"), Figure::stated("wall", "3 s")]);
        assert!(text.contains("| memory | 30.46 MiB | < 20 MiB | MISSED |"), "{text}");
        let lengths: Vec<usize> = text.lines().map(str::len).collect();
        assert!(lengths.iter().all(|length| *length == lengths[0]), "{text}");
    }
}
