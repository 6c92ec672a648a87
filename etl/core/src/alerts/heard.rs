//! Which hosts' sources were heard, and when: what the alerts of figure `silence` remember.
//!
//! A note of its own, since a fleet has more sources than an attack is remembered by. It holds those only that an alert
//! listens for, and that its silence is still news of. Time is that of who listens. Invariants: as JSON it fits its
//! note; a source that was heard for longer is never forgotten for one that is new; no alert changes what another hears.

use super::{Alert, Alerts, Minutes, state::json_bytes};
use headrig_notices::NOTE_BYTES_MAX;
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// How many windows without a pause a host's source has to be heard before its silence is news.
const REGULAR_WINDOWS: i64 = 3;

/// When each host's sources were heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Heard {
    /// By host, and by source.
    hosts: BTreeMap<String, BTreeMap<String, Source>>,
}

/// When a source was heard last; and by the window of the alerts that listen, how regularly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Source(Minutes, BTreeMap<Minutes, Run>);

/// Since when no pause was as long as the window, and whether people know that this one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run(Minutes, bool);

/// An alert, a host and its source, since when it is silent.
pub(super) type Silence<'a> = (&'a Alert, String, String, Minutes);

impl Heard {
    /// Notes that these were heard. Returns how many do not fit and are not listened for.
    pub(super) fn hear(
        &mut self,
        alerts: &Alerts,
        sites: &BTreeSet<(String, String)>,
        now: Minutes,
    ) -> usize {
        self.forget(alerts, now);
        for (host, source) in sites {
            let windows: BTreeSet<Minutes> =
                listening(alerts, host, source).map(|alert| alert.window).collect();
            if !windows.is_empty() {
                let sources = self.hosts.entry(host.clone()).or_default();
                let heard = sources.entry(source.clone()).or_insert_with(|| Source(now, BTreeMap::new()));
                heard.hear(windows, now);
            }
        }
        self.fit()
    }

    /// What fell silent and nobody was told of. From now on people are taken to know.
    pub(super) fn silences<'a>(&mut self, alerts: &'a Alerts, now: Minutes) -> Vec<Silence<'a>> {
        let mut silences = Vec::new();
        for (host, sources) in &mut self.hosts {
            for (source, Source(last, runs)) in sources {
                for (window, run) in runs {
                    if run.is_news(*last, *window) && now.0 - last.0 > window.0 {
                        run.1 = true;
                        let told = listening(alerts, host, source).filter(|alert| alert.window == *window);
                        silences.extend(told.map(|alert| (alert, host.clone(), source.clone(), *last)));
                    }
                }
            }
        }
        silences
    }

    /// Forgets what is as good as new: silent for longer than every window, and no news.
    fn forget(&mut self, alerts: &Alerts, now: Minutes) {
        for (host, sources) in &mut self.hosts {
            sources.retain(|source, Source(last, runs)| {
                runs.retain(|window, _| listening(alerts, host, source).any(|alert| alert.window == *window));
                runs.iter().any(|(window, run)| now.0 - last.0 <= window.0 || run.is_news(*last, *window))
            });
        }
        self.hosts.retain(|_, sources| !sources.is_empty());
    }

    /// Keeps within the note: those that were heard for the shortest time go, and are counted.
    fn fit(&mut self) -> usize {
        let mut bytes = json_bytes(self);
        if bytes <= NOTE_BYTES_MAX {
            return 0;
        }
        let mut sites: Vec<(Minutes, String, String, usize)> = Vec::new();
        for (host, sources) in &self.hosts {
            for (source, heard) in sources {
                // The host's name is not counted: others may stay that have it.
                let size = json_bytes(source) + json_bytes(heard);
                sites.push((heard.since(), host.clone(), source.clone(), size));
            }
        }
        sites.sort_unstable_by_key(|(since, ..)| Reverse(*since));
        let mut left_out = 0;
        for (_, host, source, size) in sites {
            if bytes <= NOTE_BYTES_MAX {
                break;
            }
            let Some(sources) = self.hosts.get_mut(&host) else { continue };
            sources.remove(&source);
            bytes = bytes.saturating_sub(size + 1);
            if sources.is_empty() {
                self.hosts.remove(&host);
                bytes = bytes.saturating_sub(json_bytes(&host));
            }
            left_out += 1;
        }
        left_out
    }
}

impl Source {
    fn hear(&mut self, windows: BTreeSet<Minutes>, now: Minutes) {
        let Self(last, runs) = self;
        for (window, run) in runs.iter_mut() {
            let since = if now.0 - last.0 > window.0 { now } else { run.0 };
            *run = Run(since, false);
        }
        for window in windows {
            runs.entry(window).or_insert(Run(now, false));
        }
        *last = now.max(*last);
    }

    /// Since when it is heard, by the alert that is the most patient.
    fn since(&self) -> Minutes {
        self.1.values().map(|run| run.0).min().unwrap_or(self.0)
    }
}

impl Run {
    /// Whether silence is news: it was heard regularly, and nobody knows of it.
    const fn is_news(self, last: Minutes, window: Minutes) -> bool {
        !self.1 && last.0 - self.0.0 >= REGULAR_WINDOWS * window.0
    }
}

/// The alerts that listen for the host's source.
fn listening<'a, 's>(
    alerts: &'a Alerts,
    host: &'s str,
    source: &'s str,
) -> impl Iterator<Item = &'a Alert> + use<'a, 's> {
    let site = crate::conditions::Site { host, source, path: "" };
    alerts.silences().filter(move |alert| alert.conditions.hold_at(&site))
}
