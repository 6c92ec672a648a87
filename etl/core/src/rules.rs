//! Rules: what is dropped, sampled, redacted and relabelled before anything is written, in the configuration's order.
//!
//! A rule sees an event as the rules before it left it, and none that they dropped. Invariants: every event that came
//! to the rules is kept, dropped or sampled out, and counted as that one thing; what becomes of an event depends on
//! its bytes, its place and the rules alone, so a batch that is run again comes out the same.

mod builtin;
mod needles;
mod redact;

pub use builtin::Builtin;
pub(crate) use redact::Redaction;

use crate::{
    Event, EventType, Level,
    conditions::{Conditions, Site, table},
};
use headrig_contract::{ByteOffset, Generation, StreamId, gaps};
use std::{borrow::Cow, sync::Arc};

/// The most rules of a configuration: a bit each.
pub const RULES_MAX: usize = 64;
/// The attribute of rows that stand for several: for how many.
pub const SAMPLED_ONE_OF: &str = "sampled_one_of";

/// The rules of a configuration, in their order. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Rules(Option<Arc<Compiled>>);

#[derive(Debug)]
struct Compiled {
    rules: Vec<Rule>,
    /// For each level and event type, the rules that may hold, a bit each.
    table: [[u64; EventType::ALL.len()]; Level::ALL.len()],
}

/// One rule, checked.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) conditions: Conditions,
    pub(crate) action: Action,
}

/// What becomes of an event that a rule is for.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Drop,
    /// One of so many is kept.
    Sample(u32),
    Redact(Box<Redaction>),
    Relabel(Box<Relabelling>),
}

/// What a rule sets and removes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Relabelling {
    pub(crate) level: Option<Level>,
    pub(crate) event_type: Option<EventType>,
    pub(crate) service: Option<String>,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) remove: Vec<String>,
}

/// What one rule did, in events.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RuleCounts {
    /// The rule's name.
    pub name: String,
    /// Events that came to it.
    pub seen: u64,
    /// Of those, events that its conditions held for.
    pub matched: u64,
    /// Of those, events that were dropped.
    pub dropped: u64,
    /// Of those, events that are not in the sample.
    pub sampled_out: u64,
    /// Values that were redacted, each once for each event.
    pub redacted: u64,
}

/// What the rules made of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    Drop,
    SampleOut,
}

/// Where an event's bytes begin: what a sample is drawn by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At {
    pub(crate) strand: (StreamId, Generation),
    pub(crate) offset: ByteOffset,
}

/// The rules at work on one batch.
#[derive(Debug)]
pub(crate) struct RuleRun {
    rules: Option<Arc<Compiled>>,
    /// The rules whose conditions on the place hold for the piece at hand.
    here: u64,
    events: u64,
    counts: Vec<RuleCounts>,
    redactor: redact::Scratch,
}

impl Rules {
    pub(crate) fn new(rules: Vec<Rule>) -> Self {
        if rules.is_empty() {
            return Self(None);
        }
        let table = table(rules.iter().map(|rule| &rule.conditions));
        Self(Some(Arc::new(Compiled { rules, table })))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    pub(crate) fn run(&self) -> RuleRun {
        let named = |rule: &Rule| RuleCounts { name: rule.name.clone(), ..RuleCounts::default() };
        let counts = self.0.iter().flat_map(|compiled| compiled.rules.iter().map(named)).collect();
        RuleRun { rules: self.0.clone(), here: 0, events: 0, counts, redactor: redact::Scratch::default() }
    }
}

impl RuleCounts {
    /// Adds what the same rule did elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.matched += other.matched;
        self.dropped += other.dropped;
        self.sampled_out += other.sampled_out;
        self.redacted += other.redacted;
    }
}

/// Adds the counts of the same rules, which are in the same order; those of a part without any are as they were.
pub fn add_rule_counts(sums: &mut Vec<RuleCounts>, counts: &[RuleCounts]) {
    for (at, count) in counts.iter().enumerate() {
        match sums.get_mut(at) {
            Some(sum) => sum.add(count),
            None => sums.push(count.clone()),
        }
    }
}

impl RuleRun {
    pub(crate) fn is_active(&self) -> bool {
        self.rules.is_some()
    }

    /// Says where the next events come from.
    pub(crate) fn enter(&mut self, site: &Site<'_>) {
        let Some(compiled) = &self.rules else { return };
        let holds = |rule: &Rule| u64::from(rule.conditions.hold_at(site));
        self.here = compiled.rules.iter().enumerate().fold(0, |bits, (at, rule)| bits | holds(rule) << at);
    }

    /// Does to the event what the rules say. `line` is the event as it was read, `raw` what is kept of it.
    pub(crate) fn apply<'a>(
        &mut self,
        event: &mut Event<'a>,
        line: &'a str,
        raw: &mut Option<Cow<'a, str>>,
        at: At,
    ) -> Verdict {
        let Self { rules: Some(compiled), here, events, counts, redactor } = self else {
            return Verdict::Keep;
        };
        *events += 1;
        let mut next = 0;
        loop {
            let may_hold = compiled.table[event.level as usize][event.event_type as usize];
            let left = *here & may_hold & u64::MAX.checked_shl(next).unwrap_or(0);
            if left == 0 {
                return Verdict::Keep;
            }
            next = left.trailing_zeros();
            let (rule, counts) = (&compiled.rules[next as usize], &mut counts[next as usize]);
            next += 1;
            if !rule.conditions.hold_in(event, line) {
                continue;
            }
            counts.matched += 1;
            match &rule.action {
                Action::Drop => {
                    counts.dropped += 1;
                    return Verdict::Drop;
                }
                Action::Sample(one_of) if !is_in_sample(&rule.name, *one_of, at) => {
                    counts.sampled_out += 1;
                    return Verdict::SampleOut;
                }
                Action::Sample(one_of) => mark_sampled(event, *one_of),
                Action::Redact(redaction) => {
                    counts.redacted += redaction.apply(event, line, raw, redactor);
                }
                Action::Relabel(relabelling) => relabelling.apply(event),
            }
        }
    }

    /// What each rule did, once all is done.
    pub(crate) fn counts(mut self) -> Vec<RuleCounts> {
        let mut left = self.events;
        for counts in &mut self.counts {
            counts.seen = left;
            left -= counts.dropped + counts.sampled_out;
        }
        self.counts
    }
}

/// Whether the event is the one of `one_of`. By its place, not by chance: a retry draws the same sample. By the rule's
/// name as well, so that one sample of another is drawn anew.
fn is_in_sample(rule: &str, one_of: u32, At { strand, offset }: At) -> bool {
    let seed = rule.bytes().fold(0, |seed, byte| gaps::mixed(seed ^ u64::from(byte)));
    gaps::mixed(seed ^ gaps::place(strand, offset)).is_multiple_of(u64::from(one_of))
}

/// A row that stands for others says for how many; of a sample of a sample, for their product.
fn mark_sampled(event: &mut Event<'_>, one_of: u32) {
    let known = event.attributes.iter().position(|(key, _)| key == SAMPLED_ONE_OF);
    let before = known.and_then(|at| event.attributes.remove(at).1.parse::<u64>().ok()).unwrap_or(1);
    event.attribute(SAMPLED_ONE_OF, before.saturating_mul(u64::from(one_of)).to_string());
}

impl Relabelling {
    fn apply(&self, event: &mut Event<'_>) {
        if let Some(level) = self.level {
            (event.level, event.severity_number) = (level, level.severity());
        }
        if let Some(event_type) = self.event_type {
            event.event_type = event_type;
        }
        if let Some(service) = &self.service {
            event.service = Some(service.clone().into());
        }
        event.attributes.retain(|(key, _)| !self.remove.iter().any(|name| name == key));
        for (key, value) in &self.attributes {
            event.attributes.retain(|(known, _)| known != key);
            event.attribute(key.clone(), value.clone());
        }
    }
}
