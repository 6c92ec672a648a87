//! One table of the configuration, asked for its settings one by one. What was asked for is what is known;
//! every other key in it is a mistake.

use super::{
    diagnostic::{Diagnostic, Position, Problems},
    document::SOURCE,
    text::Text,
    values::{Expected, describe},
};
use toml::de::{DeTable, DeValue};

/// A place in a file, or the file where there is none.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The file.
    pub(super) text: &'a Text,
    /// The offset in bytes.
    pub(super) at: Option<usize>,
}

/// A table.
pub(super) struct Section<'a> {
    /// The name that all tables of its kind share, such as `source`.
    name: String,
    /// The name in diagnostics, such as `source[1]`.
    label: String,
    place: Place<'a>,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
    problems: &'a mut Problems,
}

impl<'a> Section<'a> {
    /// The table that stands at `place`; no `table` is an empty one.
    pub(super) fn new(
        name: String,
        label: String,
        place: Place<'a>,
        table: Option<&'a DeTable<'a>>,
        problems: &'a mut Problems,
    ) -> Self {
        Self { name, label, place, table, asked: Vec::new(), problems }
    }

    /// The setting `name` as `read` takes it; nothing where it is not written, or wrong, which is reported.
    pub(super) fn setting<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Expected>,
    ) -> Option<T> {
        self.asked.push(name);
        let value = self.table?.get(name)?;
        let result = read(value.get_ref());
        result.map_err(|expected| self.wrong(name, value.span().start, expected, value.get_ref())).ok()
    }

    /// The setting `name`, which must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, Expected>,
    ) -> Option<T> {
        let value = self.setting(name, read);
        self.require(name, expected);
        value
    }

    /// The list `name`, each element as `read` takes it; where `is_required`, with one element at least.
    pub(super) fn list<T>(
        &mut self,
        name: &'static str,
        is_required: bool,
        read: impl Fn(&DeValue<'_>) -> Result<T, Expected>,
    ) -> Vec<T> {
        let expected = if is_required { "a list of at least one pattern" } else { "a list of patterns" };
        self.asked.push(name);
        if is_required {
            self.require(name, expected);
        }
        let Some(value) = self.table.and_then(|table| table.get(name)) else { return Vec::new() };
        let elements = match value.get_ref() {
            DeValue::Array(elements) if !is_required || !elements.is_empty() => elements,
            other => {
                let suggestion = other.as_str().map(|text| format!("write [{text:?}]"));
                let expected = Expected { suggestion, ..Expected::new(expected) };
                self.wrong(name, value.span().start, expected, other);
                return Vec::new();
            }
        };
        let mut taken = Vec::with_capacity(elements.len());
        for (index, element) in elements.iter().enumerate() {
            match read(element.get_ref()) {
                Ok(element) => taken.push(element),
                Err(expected) => {
                    let name = format!("{name}[{index}]");
                    self.wrong(&name, element.span().start, expected, element.get_ref());
                }
            }
        }
        taken
    }

    /// The table `name` of texts by keys that are free; `read` checks each pair.
    pub(super) fn pairs<T>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str, &DeValue<'_>) -> Result<T, Expected>,
    ) -> Vec<T> {
        let section = self.section(name);
        let mut taken = Vec::new();
        for (key, value) in section.table.into_iter().flatten() {
            let setting = format!("{}.{}", section.label, key.get_ref());
            match read(key.get_ref(), value.get_ref()) {
                Ok(pair) => taken.push(pair),
                Err(expected) => {
                    let position = section.place.text.position(value.span().start);
                    let found = describe(value.get_ref());
                    let file = &section.place.text.path;
                    let wrong = Diagnostic::new(file, Some(position), setting, expected, found);
                    section.problems.add(wrong);
                }
            }
        }
        taken
    }

    /// The table `name` inside this one, empty where it is not written.
    pub(super) fn section(&mut self, name: &'static str) -> Section<'_> {
        let table = self.setting(name, |value| match value {
            DeValue::Table(_) => Ok(()),
            _ => Err(Expected::new("a table")),
        });
        let written = self.table.and_then(|table| table.get(name));
        let at = written.map(|value| value.span().start);
        Section {
            name: format!("{}.{name}", self.name),
            label: format!("{}.{name}", self.label),
            place: Place { text: self.place.text, at },
            table: table.and(written).and_then(|value| value.get_ref().as_table()),
            asked: Vec::new(),
            problems: self.problems,
        }
    }

    /// Whether it is written.
    pub(super) fn is_written(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the setting `name` is written.
    pub(super) fn has(&self, name: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(name))
    }

    /// Reports that the setting `name` does not go with another one.
    pub(super) fn reject(&mut self, name: &str, expected: Expected) {
        let value = self.table.and_then(|table| table.get(name));
        let found = value.map_or("the default".into(), |value| describe(value.get_ref()));
        let position = self.position_of(name).or(self.place.position());
        let setting = format!("{}.{name}", self.label);
        let file = &self.place.text.path;
        self.problems.add(Diagnostic::new(file, position, setting, expected, found));
    }

    /// Reports the keys that nobody asked for.
    pub(super) fn finish(self) {
        for name in &self.asked {
            self.problems.add_name(format!("{}.{name}", self.name));
        }
        let heading = heading(&self.name);
        for (key, _) in self.table.into_iter().flatten() {
            let name = key.get_ref();
            let expected = Expected::new(format!("a setting of {heading}"));
            let position = self.place.text.position(key.span().start);
            let (setting, found) = (format!("{}.{name}", self.label), format!("{name:?}"));
            let file = &self.place.text.path;
            let unknown = Diagnostic::new(file, Some(position), setting, expected, found);
            self.problems.add_if_unknown(&self.name, name, unknown);
        }
    }

    /// Reports that the setting `name` must be there, where it is not.
    pub(super) fn require(&mut self, name: &str, expected: &'static str) {
        let is_no_table = self.table.is_none() && self.place.at.is_some();
        if !is_no_table && self.position_of(name).is_none() {
            let position = self.place.position();
            let setting = format!("{}.{name}", self.label);
            let (expected, nothing) = (Expected::new(expected), "nothing".into());
            let file = &self.place.text.path;
            self.problems.add_missing(Diagnostic::new(file, position, setting, expected, nothing));
        }
    }

    fn position_of(&self, name: &str) -> Option<Position> {
        let value = self.table?.get(name)?;
        Some(self.place.text.position(value.span().start))
    }

    fn wrong(&mut self, name: &str, at: usize, expected: Expected, value: &DeValue<'_>) {
        let position = Some(self.place.text.position(at));
        let setting = format!("{}.{name}", self.label);
        let found = describe(value);
        let file = &self.place.text.path;
        self.problems.add(Diagnostic::new(file, position, setting, expected, found));
    }
}

/// How the table `name` is headed.
pub(super) fn heading(name: &str) -> String {
    if name == SOURCE { format!("[[{name}]]") } else { format!("[{name}]") }
}

impl Place<'_> {
    fn position(&self) -> Option<Position> {
        self.at.map(|at| self.text.position(at))
    }
}
