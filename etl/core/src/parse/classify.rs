//! Which event a program's line tells of, with user and address taken out.
//!
//! Every parser that knows which program wrote a text calls [`classify`], whatever envelope brought it.
//! The tables of [`programs`] give each program the lines it writes, as [templates](template); a line
//! that fits none is of the program's own type. Phrases count where their program writes them, whole and
//! from its beginning: a line that merely mentions a failure is none. PAM writes through the programs that
//! use it, behind its own mark (`pam_unix(sshd:auth): ` in the message, `(pam_unix)` in the tag), so that
//! mark is looked for first.
//!
//! docs/formats/events.md is this module in words: which lines count as what, and which level they imply.

mod implied;
mod packets;
mod programs;
pub(in crate::parse) mod source;
mod template;
mod windows;

use super::audit::line as audit_line;
use super::level::severity_of_word;
use super::text::number;
use crate::event::{Event, EventType};
use programs::Told;
use std::borrow::Cow;
pub(super) use windows::of_number as classify_windows;

/// Words that may stand before a text's own tag: a host, a facility and level.
const WORDS_BEFORE_TAG_MAX: usize = 2;
/// Bytes among which a text's own tag opens its bracket.
const TAG_BYTES_MAX: usize = 96;
/// Bytes of a text that are looked at. Programs cut what they quote far earlier.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// Sets the event's type, and user, address, level and attributes where the text implies them. `program`
/// is the syslog tag without its process id, the journal's identifier or a service's name; it may be
/// empty. What the event says already stays.
pub(super) fn classify<'a>(program: &str, message: &'a str, event: &mut Event<'a>) {
    let message = &message[..message.floor_char_boundary(TEXT_BYTES_MAX)];
    let first_line = message.lines().next().unwrap_or("").trim();
    let line = without_message_id(repeated(first_line, event));
    let name = base_name(program);
    let (event_type, severity) = match pam_text(program, line) {
        Some(text) => programs::told_by_pam(text, event).unwrap_or((EventType::Application, 0)),
        None => told(name, message, line, event),
    };
    event.event_type = event_type;
    if event.severity_number == 0 {
        let implied = Some(severity).filter(|severity| *severity != 0);
        if let Some(severity) = implied.or_else(|| implied::severity(name, line, event_type)) {
            event.set_severity(severity);
        }
    }
}

/// [`classify`] for a text that may be owned: what it finds is copied then.
pub(super) fn classify_owned<'a>(program: &str, message: Cow<'a, str>, event: &mut Event<'a>) {
    let text = match message {
        Cow::Borrowed(text) => return classify(program, text, event),
        Cow::Owned(text) => text,
    };
    let mut scratch = Event { severity_number: event.severity_number, ..Event::default() };
    classify(program, &text, &mut scratch);
    event.event_type = scratch.event_type;
    event.set_severity(scratch.severity_number);
    let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
    event.user_name = event.user_name.take().or(scratch.user_name.map(owned));
    event.src_ip = event.src_ip.take().or(scratch.src_ip.map(owned));
    event.attributes.extend(scratch.attributes.into_iter().map(|(key, value)| (owned(key), owned(value))));
}

/// [`classify`] for a text that no envelope names the program of: it may name it itself (see [`own_tag`]);
/// else only what nobody else writes counts.
pub(super) fn classify_plain<'a>(text: &'a str, event: &mut Event<'a>) {
    match own_tag(text) {
        Some(tag) => {
            event.service = event.service.take().or(Some(tag.name.into()));
            event.pid = event.pid.or(tag.pid);
            classify(tag.name, tag.message, event);
        }
        None => classify("", text, event),
    }
}

/// [`classify_plain`] for a text whose parser found type and level already: only a tag of its own and what
/// nobody else writes change them. Quick where there is neither.
pub(super) fn classify_unnamed<'a>(text: &'a str, event: &mut Event<'a>) {
    // A logger's name says that the text is another's than the tag's in it.
    if event.service.is_none() && own_tag(text).is_some() {
        return classify_plain(text, event);
    }
    let line = &text[..memchr::memchr(b'\n', text.as_bytes()).unwrap_or(text.len())];
    if let Some((event_type, _)) = by_anybody(text, line.trim(), event) {
        event.event_type = event_type;
        if let Some(severity) = implied::severity("", line, event_type)
            && event.severity_number == 0
        {
            event.set_severity(severity);
        }
    }
}

/// What a text says of its program itself.
pub(super) struct OwnTag<'a> {
    /// The word before the tag, where that is one alone.
    pub(super) host: Option<&'a str>,
    /// A program that is known here.
    pub(super) name: &'a str,
    pub(super) pid: Option<i64>,
    pub(super) message: &'a str,
}

/// The tag that a text begins with: `sshd[812]: …`, behind two words at most (`web1 sshd[812]: …`,
/// `authpriv.warn dropbear[812]: …`). Only programs that are known here count: anything else may be a
/// sentence.
pub(super) fn own_tag(text: &str) -> Option<OwnTag<'_>> {
    let front = &text.as_bytes()[..text.len().min(TAG_BYTES_MAX)];
    let open = memchr::memchr(b'[', front)?;
    let close = open + memchr::memchr(b']', &front[open..])?;
    let pid = number(&text[open + 1..close])?;
    let message = text[close + 1..].strip_prefix(": ")?;
    let mut words = text[..open].rsplitn(WORDS_BEFORE_TAG_MAX + 2, ' ');
    let name = words.next().filter(|name| programs::known(base_name(name)).is_some())?;
    let (before, more) = (words.next(), words.count());
    let host = before.filter(|word| more == 0 && !is_priority(word));
    (more < WORDS_BEFORE_TAG_MAX).then_some(OwnTag { host, name, pid: Some(pid), message })
}

/// `[sshd] …` and `[sshd]: …`, as metalog writes behind its time.
pub(super) fn bracketed_tag(text: &str) -> Option<OwnTag<'_>> {
    let (name, message) = text.strip_prefix('[')?.split_once(']')?;
    let message = message.trim_start_matches(':').trim_start();
    programs::known(base_name(name)).map(|_| OwnTag { host: None, name, pid: None, message })
}

/// `authpriv.warn`: a facility and a level.
fn is_priority(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(_, level)| severity_of_word(level).is_some())
}

fn told<'a>(name: &str, message: &'a str, line: &'a str, event: &mut Event<'a>) -> Told {
    let text = after_level(line);
    let text = text.strip_suffix(" [preauth]").unwrap_or(text);
    let Some(known) = programs::known(name) else {
        let told = match name {
            "" => by_anybody(message, text, event),
            _ => None,
        };
        return told.or_else(|| init_script(line)).unwrap_or((EventType::Application, 0));
    };
    // Windows' events are the only ones that go on below their first line.
    let whole = || if memchr::memchr(b'\n', message.as_bytes()).is_some() { message } else { line };
    let read = known.reader.and_then(|read| read(whole(), event));
    let told = read.or_else(|| programs::told_by(known, text, event));
    let told = told.or_else(|| programs::more_failures(text, event)).or_else(|| init_script(line));
    told.unwrap_or((known.event_type, 0))
}

/// A text without a program: only what nobody else writes.
fn by_anybody<'a>(message: &'a str, text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let told = programs::told_by_anybody(text, event).or_else(|| packets::netfilter_alone(text, event));
    told.or_else(|| windows::event_alone(message, event))
}

/// What init scripts write under any program's name.
fn init_script(line: &str) -> Option<Told> {
    let rest = line.strip_suffix(" succeeded").or_else(|| line.strip_suffix(" failed"))?;
    (rest.ends_with("startup") || rest.ends_with("shutdown")).then_some((EventType::Service, 0))
}

/// What PAM says, where the line is PAM's, whichever program carries it: `pam_unix(sshd:auth): …`, or as
/// older modules write, `(pam_unix) …` and `pam_unix: …`.
fn pam_text<'a>(program: &str, line: &'a str) -> Option<&'a str> {
    if program.contains("(pam_") {
        return Some(line);
    }
    let (mark, text) = match line.strip_prefix("(pam_") {
        Some(rest) => rest.split_once(") ")?,
        None => line.strip_prefix("pam_")?.split_once(": ")?,
    };
    // libpam's own functions are named alike: `pam_authenticate: Authentication failure`.
    let bare = !line.starts_with('(') && !mark.ends_with(')');
    if bare && !text.starts_with("authentication failure;") {
        return None;
    }
    let module = mark.split('(').next().unwrap_or(mark);
    module.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(text)
}

/// The line that a syslog daemon says came several times: `message repeated 5 times: [ … ]`.
fn repeated<'a>(line: &'a str, event: &mut Event<'a>) -> &'a str {
    let inner = line.strip_prefix("message repeated ").and_then(|rest| {
        let (count, rest) = rest.split_once(" times: [")?;
        Some((count, rest.trim_start().strip_suffix(']')?))
    });
    match inner {
        Some((count, text)) => {
            event.attribute("repeated", count);
            text
        }
        None => line,
    }
}

/// The line after `[ID 800047 auth.info] `, which Solaris puts before every message.
fn without_message_id(line: &str) -> &str {
    let rest = line.strip_prefix("[ID ").and_then(|rest| rest.split_once("] "));
    rest.map_or(line, |(_, text)| text)
}

/// The line after `error: ` or `fatal: `, which programs put before their usual phrases; PostgreSQL's
/// word for info is `LOG`.
fn after_level(line: &str) -> &str {
    match line.split_once(": ") {
        Some((word, text)) if word == "LOG" || severity_of_word(word).is_some() => text.trim_start(),
        _ => line,
    }
}

/// `/usr/sbin/cron`, `su(pam_unix)` and `gdm-password]` by the program's name alone.
fn base_name(program: &str) -> &str {
    let path = program.starts_with('/');
    let name = if path { program.rsplit('/').next().unwrap_or(program) } else { program };
    name.split(['(', '[', ']']).next().unwrap_or(name)
}

#[cfg(test)]
mod tests;
