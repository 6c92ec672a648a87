//! Telling people: what, why, and what to type, and no more often than is of use.
//!
//! What is told once is remembered by its topic until it may be told again. It is remembered after it was told, so
//! that a message which failed comes again; should remembering fail, people hear of it twice.

use crate::{notes::Note, ports::CallError, sink::Sink};
use headrig_contract::ContentHash;
use headrig_ledger::Ledger;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};

/// How long nobody is told again of an object that cannot be taken in.
const KEY_REMINDER: Duration = Duration::from_hours(7 * 24);
/// The same of a job that cannot be started.
const JOB_REMINDER: Duration = Duration::from_hours(24);
/// The most topics that are remembered. With more, those soonest to be told again go.
const TOPICS_MAX: usize = 4_000;
/// The most items that one message names.
pub(crate) const NAMED_MAX: usize = 20;
/// The longest line of a message, in bytes: a message of SNS has at most 256 KB.
const LINE_BYTES_MAX: usize = 4_096;

/// Something that people are to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    topic: String,
    line: String,
    reminder: Duration,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Told {
    /// By the topic's hash, until when nobody is told again, in microseconds.
    until: BTreeMap<String, i64>,
}

impl News {
    /// An object cannot be taken in.
    pub(crate) fn of_key(key: &str, reason: String) -> Self {
        let line = format!(
            "{key:?}: {reason}\n    it is not in the ledger; once it is mended, store it again, or wait for the sweep"
        );
        Self { topic: format!("key {key}"), line, reminder: KEY_REMINDER }
    }

    /// Runs cannot be started.
    pub(crate) fn of_job(reason: String) -> Self {
        let line = format!(
            "{reason}\n    nothing is lost, the batches wait and are tried again; to start them at once, once it is mended: headrig status, then headrig wake BATCH"
        );
        Self { topic: "job".into(), line, reminder: JOB_REMINDER }
    }
}

impl<L: Ledger> Sink<'_, L> {
    /// Whether people know of these objects.
    pub(crate) fn tell_refused(&self, news: &[News]) -> bool {
        match self.tell_once("headrig: objects cannot be taken in", news) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "nobody could be told of objects that cannot be taken in");
                false
            }
        }
    }

    /// Tells of what has not been told of, in one message.
    pub(crate) fn tell_once(&self, subject: &str, news: &[News]) -> Result<(), CallError> {
        if news.is_empty() {
            return Ok(());
        }
        let now = self.now();
        let mut told: Note<Told> = self.recall("told")?;
        told.content.until.retain(|_, until| *until > now.0);
        let fresh: Vec<&News> =
            news.iter().filter(|news| !told.content.until.contains_key(&shortened(&news.topic))).collect();
        if fresh.is_empty() {
            return Ok(());
        }
        self.ports.notifier.tell(subject, &listed(fresh.iter().map(|news| news.line.as_str())))?;
        for news in fresh {
            let until =
                now.saturating_add_micros(i64::try_from(news.reminder.as_micros()).unwrap_or(i64::MAX));
            told.content.until.insert(shortened(&news.topic), until.0);
        }
        told.content.shrink();
        if let Err(error) = self.keep(&told) {
            tracing::warn!(%error, "this may be told twice");
        }
        Ok(())
    }
}

impl Told {
    fn shrink(&mut self) {
        while self.until.len() > TOPICS_MAX {
            let soonest = self.until.iter().min_by_key(|(_, until)| **until).map(|(topic, _)| topic.clone());
            soonest.and_then(|topic| self.until.remove(&topic));
        }
    }
}

/// The lines, each once, as many as a message takes.
pub(crate) fn listed<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut seen = Vec::new();
    for line in lines {
        if !seen.contains(&line) {
            seen.push(line);
        }
    }
    let mut text = String::new();
    for line in seen.iter().take(NAMED_MAX) {
        text.push_str(&line[..line.floor_char_boundary(LINE_BYTES_MAX)]);
        text.push('\n');
    }
    if seen.len() > NAMED_MAX {
        text.push_str(&format!(
            "and {} more; headrig status and the log name them\n",
            seen.len() - NAMED_MAX
        ));
    }
    text
}

fn shortened(topic: &str) -> String {
    ContentHash::of(topic.as_bytes()).to_string()[..24].into()
}
