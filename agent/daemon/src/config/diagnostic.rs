//! What is wrong with a configuration: where, what was expected and what is there instead.
//!
//! Invariant: a line that is no TOML is reported once, and nothing is said of settings that such a line may
//! have swallowed.

use super::values::Expected;
use std::{
    collections::HashSet,
    fmt,
    path::{Path, PathBuf},
};

/// The shortest word that means another by being part of it.
const WITHIN_BYTES_MIN: usize = 3;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

/// One problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file it is in.
    pub file: PathBuf,
    /// Where in the file; none where something is missing from it, or all of it cannot be read.
    pub position: Option<Position>,
    /// The setting, such as `source[1].format`, sources counted from 0 in their file; empty for a file.
    pub setting: String,
    /// What would be right.
    pub expected: String,
    /// What is there.
    pub found: String,
    /// What the operator may do.
    pub suggestion: Option<String>,
}

impl Diagnostic {
    /// The problem that `setting` in `file` is not what was expected, but what was `found`.
    pub(super) fn new(
        file: &Path,
        position: Option<Position>,
        setting: String,
        expected: Expected,
        found: String,
    ) -> Self {
        let Expected { what, suggestion, found: hidden } = expected;
        let found = hidden.map_or(found, String::from);
        Self { file: file.into(), position, setting, expected: what.into_owned(), found, suggestion }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.setting.is_empty() {
            write!(f, " {}:", self.setting)?;
        }
        write!(f, " expected {}, found {}", self.expected, self.found)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; {suggestion}"),
            None => Ok(()),
        }
    }
}

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems {
    /// The files that were read, in order.
    files: Vec<PathBuf>,
    found: Vec<Diagnostic>,
    unknown: Vec<Unknown>,
    /// Every setting that was asked for, such as `upload.bucket`.
    names: Vec<String>,
    /// The lines that are no TOML.
    torn: HashSet<(PathBuf, usize)>,
}

/// A key that may be no setting: that is known, and what is like it, once all settings were asked for.
struct Unknown {
    /// The table it stands in, such as `upload`; empty at the top.
    table: String,
    key: String,
    diagnostic: Diagnostic,
}

impl Problems {
    /// `file` is read; what is said of it comes after what is said of the files before.
    pub(super) fn begin(&mut self, file: &Path) {
        self.files.push(file.into());
    }

    /// Something is wrong, unless its line is no TOML anyway.
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        if !self.is_torn(&diagnostic) {
            self.found.push(diagnostic);
        }
    }

    /// Something is not there that must be, unless a line that is no TOML may have meant it.
    pub(super) fn add_missing(&mut self, diagnostic: Diagnostic) {
        if self.torn.is_empty() {
            self.found.push(diagnostic);
        }
    }

    /// A line is no TOML.
    pub(super) fn add_syntax(&mut self, file: &Path, position: Option<Position>, message: &str) {
        let diagnostic = Diagnostic {
            file: file.into(),
            position,
            setting: String::new(),
            expected: "TOML".into(),
            found: format!("a syntax error: {}", message.lines().next().unwrap_or_default()),
            suggestion: None,
        };
        self.add(diagnostic);
        self.torn.insert((file.into(), position.map_or(0, |position| position.line)));
    }

    /// The table `table` has this key: a mistake, unless it turns out to be a setting.
    pub(super) fn add_if_unknown(&mut self, table: &str, key: &str, diagnostic: Diagnostic) {
        if !self.is_torn(&diagnostic) {
            self.unknown.push(Unknown { table: table.into(), key: key.into(), diagnostic });
        }
    }

    /// `name` is a setting.
    pub(super) fn add_name(&mut self, name: String) {
        if !self.names.contains(&name) {
            self.names.push(name);
        }
    }

    /// Every setting that was asked for.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// All that was found, in the order of files and places.
    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let Self { files, found, unknown, names, .. } = self;
        let named = unknown.into_iter().filter_map(|unknown| unknown.judged(&names));
        let mut diagnostics: Vec<Diagnostic> = found.into_iter().chain(named).collect();
        diagnostics.sort_by_key(|found| (files.iter().position(|file| *file == found.file), found.position));
        diagnostics
    }

    fn is_torn(&self, diagnostic: &Diagnostic) -> bool {
        let line = diagnostic.position.map_or(0, |position| position.line);
        self.torn.contains(&(diagnostic.file.clone(), line))
    }
}

impl Unknown {
    /// The problem that it is, if it is one, with what was probably meant.
    fn judged(self, names: &[String]) -> Option<Diagnostic> {
        let Self { table, key, mut diagnostic } = self;
        let beside = || names.iter().map(|name| split(name)).filter(|(other, _)| *other == table);
        if beside().any(|(_, leaf)| leaf == key) {
            return None;
        }
        // The name that is like it, or the same name in another table.
        let elsewhere = || names.iter().find(|name| plain(split(name).1) == plain(&key)).map(String::as_str);
        let meant = nearest(&key, beside().map(|(_, leaf)| leaf)).or_else(elsewhere);
        diagnostic.suggestion = meant.map(did_you_mean);
        Some(diagnostic)
    }
}

/// The table that the setting `name` is in, and its name there.
fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// The candidate that `word` is probably meant to be: at most every third letter wrong, or one within the other.
pub(super) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = plain(word);
    let distance = |candidate: &str| {
        let candidate = plain(candidate);
        let distance = strsim::damerau_levenshtein(&word, &candidate);
        let short = word.len().min(candidate.len());
        let within = short >= WITHIN_BYTES_MIN && (candidate.contains(&word) || word.contains(&candidate));
        (within || distance <= candidate.chars().count().div_ceil(3)).then_some(distance)
    };
    let likely = candidates.filter_map(|candidate| Some((distance(candidate)?, candidate)));
    likely.min_by_key(|(distance, _)| *distance).map(|(_, candidate)| candidate)
}

/// `name` without what people mix up.
fn plain(name: &str) -> String {
    name.to_lowercase().replace('-', "_")
}

/// The suggestion to write `name` instead.
pub(super) fn did_you_mean(name: &str) -> String {
    format!("did you mean {name:?}?")
}
