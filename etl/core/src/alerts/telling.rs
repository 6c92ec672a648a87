//! The alerts over the ports: recall the state, take in what came, keep it, tell, and note that it was told.
//!
//! The state is kept before anybody is told, with the mark that somebody tells: whoever is quicker in keeping it tells,
//! the other reads anew, finds the batch absorbed and leaves the telling, also of what it adds, to the first. What could
//! not be told stays in the outbox and is told next time. A mark of somebody who died lapses. Should noting fail that
//! people were told, they hear of it twice; they never hear of nothing.

use super::{Alerts, Figures, Notice, State, absorb::Raised};
use headrig_contract::UnixMicros;
use headrig_notices::{CallError, NOTE_BYTES_MAX, NoteBook, Notifier};

pub use super::absorb::Raised as Figure;

/// The note that holds the state.
pub const NOTE: &str = "alerts";
/// How often the state is read anew because another was quicker.
const TRIES_MAX: usize = 8;
/// How often the same caller tells what others added meanwhile; what is left then, the next one tells.
const ROUNDS_MAX: usize = 8;
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
        let is_ours = !state.outbox.is_empty() && !state.is_being_told(now);
        if is_ours {
            state.telling = Some(now.0);
        } else if state == before {
            return Ok(Vec::new());
        }
        let fresh: Vec<Notice> =
            state.outbox.iter().filter(|notice| !waiting.contains(notice)).cloned().collect();
        match keep(notes, version, &state) {
            Err(CallError::Conflict { .. }) if tries < TRIES_MAX => tries += 1,
            Err(error) => return Err(error),
            Ok(version) if is_ours => {
                tell(notes, notifier, (version, state), now)?;
                return Ok(fresh);
            }
            Ok(_) => return Ok(fresh),
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

/// Tells what is in the outbox, and what others add to it meanwhile.
fn tell(
    notes: &dyn NoteBook,
    notifier: &dyn Notifier,
    mut kept: (Option<u64>, State),
    now: UnixMicros,
) -> Result<(), CallError> {
    for _ in 0..ROUNDS_MAX {
        let (notices, untold) = kept.1.outbox();
        if notices.is_empty() {
            break;
        }
        let notices = notices.to_vec();
        let is_news = |notice: &&Notice| now.micros_since(notice.until.start()) <= NEWS_MICROS;
        let news: Vec<&Notice> = notices.iter().filter(is_news).collect();
        if let Some(first) = news.first() {
            let count = news.len() as u64 + untold;
            if let Err(error) = notifier.tell(&subject(first, count), &message(&news, untold)) {
                // Whoever comes next need not wait; should this fail, it waits until the mark lapses.
                let _ = change(notes, kept, |state| state.telling = None);
                return Err(error);
            }
        }
        kept = match change(notes, kept, |state| state.told(&notices, untold)) {
            Ok(kept) => kept,
            // Others are quicker, however often: they hear of it twice. Better than not at all.
            Err(CallError::Conflict { .. }) => break,
            Err(error) => return Err(error),
        };
    }
    Ok(())
}

/// Keeps the state as changed, also where others were quicker with theirs.
fn change(
    notes: &dyn NoteBook,
    (mut version, mut state): (Option<u64>, State),
    change: impl Fn(&mut State),
) -> Result<(Option<u64>, State), CallError> {
    let mut tries = 1;
    loop {
        change(&mut state);
        match keep(notes, version, &state) {
            Ok(version) => return Ok((version, state)),
            Err(CallError::Conflict { .. }) if tries < TRIES_MAX => {
                tries += 1;
                (version, state) = recall(notes)?;
            }
            Err(error) => return Err(error),
        }
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
