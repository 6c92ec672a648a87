//! Which event a program's line tells of, with user and address taken out.
//!
//! The table of programs (see [`table`]) gives each its phrases and what its other lines are about.
//! The first phrase that fits decides. Phrases are looked for where the program writes them and never
//! in another program's text: a line that merely mentions a failure is not one. PAM writes through the
//! programs that use it, so its phrases come first, behind its own mark (`pam_unix(sshd:auth): ` in
//! the message or `(pam_unix)` in the tag).
//!
//! Levels, where the line states none:
//! - a failed authentication, a refused privilege and sshd's "POSSIBLE BREAK-IN ATTEMPT" are warnings;
//! - a level at the message's head is believed: `error: …`, `<warn> …`, `[info] …`, `level=info …`;
//! - the kernel's `BUG:`, `Oops`, `Call Trace`, I/O errors, segfaults and lost memory are errors, its
//!   `WARNING:` a warning, its panic fatal;
//! - everything else stays unknown. Success is not "info": nobody said so.

mod table;

use super::level::severity_of_word;
use super::text::is_address;
use crate::event::{Event, EventType};
use memchr::memmem;
use table::{ANY_PROGRAM, At, PAM, PROGRAMS, Program, Rule};

/// Words after an address marker among which the address is looked for.
const ADDRESS_WORDS_MAX: usize = 5;
/// Bytes of a message in which a level may name itself.
const LEVEL_BYTES_MAX: usize = 100;

/// Sets the event's type, and user, address and level where the line implies them. `program` is the
/// syslog tag without its process id.
pub(super) fn classify<'a>(program: &str, message: &'a str, event: &mut Event<'a>) {
    let first_line = message.lines().next().unwrap_or("").trim();
    let line = repeated(first_line, event);
    let name = base_name(program);
    let (event_type, found) = match pam_text(program, line) {
        Some(text) => (EventType::Application, rule_in(PAM, text)),
        None => of_program(name, after_level(line)),
    };
    event.event_type = found.map_or(event_type, |(rule, _)| rule.2);
    if let Some(((.., users, addresses), text)) = found {
        fill_who(users, addresses, text, event);
    }
    if event.severity_number == 0
        && let Some(severity) = implied_severity(name, line, event.event_type)
    {
        event.set_severity(severity);
    }
}

type Found<'a> = Option<(&'static Rule, &'a str)>;

fn rule_in<'a>(rules: &'static [Rule], line: &'a str) -> Found<'a> {
    let stands = |(at, phrase, ..): &&Rule| match at {
        At::Start => line.starts_with(phrase),
        At::End => line.ends_with(phrase),
        At::Any => has(line, phrase),
    };
    rules.iter().find(stands).map(|rule| (rule, line))
}

/// Whether the phrase stands anywhere; quicker than [`str::contains`] for needles this short.
fn has(line: &str, phrase: &str) -> bool {
    memmem::find(line.as_bytes(), phrase.as_bytes()).is_some()
}

/// What a program's lines are about, and the phrase that says otherwise.
fn of_program<'a>(name: &str, text: &'a str) -> (EventType, Found<'a>) {
    let fits_name = |entry: &&Program| entry.names.iter().any(|pattern| fits(pattern, name));
    let known = PROGRAMS.iter().find(fits_name);
    let found = known.and_then(|entry| rule_in(entry.rules, text)).or_else(|| rule_in(ANY_PROGRAM, text));
    (known.map_or(EventType::Application, |entry| entry.event_type), found)
}

/// What PAM says, where the line is PAM's, whichever program carries it.
fn pam_text<'a>(program: &str, line: &'a str) -> Option<&'a str> {
    if program.contains("(pam_") {
        return Some(line);
    }
    line.strip_prefix("pam_")?.split_once("): ").map(|(_, text)| text)
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

/// The line after `error: ` or `fatal: `, which programs put before their usual phrases.
fn after_level(line: &str) -> &str {
    match line.split_once(": ") {
        Some((word, text)) if severity_of_word(word).is_some() => text,
        _ => line,
    }
}

fn fill_who<'a>(users: &[&str], addresses: &[&str], text: &'a str, event: &mut Event<'a>) {
    if event.user_name.is_none() {
        event.user_name = users.iter().find_map(|marker| user_after(text, marker)).map(Into::into);
    }
    if event.src_ip.is_none() {
        let address = addresses.iter().find_map(|marker| address_after(text, marker));
        event.src_ip = address.map(Into::into);
    }
}

/// The user's name behind a marker. Names end where those of Unix, mail and Windows do.
fn user_after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let start = text.find(marker)? + marker.len();
    let rest = &text[start..];
    let quotes = rest.strip_prefix(['\'', '"', '`']).unwrap_or(rest);
    let ends = |mark: char| mark.is_whitespace() || ",;'\"<>()[]:=`".contains(mark);
    let name = quotes[..quotes.find(ends).unwrap_or(quotes.len())].trim_end_matches('.');
    (!name.is_empty()).then_some(name)
}

/// The address behind a marker: the first IP address among the next words, or the next word where it
/// looks like a host's name.
fn address_after<'a>(text: &'a str, marker: &str) -> Option<&'a str> {
    let rest = &text[text.find(marker)? + marker.len()..];
    if marker.ends_with('=') && rest.starts_with([' ', '\t']) {
        return None;
    }
    let words = || {
        let ends = |mark: char| mark.is_whitespace() || "[](),;<>'\"".contains(mark);
        rest.split(ends).filter(|word| !word.is_empty()).take(ADDRESS_WORDS_MAX)
    };
    let cleaned = |word: &'a str| if is_address(word) { word } else { word.trim_end_matches(':') };
    words().map(cleaned).find(|word| is_address(word)).or_else(|| {
        let first = cleaned(words().next()?);
        let host = first.contains('.')
            && first.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        host.then_some(first)
    })
}

fn implied_severity(program: &str, line: &str, event_type: EventType) -> Option<i32> {
    let refused = has(line, "NOT in sudoers")
        || has(line, "command not allowed")
        || has(line, "POSSIBLE BREAK-IN ATTEMPT");
    if event_type == EventType::AuthFailure || refused {
        return Some(13);
    }
    match program {
        "kernel" | "kern" => kernel_severity(line),
        _ => stated_severity(line),
    }
}

/// What the kernel's own words imply, behind its clock (`[   12.345678] `).
fn kernel_severity(line: &str) -> Option<i32> {
    let clocked = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let text = clocked.map_or(line, |(_, text)| text);
    if text.starts_with("Kernel panic") {
        return Some(21);
    }
    let faults = ["BUG:", "Oops", "Call Trace", "Out of memory", "Memory cgroup out of memory"];
    let anywhere = ["I/O error", " segfault at ", "general protection"];
    if faults.iter().any(|fault| text.starts_with(fault)) || anywhere.iter().any(|fault| has(text, fault)) {
        return Some(17);
    }
    text.starts_with("WARNING:").then_some(13)
}

/// The level that a message states at its head.
fn stated_severity(line: &str) -> Option<i32> {
    let bracketed = match line.as_bytes().first()? {
        b'<' => line[1..].split_once('>'),
        b'[' => line[1..].split_once(']'),
        _ => None,
    };
    if let Some((word, _)) = bracketed {
        return severity_of_word(word.trim());
    }
    let word = &line[..line.find(|mark: char| !mark.is_ascii_alphanumeric())?];
    if line[word.len()..].starts_with(": ") {
        return severity_of_word(word).filter(|_| !word.eq_ignore_ascii_case("config"));
    }
    let front = line.get(..line.len().min(LEVEL_BYTES_MAX)).unwrap_or("");
    let value = front.split_once(" level=")?.1;
    severity_of_word(&value[..value.find(' ').unwrap_or(value.len())])
}

/// `/usr/sbin/cron` and `su(pam_unix)` by the program's name alone.
fn base_name(program: &str) -> &str {
    let path = program.starts_with('/');
    let name = if path { program.rsplit('/').next().unwrap_or(program) } else { program };
    name.split(['(', '[']).next().unwrap_or(name)
}

/// Whether a name is the pattern, or begins so where the pattern ends with `*`. Case does not count.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(stem) => name.get(..stem.len()).is_some_and(|start| start.eq_ignore_ascii_case(stem)),
        None => name.eq_ignore_ascii_case(pattern),
    }
}

#[cfg(test)]
mod tests;
