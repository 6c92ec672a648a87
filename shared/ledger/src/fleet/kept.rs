//! The fleet as it is kept from one sweep to the next: a note of JSON, which the sink and the operator both change.
//!
//! It knows no place to keep it in: reading and writing are passed in. Invariant: a note is written only over the
//! version that was read, so that neither undoes the other's change.

use super::{Agent, Fleet, FleetNews, Presence, Sighting};
use headrig_contract::{HostName, UnixMicros};
use serde::{Deserialize, Serialize};

/// The note's name.
pub const FLEET_NOTE: &str = "fleet";
/// The most agents that are watched. Those that are gone make room first.
pub const AGENTS_MAX: usize = 6_000;
/// The most bytes that they take in the note, which may have 380,000 in all: with longer names there is room for fewer.
const AGENTS_BYTES_MAX: usize = 370_000;
/// What an agent takes beside its name: brackets, quotes, commas, its standing and a time of up to twenty digits.
const AGENT_BYTES: usize = 30;
/// How often a change is tried again when another writes at the same moment.
const CHANGE_TRIES_MAX: usize = 4;

/// The fleet, and up to when its agents were listened for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Note", into = "Note")]
pub struct KeptFleet {
    /// Heartbeats up to here were heard.
    pub heard_until: UnixMicros,
    /// The agents.
    pub fleet: Fleet,
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Note {
    /// In microseconds.
    heard_until: i64,
    /// Host, when it was last noticed, and how it stands: `+` present, `?` missing, `-` gone.
    agents: Vec<(String, i64, char)>,
}

impl KeptFleet {
    /// The fleet of a note.
    ///
    /// # Errors
    /// When it is none.
    pub fn of_note(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// As a note.
    ///
    /// # Errors
    /// Never: the writer's type has one.
    pub fn to_note(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// An operator says that the agent on `host` comes no more.
    pub fn retire(&mut self, host: &HostName, now: UnixMicros) {
        self.fleet.notice(host, Sighting::Retired, now, &mut FleetNews::default());
    }

    /// Forgets agents until there is room for the rest: those that are gone, then those longest silent. Returns how
    /// many.
    pub fn make_room(&mut self) -> usize {
        let size = |host: &HostName| host.as_str().len() + AGENT_BYTES;
        let (mut agents, mut bytes) =
            (self.fleet.agents.len(), self.fleet.agents.keys().map(size).sum::<usize>());
        if agents <= AGENTS_MAX && bytes <= AGENTS_BYTES_MAX {
            return 0;
        }
        let mut order: Vec<_> = self
            .fleet
            .agents
            .iter()
            .map(|(host, agent)| (agent.presence != Presence::Gone, agent.noticed, host.clone()))
            .collect();
        order.sort_unstable();
        let before = agents;
        for (.., host) in &order {
            if agents <= AGENTS_MAX && bytes <= AGENTS_BYTES_MAX {
                break;
            }
            self.fleet.agents.remove(host);
            (agents, bytes) = (agents - 1, bytes - size(host));
        }
        before - agents
    }
}

/// Changes the kept fleet, anew while others are quicker. `read` gives the note's version and content, `write`
/// writes over that version and says whether it was still the last.
///
/// # Errors
/// What `read` or `write` failed with. `Ok(false)`: others were quicker every time, and nothing is changed.
pub fn change_kept<E>(
    read: impl Fn() -> Result<(Option<u64>, KeptFleet), E>,
    write: impl Fn(Option<u64>, &KeptFleet) -> Result<bool, E>,
    change: impl Fn(&mut KeptFleet),
) -> Result<bool, E> {
    for _ in 0..CHANGE_TRIES_MAX {
        let (version, mut kept) = read()?;
        change(&mut kept);
        if write(version, &kept)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl From<Note> for KeptFleet {
    fn from(note: Note) -> Self {
        let agents = note.agents.into_iter().filter_map(|(host, noticed, mark)| {
            let presence = match mark {
                '+' => Presence::Present,
                '?' => Presence::Missing,
                _ => Presence::Gone,
            };
            Some((host.parse().ok()?, Agent { noticed: UnixMicros(noticed), presence }))
        });
        Self { heard_until: UnixMicros(note.heard_until), fleet: Fleet::of(agents) }
    }
}

impl From<KeptFleet> for Note {
    fn from(kept: KeptFleet) -> Self {
        let agents = kept.fleet.agents().map(|(host, agent)| {
            let mark = match agent.presence {
                Presence::Present => '+',
                Presence::Missing => '?',
                Presence::Gone => '-',
            };
            (host.as_str().to_owned(), agent.noticed.0, mark)
        });
        Self { heard_until: kept.heard_until.0, agents: agents.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::{Cell, RefCell};

    fn agent(noticed: i64, presence: Presence) -> Agent {
        Agent { noticed: UnixMicros(noticed), presence }
    }

    fn kept(agents: &[(&str, Agent)]) -> KeptFleet {
        let agents = agents.iter().map(|(host, agent)| (HostName::from_lossy(host), *agent));
        KeptFleet { heard_until: UnixMicros(9), fleet: Fleet::of(agents) }
    }

    #[test]
    fn a_note_is_what_the_formats_page_draws() {
        let fleet = kept(&[
            ("a", agent(1, Presence::Present)),
            ("b", agent(2, Presence::Missing)),
            ("c", agent(3, Presence::Gone)),
        ]);
        let note = fleet.to_note().unwrap();
        let expect = r#"{"heard_until":9,"agents":[["a",1,"+"],["b",2,"?"],["c",3,"-"]]}"#;
        assert_eq!(String::from_utf8(note.clone()).unwrap(), expect);
        assert_eq!(KeptFleet::of_note(&note).unwrap(), fleet);
        assert!(KeptFleet::of_note(b"[]").is_err());
    }

    #[test]
    fn room_is_made_by_those_that_are_gone_first() {
        let mut all =
            kept(&[("gone", agent(1_000_000, Presence::Gone)), ("old", agent(0, Presence::Missing))]);
        all.fleet.agents.extend(
            (0..AGENTS_MAX).map(|n| (HostName::from_lossy(&format!("h{n}")), agent(1, Presence::Present))),
        );
        assert_eq!(all.make_room(), 2);
        assert_eq!(all.fleet.agents.len(), AGENTS_MAX);
        assert!(all.fleet.agent(&HostName::from_lossy("gone")).is_none());
        assert!(all.fleet.agent(&HostName::from_lossy("old")).is_none());
        assert_eq!(all.make_room(), 0);
    }

    #[test]
    fn long_names_leave_room_for_fewer() {
        let name = |n: usize| HostName::from_lossy(&format!("{n:05}{}", "x".repeat(235)));
        let old = |n| UnixMicros(1_790_000_000_000_000 + n as i64);
        let agents =
            (0..AGENTS_MAX).map(|n| (name(n), Agent { noticed: old(n), presence: Presence::Missing }));
        let mut all = KeptFleet { heard_until: old(0), fleet: Fleet::of(agents) };
        let forgotten = all.make_room();
        assert!(all.to_note().unwrap().len() <= 380_000 && forgotten < AGENTS_MAX - 1_300, "{forgotten}");
        assert!(
            all.fleet.agent(&name(forgotten - 1)).is_none() && all.fleet.agent(&name(forgotten)).is_some()
        );
        assert_eq!(all.make_room(), 0);
    }

    #[test]
    fn a_change_is_made_over_what_others_wrote_meanwhile() {
        let host = HostName::from_lossy("web");
        for (others, expect) in [(0, true), (1, true), (3, true), (4, false)] {
            let (note, version) = (RefCell::new(kept(&[("web", agent(1, Presence::Missing))])), Cell::new(0));
            let tries = Cell::new(0);
            let read = || Ok::<_, ()>((Some(version.get()), note.borrow().clone()));
            let write = |expected: Option<u64>, next: &KeptFleet| {
                tries.set(tries.get() + 1);
                if tries.get() <= others {
                    version.set(version.get() + 1);
                    note.borrow_mut().heard_until = UnixMicros(100 + tries.get());
                }
                let is_last = expected == Some(version.get());
                if is_last {
                    note.replace(next.clone());
                }
                Ok(is_last)
            };
            let done = change_kept(read, write, |kept| kept.retire(&host, UnixMicros(50)));
            assert_eq!(done, Ok(expect), "{others} others");
            let presence = note.borrow().fleet.agent(&host).unwrap().presence;
            assert_eq!(presence == Presence::Gone, expect);
            assert_eq!(note.borrow().heard_until, UnixMicros(if others == 0 { 9 } else { 100 + others }));
        }
    }
}
