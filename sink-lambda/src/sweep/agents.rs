//! Which agents have gone silent, by their heartbeats; [`headrig_ledger::fleet`] decides.

use crate::{
    ports::{Beat, Figure},
    sink::{Sink, SinkError},
    telling::listed,
};
use headrig_contract::{HostName, UnixMicros};
use headrig_ledger::{
    Ledger,
    fleet::{Agent, Fleet, FleetNews, Presence, Sighting},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How often heartbeats are asked for: CloudWatch takes money for each host and each time.
const LISTEN_EVERY: Duration = Duration::from_mins(5);
/// How long a heartbeat may be on its way through CloudWatch.
const METRIC_DELAY: Duration = Duration::from_mins(2);
/// The longest time that is asked for at once: CloudWatch lists metrics that were active in the last three hours.
const LISTEN_SPAN_MAX: Duration = Duration::from_hours(3);
/// The most agents that are watched: the note has room for no more. Those that are gone make room first.
const AGENTS_MAX: usize = 6_000;
/// How often retiring is tried again when a sweep writes at the same moment.
const RETIRE_TRIES_MAX: usize = 4;

#[derive(Debug, Default, Serialize, Deserialize)]
struct KeptFleet {
    /// Heartbeats up to here were heard, in microseconds.
    heard_until: i64,
    /// Host, when it was last noticed, and how it stands: `+` present, `?` missing, `-` gone.
    agents: Vec<(String, i64, char)>,
}

impl<L: Ledger> Sink<'_, L> {
    pub(super) fn listen(&self) -> Result<(), SinkError> {
        let mut note = self.recall::<KeptFleet>("fleet")?;
        let until = moved(self.now(), METRIC_DELAY, -1);
        let heard_until = UnixMicros(note.content.heard_until);
        if until < moved(heard_until, LISTEN_EVERY, 1) {
            self.publish_missing(note.content.fleet().missing());
            return Ok(());
        }
        let from = heard_until.max(moved(until, LISTEN_SPAN_MAX, -1));
        let mut fleet = note.content.fleet();
        let mut news = FleetNews::default();
        for Beat { host, at, sighting } in self.ports.heartbeats.heard(from, until)? {
            fleet.notice(&host, sighting, at, &mut news);
        }
        fleet.judge(until, &self.settings.patience, &mut news);
        self.publish_missing(fleet.missing());
        self.tell_fleet(&news)?;
        note.content = KeptFleet::of(&fleet, until);
        Ok(self.keep(&note)?)
    }

    /// An operator says that the agent on `host` comes no more.
    pub(crate) fn retire(&self, host: &HostName) -> Result<(), SinkError> {
        let mut tries = 1;
        loop {
            let mut note = self.recall::<KeptFleet>("fleet")?;
            let mut fleet = note.content.fleet();
            fleet.notice(host, Sighting::Retired, self.now(), &mut FleetNews::default());
            note.content = KeptFleet::of(&fleet, UnixMicros(note.content.heard_until));
            match self.keep(&note) {
                Err(error) if error.is_retryable() && tries < RETIRE_TRIES_MAX => tries += 1,
                result => return Ok(result?),
            }
        }
    }

    fn publish_missing(&self, missing: usize) {
        self.ports.metrics.publish(&[(Figure::MissingAgents, missing as f64)]);
    }

    fn tell_fleet(&self, news: &FleetNews) -> Result<(), SinkError> {
        if news.is_empty() {
            return Ok(());
        }
        let of = |hosts: &[HostName], what: &str| -> Vec<String> {
            hosts.iter().map(|host| format!("{host} {what}")).collect()
        };
        let missing = "has gone silent\n    on that host: systemctl status headrig-agent; if it comes no more: headrig retire HOST";
        let gone = "has been silent for so long that it is not expected any more";
        let lines =
            [of(&news.missing, missing), of(&news.returned, "is heard again"), of(&news.gone, gone)].concat();
        let subject = format!(
            "headrig: {} agents silent, {} back, {} given up",
            news.missing.len(),
            news.returned.len(),
            news.gone.len()
        );
        Ok(self.ports.notifier.tell(&subject, &listed(lines.iter().map(String::as_str)))?)
    }
}

impl KeptFleet {
    fn fleet(&self) -> Fleet {
        Fleet::of(self.agents.iter().filter_map(|(host, noticed, mark)| {
            let presence = match mark {
                '+' => Presence::Present,
                '?' => Presence::Missing,
                _ => Presence::Gone,
            };
            Some((host.parse().ok()?, Agent { noticed: UnixMicros(*noticed), presence }))
        }))
    }

    fn of(fleet: &Fleet, heard_until: UnixMicros) -> Self {
        let mut agents: Vec<_> = fleet
            .agents()
            .map(|(host, agent)| {
                let mark = match agent.presence {
                    Presence::Present => '+',
                    Presence::Missing => '?',
                    Presence::Gone => '-',
                };
                (host.as_str().into(), agent.noticed.0, mark)
            })
            .collect();
        if agents.len() > AGENTS_MAX {
            tracing::error!(
                agents = agents.len(),
                AGENTS_MAX,
                "too many agents to watch; those longest silent are forgotten"
            );
            agents.sort_by_key(|(_, noticed, mark)| (*mark != '-', *noticed));
            agents.drain(..agents.len() - AGENTS_MAX);
        }
        Self { heard_until: heard_until.0, agents }
    }
}

fn moved(time: UnixMicros, span: Duration, sign: i64) -> UnixMicros {
    time.saturating_add_micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX).saturating_mul(sign))
}
