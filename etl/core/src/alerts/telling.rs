//! The alerts over the ports: recall the state, take in what came, keep it, tell, and note that it was told.
//!
//! Who was heard is kept first, since hearing it again changes nothing; then the state, then what is told as silent.
//! The state is kept before anybody is told, with the mark that somebody tells: whoever is quicker in keeping it tells,
//! the other reads anew, finds the batch absorbed and leaves the telling, also of what it adds, to the first. What could
//! not be told stays in the outbox and is told next time. A mark of somebody who died lapses. Should noting fail that
//! people were told, they hear of it twice; they never hear of nothing.

use super::{
    Alerts, Figures, Minutes, Notice, State,
    absorb::{Raised, remark, silence},
    heard::Heard,
};
use headrig_contract::UnixMicros;
use headrig_notices::{CallError, NOTE_BYTES_MAX, NoteBook, Notifier};
use serde::{Serialize, de::DeserializeOwned};

pub use super::absorb::Raised as Figure;

/// The note that holds the state.
pub const NOTE: &str = "alerts";
/// The note that holds who was heard, where an alert listens for silence.
pub const HEARD_NOTE: &str = "alerts-heard";
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
        match try_once(alerts, came, notes, now) {
            Err(CallError::Conflict { .. }) if tries < TRIES_MAX => tries += 1,
            Err(error) => return Err(error),
            Ok(Kept::Nothing) => return Ok(Vec::new()),
            Ok(Kept::ForOther(fresh)) => return Ok(fresh),
            Ok(Kept::Ours(fresh, kept)) => {
                tell(notes, notifier, *kept, now)?;
                return Ok(fresh);
            }
        }
    }
}

/// What became of what came.
enum Kept {
    /// There was nothing new.
    Nothing,
    /// These are new; another tells people, or nobody need.
    ForOther(Vec<Notice>),
    /// These are new, and the state in which it is ours to tell people.
    Ours(Vec<Notice>, Box<(Option<u64>, State)>),
}

/// Takes it all in, over the state as it is now; nothing where another was quicker.
fn try_once(
    alerts: &Alerts,
    came: &[Came<'_>],
    notes: &dyn NoteBook,
    now: UnixMicros,
) -> Result<Kept, CallError> {
    let minute = Minutes::of(now);
    let (version, state) = recall::<State>(notes, NOTE)?;
    let is_readable = state.is_some();
    let mut state = state.unwrap_or_default();
    let before = state.clone();
    let waiting = state.outbox.clone();
    if !is_readable {
        begun_anew(&mut state, NOTE, minute);
    }
    let listened = if alerts.silences().next().is_some() {
        listen(alerts, came, (notes, &mut state), minute)?
    } else {
        None
    };
    came.iter().for_each(|came| one(alerts, &mut state, came, now));
    let is_ours = !state.outbox.is_empty() && !state.is_being_told(now);
    if is_ours {
        state.telling = Some(now.0);
    } else if state == before {
        return Ok(Kept::Nothing);
    }
    let fresh = state.outbox.iter().filter(|notice| !waiting.contains(notice)).cloned().collect();
    let version = keep(notes, NOTE, version, &state)?;
    if let Some(listened) = listened {
        note_silences(alerts, notes, listened, minute);
    }
    Ok(if is_ours { Kept::Ours(fresh, Box::new((version, state))) } else { Kept::ForOther(fresh) })
}

fn one(alerts: &Alerts, state: &mut State, came: &Came<'_>, now: UnixMicros) {
    match came {
        Came::Batch(batch, figures) => alerts.absorb(state, batch, figures, now),
        Came::Time => {}
        Came::Seen(figure, group, text) => alerts.raise(state, *figure, group, text, now),
    }
}

/// Who was heard, with the version of its note.
type Listened = (Option<u64>, Heard);

/// Notes whom the batches that are new were heard of, and posts who fell silent. Returns what is to be kept when the
/// state is, where somebody fell silent.
fn listen(
    alerts: &Alerts,
    came: &[Came<'_>],
    (notes, state): (&dyn NoteBook, &mut State),
    now: Minutes,
) -> Result<Option<Listened>, CallError> {
    let (mut version, heard) = recall::<Heard>(notes, HEARD_NOTE)?;
    if heard.is_none() {
        begun_anew(state, HEARD_NOTE, now);
    }
    let before = heard.clone();
    let mut heard = heard.unwrap_or_default();
    let mut left_out = 0;
    for came in came {
        if let Came::Batch(batch, figures) = came
            && !state.knows(batch)
        {
            left_out += heard.hear(alerts, &figures.sites, now);
        }
    }
    if left_out > 0 {
        let text = format!(
            "more hosts and sources are heard than are listened for: the silence of {left_out} of a batch would not be \
             told; give the alert of figure silence a match for the sources that matter"
        );
        remark(state, "silence", text, now);
    }
    if before.as_ref() != Some(&heard) {
        version = keep(notes, HEARD_NOTE, version, &heard)?;
    }
    let silences = heard.silences(alerts, now);
    if silences.is_empty() {
        return Ok(None);
    }
    state.post(silences.iter().map(|silent| silence(silent, now)).collect());
    Ok(Some((version, heard)))
}

/// Keeps it that people are told of those who fell silent: their notices are kept by now. Should it fail, they come twice.
fn note_silences(alerts: &Alerts, notes: &dyn NoteBook, (mut version, mut heard): Listened, now: Minutes) {
    for _ in 0..TRIES_MAX {
        match keep(notes, HEARD_NOTE, version, &heard) {
            Err(CallError::Conflict { .. }) => {}
            _ => return,
        }
        let Ok((newer, Some(known))) = recall::<Heard>(notes, HEARD_NOTE) else { return };
        (version, heard) = (newer, known);
        // Whoever was heard meanwhile is not silent; all others were, and are told of already.
        heard.silences(alerts, now);
    }
}

/// A note as it was kept: empty where there is none yet, nothing where it cannot be read.
fn recall<T: DeserializeOwned + Default>(
    notes: &dyn NoteBook,
    name: &str,
) -> Result<(Option<u64>, Option<T>), CallError> {
    Ok(match notes.read(name)? {
        Some((version, bytes)) => (Some(version), serde_json::from_slice(&bytes).ok()),
        None => (None, Some(T::default())),
    })
}

/// Tells that the note of that name cannot be read.
fn begun_anew(state: &mut State, note: &str, now: Minutes) {
    let text = format!(
        "the note `{note}`, which alerts remember by, was unreadable and is begun anew: some may come twice, and what \
         is held against the past or awaited is not told until there is a past again"
    );
    remark(state, note, text, now);
}

/// Keeps a note, and says as which version.
fn keep(
    notes: &dyn NoteBook,
    name: &str,
    version: Option<u64>,
    content: &impl Serialize,
) -> Result<Option<u64>, CallError> {
    let action = "keep the state of the alerts";
    let bytes = serde_json::to_vec(content)
        .map_err(|error| CallError::Refused { action, reason: error.to_string() })?;
    if bytes.len() > NOTE_BYTES_MAX {
        let reason = format!("expected at most {NOTE_BYTES_MAX} bytes, found {}", bytes.len());
        return Err(CallError::Refused { action, reason });
    }
    notes.write(name, version, &bytes)?;
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
        match keep(notes, NOTE, version, &state) {
            Ok(version) => return Ok((version, state)),
            Err(CallError::Conflict { .. }) if tries < TRIES_MAX => {
                tries += 1;
                let (newer, known) = recall::<State>(notes, NOTE)?;
                (version, state) = (newer, known.unwrap_or_default());
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
    let more = news.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        text.push_str(&format!(
            "and {more} more; the run that found them lists them, in its log or its summary\n"
        ));
    }
    if untold > 0 {
        text.push_str(&format!(
            "and {untold} that were too many to be kept; the table logs has what they are of\n"
        ));
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
