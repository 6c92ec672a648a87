//! Redaction: finds what is secret in an event, and takes it out of every column.
//!
//! A secret is looked for in the line as it was read and in each column, since a parser may have decoded it. What was
//! found anywhere is then taken out everywhere, also where its surroundings, by which it was found, are gone (a
//! parser made `password=x` a key and a value). Invariant: no column of the row holds a secret that was found; where
//! `raw` has it in a writing that cannot be found again, all of `raw` goes.

use super::{Builtin, builtin::is_folder, needles::Needles};
use crate::{
    Event,
    conditions::regex_set,
    field::{Field, texts, texts_mut},
};
use memchr::memchr;
use regex::{Regex, RegexSet};
use std::{borrow::Cow, ops::Range};

/// Secrets of one event that are taken out of every column. Of an event that has more, nothing is kept: finding out of
/// each of thousands whether it is known already would take hours.
const SECRETS_MAX: usize = 512;

/// What one rule redacts.
#[derive(Clone, Debug)]
pub(crate) struct Redaction {
    /// Finds something wherever one of the finders does; none where all of them together are too large.
    any: Option<RegexSet>,
    /// Whether mail addresses are looked for: a byte of theirs is found quicker than they are.
    email: bool,
    /// Whether a pattern may know where its text begins or ends.
    anchored: bool,
    finders: Vec<Finder>,
    /// The names of attributes whose whole value goes.
    keys: Vec<Regex>,
    /// Columns whose whole value goes.
    columns: Vec<Field>,
    replacement: String,
}

#[derive(Clone, Debug)]
struct Finder {
    regex: Regex,
    builtin: Option<Builtin>,
}

/// Memory that is kept from event to event.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    joined: String,
    secrets: Vec<String>,
}

impl Redaction {
    /// A redaction of the built-in things, of what the `patterns` find, and of all of the `columns`. `compile` makes
    /// regular expressions.
    pub(crate) fn new<E>(
        builtins: &[Builtin],
        patterns: &[String],
        columns: Vec<Field>,
        replacement: String,
        compile: impl Fn(&str) -> Result<Regex, E>,
    ) -> Result<Self, E> {
        let mut finders = Vec::new();
        for pattern in patterns {
            finders.push(Finder { regex: compile(pattern)?, builtin: None });
        }
        for builtin in builtins {
            for pattern in builtin.patterns() {
                finders.push(Finder { regex: compile(&pattern)?, builtin: Some(*builtin) });
            }
        }
        let is_email = |finder: &&Finder| finder.builtin == Some(Builtin::Email);
        let any = regex_set(finders.iter().filter(|it| !is_email(it)).map(|finder| &finder.regex));
        let email = finders.iter().any(|finder| is_email(&finder));
        let anchored = patterns.iter().any(|it| ["^", "$", r"\A", r"\z"].iter().any(|end| it.contains(end)));
        let keys = builtins.iter().filter_map(|builtin| builtin.attribute_keys());
        let keys = keys.map(|pattern| compile(&pattern)).collect::<Result<_, _>>()?;
        Ok(Self { any, email, anchored, finders, keys, columns, replacement })
    }

    /// Takes the secrets out of `event` and `raw`; returns how many there were. `line` is the event as it was read.
    pub(crate) fn apply<'a>(
        &self,
        event: &mut Event<'a>,
        line: &'a str,
        raw: &mut Option<Cow<'a, str>>,
        scratch: &mut Scratch,
    ) -> u64 {
        scratch.secrets.clear();
        self.find(event, line, raw.as_deref(), scratch);
        let Scratch { secrets, .. } = scratch;
        if secrets.is_empty() {
            return 0;
        }
        let count = secrets.len() as u64;
        if secrets.len() > SECRETS_MAX {
            self.take_all_out(event, raw);
            return count;
        }
        // Where the line has a secret in JSON's writing, that is to go as well; in any other, the whole line.
        let is_decoded =
            secrets.iter().any(|secret| !line.contains(secret) && !line.contains(&escaped(secret)));
        add_writings(secrets);
        let Some(needles) = Needles::new(secrets) else {
            self.take_all_out(event, raw);
            return count;
        };
        self.take_out(event, secrets, &needles);
        if let Some(text) = raw {
            let clean =
                if is_decoded { Some(self.replacement.clone()) } else { self.cleaned(text, &needles) };
            if let Some(clean) = clean {
                *text = Cow::Owned(clean);
            }
        }
        count
    }

    fn find(
        &self,
        event: &Event<'_>,
        line: &str,
        raw: Option<&str>,
        Scratch { joined, secrets }: &mut Scratch,
    ) {
        for field in &self.columns {
            field.of(event).into_iter().for_each(|value| self.add(secrets, &value));
        }
        for (key, value) in &event.attributes {
            let is_secret = || self.keys.iter().any(|regex| regex.is_match(key)) && !is_folder(key, value);
            if secrets.len() <= SECRETS_MAX && is_secret() {
                self.add(secrets, value);
            }
        }
        if self.finders.is_empty() {
            return;
        }
        // One look at all texts tells, for nearly every event, that there is nothing.
        joined.clear();
        let attributes = event.attributes.iter().flat_map(|(key, value)| [key, value]);
        let columns = texts(event).into_iter().flatten().chain(attributes).map(|text| &**text);
        for text in [line].into_iter().chain(raw).chain(columns) {
            let is_line = std::ptr::eq(text, line) && !joined.is_empty();
            if !is_line && (self.anchored || joined.is_empty() || !is_cut_from(line, text)) {
                joined.push_str(text);
                joined.push('\n');
            }
        }
        let may_be_email =
            self.email && (memchr(b'@', joined.as_bytes()).is_some() || joined.contains("%40"));
        if !may_be_email && self.any.as_ref().is_some_and(|any| !any.is_match(joined)) {
            return;
        }
        let attributes = event.attributes.iter().flat_map(|(key, value)| [key, value]);
        let columns = texts(event).into_iter().flatten().chain(attributes).map(|text| &**text);
        for text in [line].into_iter().chain(raw).chain(columns) {
            for span in self.spans(text) {
                if secrets.len() > SECRETS_MAX {
                    return;
                }
                self.add(secrets, &text[span]);
            }
        }
    }

    fn take_all_out(&self, event: &mut Event<'_>, raw: &mut Option<Cow<'_, str>>) {
        let replace = |text: &mut Cow<'_, str>| *text = Cow::Owned(self.replacement.clone());
        texts_mut(event).into_iter().flatten().for_each(replace);
        raw.iter_mut().for_each(replace);
        event.attributes.clear();
        (event.pid, event.http_bytes) = (None, None);
    }

    fn add(&self, secrets: &mut Vec<String>, secret: &str) {
        let is_new = !secret.trim().is_empty() && secret != self.replacement;
        if is_new && !secrets.iter().any(|known| known == secret) {
            secrets.push(secret.into());
        }
    }

    /// Where the finders find something in `text`.
    fn spans(&self, text: &str) -> Vec<Range<usize>> {
        let mut spans = Vec::new();
        for Finder { regex, builtin } in &self.finders {
            for captures in regex.captures_iter(text) {
                let group = (1..captures.len()).find_map(|at| captures.get(at));
                let found = group.unwrap_or_else(|| captures.get_match());
                match builtin {
                    None => spans.push(found.range()),
                    Some(builtin) => {
                        let parts = builtin.confirmed(found.as_str(), captures.get_match().as_str());
                        let start = |part: &str| part.as_ptr().addr() - text.as_ptr().addr();
                        spans.extend(parts.into_iter().map(|part| start(part)..start(part) + part.len()));
                    }
                }
            }
        }
        spans
    }

    fn take_out(&self, event: &mut Event<'_>, secrets: &[String], needles: &Needles<'_>) {
        let replace = |text: &mut Cow<'_, str>| {
            if let Some(clean) = self.cleaned(text, needles) {
                *text = Cow::Owned(clean);
            }
        };
        texts_mut(event).into_iter().flatten().for_each(replace);
        for (key, value) in &mut event.attributes {
            replace(key);
            replace(value);
        }
        let is_secret = |number: i64| secrets.iter().any(|secret| *secret == number.to_string());
        event.pid = event.pid.filter(|pid| !is_secret(*pid));
        event.http_bytes = event.http_bytes.filter(|bytes| !is_secret(*bytes));
    }

    /// `text` without the secrets; nothing where it has none.
    fn cleaned(&self, text: &str, needles: &Needles<'_>) -> Option<String> {
        let mut spans = self.spans(text);
        needles.find(text, &mut spans);
        if spans.is_empty() {
            return None;
        }
        spans.sort_by_key(|span| (span.start, span.end));
        let (mut clean, mut at) = (String::with_capacity(text.len()), 0);
        for span in spans.into_iter().filter(|span| !span.is_empty()) {
            if span.start >= at {
                clean.push_str(&text[at..span.start]);
                clean.push_str(&self.replacement);
            }
            at = at.max(span.end);
        }
        clean.push_str(&text[at..]);
        Some(clean)
    }
}

/// Whether `column` is a part of `line` with no word's character next to it: then a pattern without an anchor finds
/// nothing in it that it does not find in the line.
fn is_cut_from(line: &str, column: &str) -> bool {
    let (from, start) = (line.as_ptr().addr(), column.as_ptr().addr());
    if column.is_empty() || start < from || start + column.len() > from + line.len() {
        return column.is_empty();
    }
    let (start, bytes) = (start - from, line.as_bytes());
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || !byte.is_ascii();
    let before = start.checked_sub(1).and_then(|at| bytes.get(at));
    !before.is_some_and(is_word) && !bytes.get(start + column.len()).is_some_and(is_word)
}

/// Adds the secrets as JSON writes them, and what those that are written so stand for.
fn add_writings(secrets: &mut Vec<String>) {
    let escaped = secrets.iter().map(|secret| escaped(secret));
    let plain = secrets.iter().filter(|secret| secret.contains('\\'));
    let plain = plain.filter_map(|secret| serde_json::from_str(&format!("\"{secret}\"")).ok());
    let more: Vec<String> = escaped.chain(plain).collect();
    for secret in more {
        if !secret.trim().is_empty() && !secrets.contains(&secret) {
            secrets.push(secret);
        }
    }
}

/// As JSON writes it, without the quotes around.
fn escaped(secret: &str) -> String {
    let quoted = serde_json::Value::from(secret).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}
