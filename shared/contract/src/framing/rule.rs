//! How a source's bytes become events, as a block's provenance carries it: plain data, not compiled.

use std::{fmt, sync::Arc};

/// The most bytes of a pattern: it travels with every block.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// How text is written in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8, or any other that has ASCII in it.
    #[default]
    Utf8,
    /// UTF-16, the low byte first; code units are aligned to the file's first byte.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

/// Which lines belong together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Multiline {
    /// What a line's head says: see [`super::Head`].
    #[default]
    Auto,
    /// None: each line is one event.
    Off,
    /// A line that matches opens an event; all others continue the one before.
    Start(Pattern),
    /// A line that matches continues the event before; all others open one.
    Continue(Pattern),
}

/// A regular expression as it is written; whether it is one shows when it is compiled.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern(Arc<str>);

/// How bytes become events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FramingRule {
    /// How they are read as text.
    pub encoding: Encoding,
    /// Which lines belong together.
    pub multiline: Multiline,
}

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty, or too long to travel with every block.
    #[error("expected a pattern of 1 to {PATTERN_BYTES_MAX} bytes, found {found}")]
    Length {
        /// Its bytes.
        found: usize,
    },
    /// It is none, or one that would take too much memory.
    #[error("expected a regular expression, found {pattern:?}: {reason}")]
    Syntax {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Encoding {
    /// What the first bytes of a file say: UTF-16 where they are its byte order mark, else UTF-8.
    pub fn of_head(head: &[u8]) -> Self {
        match head {
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            _ => Self::Utf8,
        }
    }
}

impl Pattern {
    /// The pattern that `text` is.
    ///
    /// # Errors
    /// [`PatternError::Length`].
    pub fn new(text: &str) -> Result<Self, PatternError> {
        match text.len() {
            1..=PATTERN_BYTES_MAX => Ok(Self(text.into())),
            found => Err(PatternError::Length { found }),
        }
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Multiline {
    /// The pattern, where there is one.
    pub fn pattern(&self) -> Option<&Pattern> {
        match self {
            Self::Auto | Self::Off => None,
            Self::Start(pattern) | Self::Continue(pattern) => Some(pattern),
        }
    }
}

impl FramingRule {
    /// Whether it is the one of blocks that carry none.
    pub fn is_default(&self) -> bool {
        self.encoding == Encoding::Utf8 && self.multiline == Multiline::Auto
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
