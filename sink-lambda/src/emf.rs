//! Figures as log lines in CloudWatch's embedded metric format.
//!
//! CloudWatch Logs makes metrics of such lines by itself. That costs no call, no time of the function, no permission
//! and no SDK, and a figure is never lost to throttling; PutMetricData would cost a call in every invocation.

use crate::ports::{Figure, Metrics};
use headrig_contract::UnixMicros;
use serde_json::{Map, Value, json};
use std::{io::Write, time::SystemTime};

/// Writes figures to standard output, which Lambda takes to CloudWatch Logs.
#[derive(Clone, Debug)]
pub struct EmfMetrics {
    namespace: String,
}

impl EmfMetrics {
    /// Figures in that namespace, without dimensions.
    pub const fn new(namespace: String) -> Self {
        Self { namespace }
    }

    fn line(&self, figures: &[(Figure, f64)], now: UnixMicros) -> Value {
        let metrics: Vec<_> =
            figures.iter().map(|(figure, _)| json!({"Name": figure.name(), "Unit": figure.unit()})).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({
                "Timestamp": now.0.div_euclid(1_000),
                "CloudWatchMetrics": [{"Namespace": self.namespace, "Dimensions": [[]], "Metrics": metrics}],
            }),
        );
        line.extend(figures.iter().map(|(figure, value)| (figure.name().into(), json!(value))));
        Value::Object(line)
    }
}

impl Metrics for EmfMetrics {
    fn publish(&self, figures: &[(Figure, f64)]) {
        let line = self.line(figures, SystemTime::now().into());
        // Nobody is there to be told that standard output is closed.
        let _ = writeln!(std::io::stdout().lock(), "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_each_figure_with_its_unit_and_value() {
        let figures = [(Figure::Pending, 3.0), (Figure::OldestPendingSeconds, 1.5)];
        let line = EmfMetrics::new("headrig".into()).line(&figures, UnixMicros(1_790_000_000_123_456));
        assert_eq!((&line["Pending"], &line["OldestPendingSeconds"]), (&json!(3.0), &json!(1.5)));
        assert_eq!(line["_aws"]["Timestamp"], json!(1_790_000_000_123_i64));
        let declared = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(declared["Namespace"], "headrig");
        assert_eq!(declared["Dimensions"], json!([[]]));
        assert_eq!(declared["Metrics"][1], json!({"Name": "OldestPendingSeconds", "Unit": "Seconds"}));
    }
}
