//! The alerts over the ports: recall the state, take in what came, keep it, tell, and note that it was told.
//!
//! The state is kept before anybody is told: whoever is quicker in keeping it tells, the other reads anew and finds the
//! batch absorbed. What could not be told stays in the outbox and is told next time. Should noting fail that people
//! were told, they hear of it twice; they never hear of nothing.

use super::{Alerts, Figures, Notice, State, absorb::Raised};
use headrig_contract::UnixMicros;
use headrig_notices::{CallError, NOTE_BYTES_MAX, NoteBook, Notifier};

pub use super::absorb::Raised as Figure;

/// The note that holds the state.
pub const NOTE: &str = "alerts";
/// How often the state is read anew because another was quicker.
const TRIES_MAX: usize = 8;
/// The most notices that one message names.
const NAMED_MAX: usize = 20;
/// What is over for so long is history: it is listed to who runs the batch, and wakes nobody.
const NEWS_MICROS: i64 = 7 * 86_400 * 1_000_000;

/// What came to be looked at.
#[derive(Clone, Copy, Debug)]
pub enum Came<'c> {
    /// A batch was committed, with these figures.
    Batch(&'c str, &'c Figures),
    /// Time went by.
    Time,
    /// Something that is not in lines: about what or whom, and what, in words.
    Seen(Raised, &'c str, &'c str),
}

/// Takes in what came, and tells people. Returns what is new, told or history.
///
/// # Errors
/// When the state cannot be read or kept: then nothing was taken in. When nobody could be told: then it is told next
/// time.
pub fn take_in(
    alerts: &Alerts,
    came: &[Came<'_>],
    notes: &dyn NoteBook,
    notifier: &dyn Notifier,
    now: UnixMicros,
) -> Result<Vec<Notice>, CallError> {
    let mut tries = 1;
    loop {
        let (version, mut state) = recall(notes)?;
        let before = state.clone();
        let waiting = state.outbox.clone();
        came.iter().for_each(|came| one(alerts, &mut state, came, now));
        if state == before && state.outbox.is_empty() {
            return Ok(Vec::new());
        }
        let fresh: Vec<Notice> =
            state.outbox.iter().filter(|notice| !waiting.contains(notice)).cloned().collect();
        match keep(notes, version, &state) {
            Err(CallError::Conflict { .. }) if tries < TRIES_MAX => tries += 1,
            Err(error) => return Err(error),
            Ok(version) => {
                tell(notes, notifier, version, state, now)?;
                return Ok(fresh);
            }
        }
    }
}

fn one(alerts: &Alerts, state: &mut State, came: &Came<'_>, now: UnixMicros) {
    match came {
        Came::Batch(batch, figures) => {
            alerts.absorb(state, batch, figures, now);
            alerts.tick(state, now);
        }
        Came::Time => alerts.tick(state, now),
        Came::Seen(figure, group, text) => alerts.raise(state, *figure, group, text, now),
    }
}

/// The state as it was kept. One that cannot be read is begun anew: that costs a message twice.
fn recall(notes: &dyn NoteBook) -> Result<(Option<u64>, State), CallError> {
    Ok(match notes.read(NOTE)? {
        Some((version, bytes)) => (Some(version), serde_json::from_slice(&bytes).unwrap_or_default()),
        None => (None, State::default()),
    })
}

/// Keeps the state, and says as which version.
fn keep(notes: &dyn NoteBook, version: Option<u64>, state: &State) -> Result<Option<u64>, CallError> {
    let action = "keep the state of the alerts";
    let bytes = serde_json::to_vec(state)
        .map_err(|error| CallError::Refused { action, reason: error.to_string() })?;
    if bytes.len() > NOTE_BYTES_MAX {
        let reason = format!("expected at most {NOTE_BYTES_MAX} bytes, found {}", bytes.len());
        return Err(CallError::Refused { action, reason });
    }
    notes.write(NOTE, version, &bytes)?;
    Ok(Some(version.map_or(0, |version| version + 1)))
}

fn tell(
    notes: &dyn NoteBook,
    notifier: &dyn Notifier,
    version: Option<u64>,
    mut state: State,
    now: UnixMicros,
) -> Result<(), CallError> {
    let (notices, untold) = state.outbox();
    if notices.is_empty() {
        return Ok(());
    }
    let is_news = |notice: &&Notice| now.micros_since(notice.until.start()) <= NEWS_MICROS;
    let news: Vec<&Notice> = notices.iter().filter(is_news).collect();
    if let Some(first) = news.first() {
        let count = news.len() as u64 + untold;
        notifier.tell(&subject(first, count), &message(&news, untold))?;
    }
    state.told();
    match keep(notes, version, &state) {
        // Another was quicker and found the outbox full: it tells once more. Better than not at all.
        Err(CallError::Conflict { .. }) | Ok(_) => Ok(()),
        Err(error) => Err(error),
    }
}

/// One line of at most 100 ASCII characters, as SNS has it.
fn subject(first: &Notice, count: u64) -> String {
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    let subject = format!("headrig alert: {} {}{more}", first.severity.as_str(), first.alert);
    subject
        .chars()
        .map(|letter| if letter.is_ascii_graphic() || letter == ' ' { letter } else { '?' })
        .take(100)
        .collect()
}

/// The notices, a line each.
fn message(news: &[&Notice], untold: u64) -> String {
    let mut text = String::new();
    for notice in news.iter().take(NAMED_MAX) {
        text.push_str(&notice.line());
        text.push('\n');
    }
    let more = news.len().saturating_sub(NAMED_MAX) as u64 + untold;
    if more > 0 {
        text.push_str(&format!("and {more} more; the tables have them\n"));
    }
    text
}

impl Notice {
    /// It in one line: how urgent, which alert, what, and when.
    pub fn line(&self) -> String {
        let time = |at: super::Minutes| {
            jiff::Timestamp::from_microsecond(at.start().0)
                .map_or_else(|_| at.0.to_string(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
        };
        let until = if self.until > self.since { format!(" to {}", time(self.until)) } else { String::new() };
        format!("{} {}: {} ({}{until} UTC)", self.severity.as_str(), self.alert, self.text, time(self.since))
    }
}
