//! Levels that a line implies where nothing states one.
//!
//! A failed authentication and sshd's "POSSIBLE BREAK-IN ATTEMPT" are warnings; a level at the message's
//! head is believed (`error: …`, `<warn> …`, `[info] …`,
//! `level=info …`, PostgreSQL's `LOG:  …`, the digit in Cisco's tags); the kernel's own words for a
//! fault are errors. Everything else stays unknown: success is not "info", for nobody said so.

use crate::event::EventType;
use crate::parse::level::{is_plain_level, severity_of_syslog, severity_of_word};
use crate::parse::text::number;
use memchr::memmem;

/// Bytes of a message in which a level may name itself.
const LEVEL_BYTES_MAX: usize = 100;

const INFO: i32 = 9;
const WARN: i32 = 13;
const ERROR: i32 = 17;
const FATAL: i32 = 21;

/// The severity number that a program's line implies.
pub(super) fn severity(program: &str, line: &str, event_type: EventType) -> Option<i32> {
    if event_type == EventType::AuthFailure {
        return Some(WARN);
    }
    match program {
        "kernel" | "kern" => kernel(line),
        _ if event_type == EventType::Network && line.ends_with("POSSIBLE BREAK-IN ATTEMPT!") => Some(WARN),
        _ => of_cisco(program).or_else(|| stated(line)),
    }
}

/// The level in a Cisco tag, `%FACILITY-4-NAME`.
fn of_cisco(program: &str) -> Option<i32> {
    let digit = program.strip_prefix('%')?.split('-').find(|part| part.len() == 1)?;
    severity_of_syslog(u32::try_from(number(digit)?).ok()?)
}

/// What the kernel's own words imply, behind its clock (`[   12.345678] `).
fn kernel(line: &str) -> Option<i32> {
    let clocked = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let text = clocked.map_or(line, |(_, text)| text);
    if text.starts_with("Kernel panic") {
        return Some(FATAL);
    }
    let faults = ["BUG:", "Oops", "Call Trace", "Out of memory", "Memory cgroup out of memory"];
    let anywhere = ["I/O error", " segfault at ", "general protection"];
    let has = |fault: &&str| memmem::find(text.as_bytes(), fault.as_bytes()).is_some();
    if faults.iter().any(|fault| text.starts_with(fault)) || anywhere.iter().any(has) {
        return Some(ERROR);
    }
    text.starts_with("WARNING:").then_some(WARN)
}

/// The level that a message states at its head.
fn stated(line: &str) -> Option<i32> {
    let bracketed = match line.as_bytes().first()? {
        b'<' => line[1..].split_once('>'),
        b'[' => line[1..].split_once(']'),
        _ => None,
    };
    if let Some((word, _)) = bracketed {
        return severity_of_word(word.trim()).filter(|_| is_level(word.trim()));
    }
    let word = &line[..line.find(|mark: char| !mark.is_ascii_alphanumeric())?];
    if line[word.len()..].starts_with(":  ") && word == "LOG" {
        return Some(INFO);
    }
    if line[word.len()..].starts_with(": ") {
        return severity_of_word(word).filter(|_| is_level(word));
    }
    let front = &line[..line.floor_char_boundary(LEVEL_BYTES_MAX)];
    let value = match front.strip_prefix("level=") {
        Some(value) => value,
        // Only pairs from the first word on: what a sentence quotes is another's.
        None => front.strip_prefix(word)?.strip_prefix('=').and(front.split_once(" level="))?.1,
    };
    severity_of_word(&value[..value.find(' ').unwrap_or(value.len())])
}

/// Whether a word at a message's head is a level there. `system:` and `[note]` begin sentences of other
/// meaning; in capitals they are levels.
fn is_level(word: &str) -> bool {
    is_plain_level(word) || word.bytes().all(|byte| byte.is_ascii_uppercase())
}
