//! Which agents have gone silent, by their heartbeats; [`headrig_ledger::fleet`] decides.

use crate::{
    notes::Note,
    ports::{Beat, CallError, Figure},
    sink::{Sink, SinkError},
    telling::listed,
};
use headrig_contract::{HostName, UnixMicros};
use headrig_ledger::{
    Ledger,
    fleet::{AGENTS_MAX, FLEET_NOTE, FleetNews, KeptFleet, change_kept},
};
use std::time::Duration;

/// How often heartbeats are asked for: CloudWatch takes money for each host and each time.
const LISTEN_EVERY: Duration = Duration::from_mins(5);
/// How long a heartbeat may be on its way through CloudWatch.
const METRIC_DELAY: Duration = Duration::from_mins(2);
/// The longest time that is asked for at once: CloudWatch lists metrics that were active in the last three hours.
const LISTEN_SPAN_MAX: Duration = Duration::from_hours(3);

impl<L: Ledger> Sink<'_, L> {
    pub(super) fn listen(&self) -> Result<(), SinkError> {
        let mut note = self.recall::<KeptFleet>(FLEET_NOTE)?;
        let until = moved(self.now(), METRIC_DELAY, -1);
        let heard_until = note.content.heard_until;
        if until < moved(heard_until, LISTEN_EVERY, 1) {
            self.publish_missing(note.content.fleet.missing());
            return Ok(());
        }
        let from = heard_until.max(moved(until, LISTEN_SPAN_MAX, -1));
        let fleet = &mut note.content.fleet;
        let mut news = FleetNews::default();
        for Beat { host, at, sighting } in self.ports.heartbeats.heard(from, until)? {
            fleet.notice(&host, sighting, at, &mut news);
        }
        fleet.judge(until, &self.settings.patience, &mut news);
        self.publish_missing(fleet.missing());
        self.tell_fleet(&news)?;
        note.content.heard_until = until;
        let forgotten = note.content.make_room();
        if forgotten > 0 {
            tracing::error!(
                forgotten,
                AGENTS_MAX,
                "too many agents to watch; those longest silent are forgotten"
            );
        }
        Ok(self.keep(&note)?)
    }

    /// An operator says that the agent on `host` comes no more.
    pub(crate) fn retire(&self, host: &HostName) -> Result<(), SinkError> {
        let read = || self.recall::<KeptFleet>(FLEET_NOTE).map(|note| (note.version(), note.content));
        let write = |version, kept: &KeptFleet| match self.keep(&Note::over(FLEET_NOTE, version, kept)) {
            Ok(()) => Ok(true),
            Err(CallError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        };
        match change_kept(read, write, |kept| kept.retire(host, self.now()))? {
            true => Ok(()),
            false => Err(CallError::Conflict { action: "retire an agent" }.into()),
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

fn moved(time: UnixMicros, span: Duration, sign: i64) -> UnixMicros {
    time.saturating_add_micros(i64::try_from(span.as_micros()).unwrap_or(i64::MAX).saturating_mul(sign))
}
