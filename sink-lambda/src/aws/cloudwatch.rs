//! The agents' heartbeats, as CloudWatch has them: the metric `Heartbeat` with the dimension `Host`, 1 while the agent
//! lives and 0 when it ends on purpose. A minute in which it did the latter has 0 as its least value.
//!
//! Needs cloudwatch:ListMetrics and cloudwatch:GetMetricData. The latter costs money for each host and each time; how
//! often is the caller's business.

use super::failed;
use crate::ports::{Beat, CallError, Heartbeats};
use aws_sdk_cloudwatch::{
    Client,
    primitives::DateTime,
    types::{Dimension, Metric, MetricDataQuery, MetricStat, RecentlyActive, ScanBy, StatusCode},
};
use headrig_aws::Calls;
use headrig_contract::{HostName, UnixMicros};
use headrig_ledger::fleet::Sighting;
use std::sync::OnceLock;

/// Queries in one GetMetricData: what CloudWatch takes.
const QUERIES_MAX: usize = 500;
/// Pages of 500 metrics that are listed.
const PAGES_MAX: usize = 40;
/// Pages of one answer.
const DATA_PAGES_MAX: usize = 10;
/// The agents' interval, in seconds.
const PERIOD_SECONDS: i32 = 60;

/// Heartbeats in one namespace.
#[derive(Debug)]
pub struct CloudWatchHeartbeats {
    calls: Calls,
    namespace: String,
    client: OnceLock<Client>,
}

impl CloudWatchHeartbeats {
    /// The heartbeats in that namespace.
    pub const fn new(calls: Calls, namespace: String) -> Self {
        Self { calls, namespace, client: OnceLock::new() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(self.calls.config()))
    }

    async fn hosts(&self) -> Result<Vec<HostName>, CallError> {
        let mut hosts = Vec::new();
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let request = self
                .client()
                .list_metrics()
                .namespace(&self.namespace)
                .metric_name("Heartbeat")
                .recently_active(RecentlyActive::Pt3H)
                .set_next_token(token);
            let page = request.send().await.map_err(failed("list the heartbeats"))?;
            hosts.extend(page.metrics().iter().filter_map(host_of));
            token = page.next_token().map(Into::into);
            if token.is_none() {
                return Ok(hosts);
            }
        }
        let reason = format!("there are more than {} hosts", hosts.len());
        Err(CallError::Refused { action: "list the heartbeats", reason })
    }

    async fn last_beats(
        &self,
        hosts: &[HostName],
        from: UnixMicros,
        until: UnixMicros,
    ) -> Result<Vec<Beat>, CallError> {
        let queries: Vec<_> =
            hosts.iter().enumerate().map(|(number, host)| self.query(number, host)).collect();
        let mut last: Vec<Option<(i64, Sighting)>> = vec![None; hosts.len()];
        let mut token = None;
        for _ in 0..DATA_PAGES_MAX {
            let request = self
                .client()
                .get_metric_data()
                .set_metric_data_queries(Some(queries.clone()))
                .start_time(date(from))
                .end_time(date(until))
                .scan_by(ScanBy::TimestampDescending)
                .set_next_token(token);
            let page = request.send().await.map_err(failed("read the heartbeats"))?;
            for result in page.metric_data_results() {
                if result.status_code() == Some(&StatusCode::InternalError) {
                    let reason = format!("CloudWatch failed for {}", result.id().unwrap_or_default());
                    return Err(CallError::Unavailable { action: "read the heartbeats", reason });
                }
                let number = result.id().and_then(|id| id.strip_prefix('h')?.parse::<usize>().ok());
                let beats = result.timestamps().iter().zip(result.values());
                let newest =
                    beats.max_by_key(|(at, _)| at.secs()).map(|(at, least)| (at.secs(), sighting(*least)));
                if let Some(known) = number.and_then(|number| last.get_mut(number))
                    && known.map(|(at, _)| at) < newest.map(|(at, _)| at)
                {
                    *known = newest;
                }
            }
            token = page.next_token().map(Into::into);
            if token.is_none() {
                break;
            }
        }
        if token.is_some() {
            // Whoever is not in the pages that were read would seem silent.
            let reason = format!("CloudWatch answered in more than {DATA_PAGES_MAX} pages");
            return Err(CallError::Refused { action: "read the heartbeats", reason });
        }
        let heard = hosts.iter().zip(last).filter_map(|(host, beat)| {
            let (seconds, sighting) = beat?;
            Some(Beat { host: host.clone(), at: UnixMicros::from_seconds(seconds), sighting })
        });
        Ok(heard.collect())
    }

    fn query(&self, number: usize, host: &HostName) -> MetricDataQuery {
        let dimension = Dimension::builder().name("Host").value(host.as_str()).build();
        let metric = Metric::builder()
            .namespace(&self.namespace)
            .metric_name("Heartbeat")
            .dimensions(dimension)
            .build();
        let stat = MetricStat::builder().metric(metric).period(PERIOD_SECONDS).stat("Minimum").build();
        MetricDataQuery::builder().id(format!("h{number}")).metric_stat(stat).build()
    }
}

impl Heartbeats for CloudWatchHeartbeats {
    fn heard(&self, from: UnixMicros, until: UnixMicros) -> Result<Vec<Beat>, CallError> {
        self.calls.wait(async {
            let mut heard = Vec::new();
            for hosts in self.hosts().await?.chunks(QUERIES_MAX) {
                heard.extend(self.last_beats(hosts, from, until).await?);
            }
            Ok(heard)
        })
    }
}

/// The agents send 1 and 0, which floats hold exactly; anything between would be somebody else's.
fn sighting(least: f64) -> Sighting {
    if least < 0.5 { Sighting::Farewell } else { Sighting::Heard }
}

fn host_of(metric: &Metric) -> Option<HostName> {
    let dimension = metric.dimensions().iter().find(|dimension| dimension.name() == Some("Host"))?;
    dimension.value()?.parse().ok()
}

fn date(time: UnixMicros) -> DateTime {
    DateTime::from_secs(time.0.div_euclid(1_000_000))
}
