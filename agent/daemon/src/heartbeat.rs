//! What the agent tells CloudWatch of itself, every minute: that it lives, and what it did.
//!
//! [`Heartbeat`] decides and knows no clock and no network; [`CloudWatch`] sends. Invariants: a counter's
//! values add up to its total whatever reports fail, since each carries what was counted after the last one
//! known to have arrived (one that arrived unbeknown is told twice, never not at all); what is remembered for
//! that does not grow; a failure is a value, and no upload waits for it.

mod cloudwatch;
mod settings;

pub use aws_sdk_cloudwatch::types::MetricDatum;
pub use cloudwatch::{CloudWatch, ReportError};
pub use settings::{HeartbeatSettings, Namespace};

use aws_sdk_cloudwatch::types::{Dimension, StandardUnit};
use headrig_contract::HostName;

/// The value of `Heartbeat` while the agent lives.
const BEATS: f64 = 1.0;
/// Its value when the agent ends on purpose.
const ENDS: f64 = 0.0;

/// How the agent is doing. Counters count from its start and never go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Bytes of chunks that S3 confirmed: a counter.
    pub bytes_shipped: u64,
    /// Bytes of lines that were lost for good: a counter.
    pub bytes_lost: u64,
    /// Uploads that failed: a counter.
    pub upload_errors: u64,
    /// The age of the oldest byte that is not stored, in seconds; zero when there is none.
    pub lag_seconds: u64,
    /// Bytes in the spool.
    pub spool_bytes: u64,
}

/// What CloudWatch knows already.
#[derive(Clone, Debug)]
pub struct Heartbeat {
    host: HostName,
    reported: Figures,
}

/// One report: what it says, and what it settles when it has arrived.
#[derive(Clone, Debug)]
pub struct Report {
    /// The data, for [`CloudWatch::put`].
    pub data: Vec<MetricDatum>,
    settles: Figures,
}

impl Heartbeat {
    /// An agent on `host` that has not reported yet.
    pub fn new(host: HostName) -> Self {
        Self::after(Figures::default(), host)
    }

    /// An agent on `host` that has told so much already, be it under another name or to another CloudWatch.
    pub fn after(reported: Figures, host: HostName) -> Self {
        Self { host, reported }
    }

    /// What CloudWatch is known to know; only the counters matter.
    pub fn reported(&self) -> Figures {
        self.reported
    }

    /// What is to be told now. `Heartbeat` has the dimension Host; the others have none and add up over the
    /// fleet. There are no times in it: CloudWatch takes the time of arrival, whatever this host's clock says.
    pub fn report(&self, figures: Figures) -> Report {
        self.report_with(BEATS, figures)
    }

    /// The last report of an agent that ends on purpose: its heart beats 0 times. The sink expects no more of this
    /// host then, until it is heard again.
    pub fn farewell(&self, figures: Figures) -> Report {
        self.report_with(ENDS, figures)
    }

    fn report_with(&self, beat: f64, figures: Figures) -> Report {
        let host = Dimension::builder().name("Host").value(self.host.as_str()).build();
        let since = |count: u64, before: u64| count.saturating_sub(before) as f64;
        let Figures { bytes_shipped, bytes_lost, upload_errors, .. } = self.reported;
        let mut alive = datum("Heartbeat", StandardUnit::Count, beat);
        alive.dimensions = Some(vec![host]);
        let data = vec![
            alive,
            datum("BytesShipped", StandardUnit::Bytes, since(figures.bytes_shipped, bytes_shipped)),
            datum("LagSeconds", StandardUnit::Seconds, figures.lag_seconds as f64),
            datum("SpoolBytes", StandardUnit::Bytes, figures.spool_bytes as f64),
            datum("BytesLost", StandardUnit::Bytes, since(figures.bytes_lost, bytes_lost)),
            datum("UploadErrors", StandardUnit::Count, since(figures.upload_errors, upload_errors)),
        ];
        Report { data, settles: figures }
    }

    /// The report has arrived: the next one counts from there.
    pub fn arrived(&mut self, report: &Report) {
        self.reported = report.settles;
    }
}

fn datum(name: &str, unit: StandardUnit, value: f64) -> MetricDatum {
    MetricDatum::builder().metric_name(name).unit(unit).value(value).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(report: &Report, name: &str) -> f64 {
        let mut named = report.data.iter().filter(|datum| datum.metric_name() == Some(name));
        let datum = named.next().unwrap();
        assert!(named.next().is_none(), "{name} is told twice");
        datum.value().unwrap()
    }

    fn figures(count: u64) -> Figures {
        let gauges = Figures { lag_seconds: 7, spool_bytes: 9, ..Figures::default() };
        Figures { bytes_shipped: count, bytes_lost: count / 2, upload_errors: count / 4, ..gauges }
    }

    #[test]
    fn a_report_that_did_not_arrive_is_made_up_for_by_the_next() {
        let mut heartbeat = Heartbeat::new(HostName::from_lossy("web-1"));
        let mut sum = 0.0;
        for (count, arrives) in [(40, true), (100, false), (120, false), (200, true), (200, true)] {
            let report = heartbeat.report(figures(count));
            if arrives {
                sum += value(&report, "BytesShipped");
                heartbeat.arrived(&report);
                assert_eq!(sum, count as f64);
            }
        }
    }

    #[test]
    fn gauges_are_told_as_they_are_and_counters_as_what_was_added() {
        let mut heartbeat = Heartbeat::new(HostName::from_lossy("web-1"));
        heartbeat.arrived(&heartbeat.report(figures(100)));
        let report = heartbeat.report(figures(140));
        let cases = [
            ("Heartbeat", 1.0),
            ("BytesShipped", 40.0),
            ("LagSeconds", 7.0),
            ("SpoolBytes", 9.0),
            ("BytesLost", 20.0),
            ("UploadErrors", 10.0),
        ];
        for (name, expect) in cases {
            assert_eq!(value(&report, name), expect, "{name}");
        }
        assert_eq!(report.data.len(), cases.len());
    }

    #[test]
    fn a_farewell_is_a_heartbeat_of_zero_with_the_last_counts() {
        let mut heartbeat = Heartbeat::new(HostName::from_lossy("web-1"));
        heartbeat.arrived(&heartbeat.report(figures(100)));
        let farewell = heartbeat.farewell(figures(140));
        assert_eq!((value(&farewell, "Heartbeat"), value(&farewell, "BytesShipped")), (0.0, 40.0));
        let dimensions = |report: &Report| report.data[0].dimensions.clone();
        assert_eq!(dimensions(&farewell), dimensions(&heartbeat.report(figures(140))));
    }

    #[test]
    fn a_counter_that_began_anew_is_not_told_as_a_negative_one() {
        let mut heartbeat = Heartbeat::new(HostName::from_lossy("web-1"));
        heartbeat.arrived(&heartbeat.report(figures(100)));
        assert_eq!(value(&heartbeat.report(figures(10)), "BytesShipped"), 0.0);
    }
}
