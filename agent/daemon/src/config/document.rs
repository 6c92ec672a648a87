//! The configuration as it is written: tables of values, each with its place. Nothing is known here of what
//! the settings mean.
//!
//! Invariant: a top-level table comes from one file, so that no setting is overridden unseen; only the
//! `[[source]]` tables of several files add up.

use super::{
    diagnostic::{Diagnostic, Position, Problems},
    section::{Place, Section, heading},
    text::Text,
    values::{Expected, describe},
};
use std::path::Path;
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// The table of which there may be many.
pub(super) const SOURCE: &str = "source";

/// All files, one at least.
pub(super) struct Document<'t> {
    texts: &'t [Text],
    tables: Vec<Item<'t>>,
    sources: Vec<Item<'t>>,
}

/// A top-level table, or one `[[source]]`.
struct Item<'t> {
    text: &'t Text,
    key: Spanned<DeString<'t>>,
    value: Spanned<DeValue<'t>>,
    /// The number among the sources of its file.
    index: usize,
}

impl<'t> Document<'t> {
    /// The document that `texts`, one at least, are together.
    pub(super) fn of(texts: &'t [Text], problems: &mut Problems) -> Self {
        let mut document = Self { texts, tables: Vec::new(), sources: Vec::new() };
        for text in texts {
            let (root, errors) = DeTable::parse_recoverable(&text.text);
            for error in errors {
                let position = error.span().map(|span| text.position(span.start));
                problems.add_syntax(&text.path, position, error.message());
            }
            for (key, value) in root.into_inner() {
                let item = Item { text, key, value, index: 0 };
                if *item.key.get_ref() == SOURCE {
                    document.add_sources(item, problems);
                } else {
                    document.add_table(item, problems);
                }
            }
        }
        document
    }

    /// The top-level table `name`, empty where it is not written.
    pub(super) fn section<'a>(&'a self, name: &'static str, problems: &'a mut Problems) -> Section<'a> {
        problems.add_name(name.into());
        match self.tables.iter().find(|item| *item.key.get_ref() == name) {
            Some(item) => item.opened(name, name.into(), problems),
            None => self.unwritten(name, problems),
        }
    }

    /// A table `name` that nobody wrote.
    pub(super) fn unwritten<'a>(&'a self, name: &'static str, problems: &'a mut Problems) -> Section<'a> {
        let place = Place { text: &self.texts[0], at: None };
        Section::new(name.into(), name.into(), place, None, problems)
    }

    /// The file that was read first.
    pub(super) fn first_file(&self) -> &'t Path {
        &self.texts[0].path
    }

    /// How many sources there are.
    pub(super) fn source_count(&self) -> usize {
        self.sources.len()
    }

    /// The source with this index among all.
    pub(super) fn source<'a>(&'a self, index: usize, problems: &'a mut Problems) -> Section<'a> {
        let item = &self.sources[index];
        item.opened(SOURCE, format!("{SOURCE}[{}]", item.index), problems)
    }

    /// Reports the top-level keys that are no settings.
    pub(super) fn finish(&self, problems: &mut Problems) {
        problems.add_name(SOURCE.into());
        for Item { text, key, .. } in &self.tables {
            let expected = Expected::new("a table of settings");
            let (name, position) = (key.get_ref(), text.position(key.span().start));
            let found = format!("{name:?}");
            let unknown = Diagnostic::new(&text.path, Some(position), name.to_string(), expected, found);
            problems.add_if_unknown("", name, unknown);
        }
    }

    fn add_sources(&mut self, item: Item<'t>, problems: &mut Problems) {
        let Item { text, key, value, .. } = item;
        let span = value.span();
        let position = Some(text.position(span.start));
        match value.into_inner() {
            DeValue::Array(tables) => {
                for (index, value) in tables.into_iter().enumerate() {
                    self.sources.push(Item { text, key: key.clone(), value, index });
                }
            }
            other => {
                let expected =
                    Expected::new("[[source]]").or_say("two brackets on each side make it one of many");
                let found = if other.is_table() { "[source]".into() } else { describe(&other) };
                problems.add(Diagnostic::new(&text.path, position, SOURCE.into(), expected, found));
                // What it says is looked at all the same.
                self.sources.push(Item { text, key, value: Spanned::new(span, other), index: 0 });
            }
        }
    }

    fn add_table(&mut self, item: Item<'t>, problems: &mut Problems) {
        let Some(first) = self.tables.iter().find(|other| other.key == item.key) else {
            self.tables.push(item);
            return;
        };
        let Position { line, column } = first.position();
        let already = format!("it is already at {}:{line}:{column}", first.text.path.display());
        let expected = Expected::new("it in one file only").or_say(already);
        let key = item.key.get_ref().to_string();
        let second = "a second one".into();
        problems.add(Diagnostic::new(&item.text.path, Some(item.position()), key, expected, second));
    }
}

impl<'t> Item<'t> {
    fn position(&self) -> Position {
        self.text.position(self.value.span().start)
    }

    fn opened<'a>(&'a self, name: &str, label: String, problems: &'a mut Problems) -> Section<'a> {
        let table = self.value.get_ref().as_table();
        if table.is_none() {
            let expected = Expected::new(format!("a table, {}", heading(name)));
            let found = describe(self.value.get_ref());
            let position = Some(self.position());
            problems.add(Diagnostic::new(&self.text.path, position, label.clone(), expected, found));
        }
        let place = Place { text: self.text, at: Some(self.value.span().start) };
        Section::new(name.into(), label, place, table, problems)
    }
}
