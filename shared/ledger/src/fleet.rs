//! Which agents are there, which have gone silent, and which have left on purpose.
//!
//! Pure: sightings and times come in, news comes out. Invariants: each transition is told of once; an agent that
//! said goodbye, was retired, or has been missing for long is missed no more until it is heard again.

mod kept;

pub use kept::{AGENTS_MAX, FLEET_NOTE, KeptFleet, change_kept};

use headrig_contract::{HostName, UnixMicros};
use std::{collections::BTreeMap, time::Duration};

/// How long silence may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// An agent that was not heard for longer is missing.
    pub missing_after: Duration,
    /// One that was not heard for longer is taken for gone for good.
    pub gone_after: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { missing_after: Duration::from_mins(10), gone_after: Duration::from_hours(7 * 24) }
    }
}

/// What was noticed of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    /// It sent its heartbeat, or a chunk.
    Heard,
    /// It was stopped on purpose and said so.
    Farewell,
    /// An operator says that it comes no more.
    Retired,
}

/// How an agent stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is heard.
    Present,
    /// It ought to be heard and is not.
    Missing,
    /// It is not expected: it left on purpose, or long ago.
    Gone,
}

/// What is known of one agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// When it was last noticed.
    pub noticed: UnixMicros,
    /// How it stands.
    pub presence: Presence,
}

/// Every agent that was ever heard, by its host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    agents: BTreeMap<HostName, Agent>,
}

/// What has changed: one message, if there is anything. The caller keeps the fleet only when it is told, so that
/// a message that failed comes again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetNews {
    /// They were there and are not heard any more.
    pub missing: Vec<HostName>,
    /// They were missing and are heard again.
    pub returned: Vec<HostName>,
    /// They have been missing for so long that they are not expected any more.
    pub gone: Vec<HostName>,
}

impl Fleet {
    /// A fleet of which this was kept.
    pub fn of(agents: impl IntoIterator<Item = (HostName, Agent)>) -> Self {
        Self { agents: agents.into_iter().collect() }
    }

    /// Every agent, to be kept.
    pub fn agents(&self) -> impl Iterator<Item = (&HostName, &Agent)> {
        self.agents.iter()
    }

    /// The agent on `host`, if it was ever heard.
    pub fn agent(&self, host: &HostName) -> Option<&Agent> {
        self.agents.get(host)
    }

    /// Takes note of a sighting. One that is older than what is known says nothing: it came late. Of the same time,
    /// a farewell counts.
    pub fn notice(&mut self, host: &HostName, sighting: Sighting, at: UnixMicros, news: &mut FleetNews) {
        let known = self.agents.get(host);
        if known.is_some_and(|agent| agent.noticed > at || agent.noticed == at && sighting == Sighting::Heard)
        {
            return;
        }
        let presence = match sighting {
            Sighting::Heard => Presence::Present,
            Sighting::Farewell | Sighting::Retired => Presence::Gone,
        };
        let was_missing = known.is_some_and(|agent| agent.presence == Presence::Missing);
        if was_missing && presence == Presence::Present {
            news.returned.push(host.clone());
        }
        self.agents.insert(host.clone(), Agent { noticed: at, presence });
    }

    /// Finds who has gone silent. All sightings up to `heard_until` must have been noticed: where the metrics
    /// could not be read, silence is ours and not the agents'.
    pub fn judge(&mut self, heard_until: UnixMicros, patience: &Patience, news: &mut FleetNews) {
        for (host, agent) in &mut self.agents {
            let silence_micros = heard_until.micros_since(agent.noticed);
            let is_over =
                |limit: Duration| silence_micros > i64::try_from(limit.as_micros()).unwrap_or(i64::MAX);
            match agent.presence {
                Presence::Present if is_over(patience.missing_after) => {
                    agent.presence = Presence::Missing;
                    news.missing.push(host.clone());
                }
                Presence::Missing if is_over(patience.gone_after) => {
                    agent.presence = Presence::Gone;
                    news.gone.push(host.clone());
                }
                _ => {}
            }
        }
    }

    /// How many agents are missing.
    pub fn missing(&self) -> usize {
        self.agents.values().filter(|agent| agent.presence == Presence::Missing).count()
    }
}

impl Presence {
    /// Its name, for people and programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Missing => "missing",
            Self::Gone => "gone",
        }
    }
}

impl FleetNews {
    /// Whether there is nothing to tell.
    pub const fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.returned.is_empty() && self.gone.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { missing_after: Duration::from_secs(10), gone_after: Duration::from_secs(100) };

    fn host(name: &str) -> HostName {
        HostName::from_lossy(name)
    }

    /// Lets one agent be noticed and judged second by second, and says in which seconds there was which news.
    fn check(sightings: &[(i64, Sighting)], until: i64, expect: &[(i64, &str)]) {
        let mut fleet = Fleet::default();
        let mut told = Vec::new();
        for second in 0..=until {
            let now = UnixMicros::from_seconds(second);
            let mut news = FleetNews::default();
            for (_, sighting) in sightings.iter().filter(|(at, _)| *at == second) {
                fleet.notice(&host("web"), *sighting, now, &mut news);
            }
            fleet.judge(now, &PATIENCE, &mut news);
            let FleetNews { missing, returned, gone } = news;
            told.extend(missing.iter().map(|_| (second, "missing")));
            told.extend(returned.iter().map(|_| (second, "returned")));
            told.extend(gone.iter().map(|_| (second, "gone")));
        }
        assert_eq!(told, expect, "{sightings:?}");
    }

    #[test]
    fn silence_is_told_once_and_so_is_its_end() {
        use Sighting::{Farewell, Heard, Retired};
        check(&[(0, Heard), (9, Heard)], 19, &[]);
        check(&[(0, Heard)], 500, &[(11, "missing"), (101, "gone")]);
        check(&[(0, Heard), (50, Heard)], 70, &[(11, "missing"), (50, "returned"), (61, "missing")]);
        check(&[(0, Heard), (5, Farewell)], 500, &[]);
        check(&[(0, Heard), (20, Retired)], 500, &[(11, "missing")]);
        check(&[(0, Heard), (5, Farewell), (300, Heard)], 320, &[(311, "missing")]);
    }

    #[test]
    fn a_late_sighting_does_not_undo_a_farewell() {
        let (mut fleet, mut news) = (Fleet::default(), FleetNews::default());
        fleet.notice(&host("web"), Sighting::Farewell, UnixMicros(9), &mut news);
        fleet.notice(&host("web"), Sighting::Heard, UnixMicros(8), &mut news);
        fleet.judge(UnixMicros::from_seconds(99), &PATIENCE, &mut news);
        assert!(news.is_empty() && fleet.missing() == 0);
    }

    #[test]
    fn a_farewell_in_the_minute_of_a_heartbeat_counts_in_either_order() {
        for order in [[Sighting::Heard, Sighting::Farewell], [Sighting::Farewell, Sighting::Heard]] {
            let (mut fleet, mut news) = (Fleet::default(), FleetNews::default());
            for sighting in order {
                fleet.notice(&host("web"), sighting, UnixMicros(9), &mut news);
            }
            fleet.judge(UnixMicros::from_seconds(99), &PATIENCE, &mut news);
            assert!(news.is_empty() && fleet.missing() == 0, "{order:?}");
        }
    }

    #[test]
    fn hosts_that_fall_silent_together_are_told_of_together() {
        let (mut fleet, mut news) = (Fleet::default(), FleetNews::default());
        for name in ["a", "b", "c"] {
            fleet.notice(&host(name), Sighting::Heard, UnixMicros(1), &mut news);
        }
        fleet.judge(UnixMicros::from_seconds(99), &PATIENCE, &mut news);
        assert_eq!(news, FleetNews { missing: ["a", "b", "c"].map(host).to_vec(), ..FleetNews::default() });
        let kept = Fleet::of(fleet.agents().map(|(host, agent)| (host.clone(), *agent)));
        assert_eq!((kept.missing(), kept), (3, fleet));
    }
}
