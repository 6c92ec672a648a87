//! Checks a `[[source]]`: which files it takes, and how they are read.
//!
//! Which lines belong together travels with the blocks, so that agent and ETL see the same events.

use super::{
    section::Section,
    values::{Expected, among, bytes, duration, flag, one_of, or_off},
};
use glob::{MatchOptions, Pattern as Glob};
use headrig_agent::settings::{LINE_BYTES_LIMITS, StartAt};
use headrig_contract::{
    SourceName,
    chunk::BLOCK_BYTES_MAX,
    framing::{
        Encoding, Framing, FramingRule, Multiline, PATTERN_BYTES_MAX, Pattern as LinePattern, PatternError,
    },
};
use std::{ops::RangeInclusive, path::Path, time::Duration};
use toml::de::DeValue;

/// The log formats that a source may name, sorted. The truth is `PARSERS` in etl/core/src/parse.rs, which the
/// agent does not link: a parser that is added or renamed there is so here, too. A name that the ETL does not
/// know is no error there, but no hint either.
pub const FORMATS: [&str; 41] = [
    "access",
    "apache_error",
    "apt",
    "audit",
    "aws_elb",
    "aws_s3",
    "aws_vpc_flow",
    "cef",
    "cri",
    "delimited",
    "dmesg",
    "docker",
    "dpkg",
    "haproxy",
    "json",
    "klog",
    "leef",
    "leveled",
    "logcat",
    "logfmt",
    "macos_unified",
    "mongodb",
    "mysql_error",
    "mysql_slow",
    "nginx_error",
    "postgres",
    "postgres_csv",
    "python",
    "redis",
    "squid",
    "supercomputer",
    "syslog_3164",
    "syslog_5424",
    "tagged",
    "timestamped",
    "tracing",
    "vsftpd",
    "w3c",
    "windows_xml",
    "xferlog",
    "yum",
];

/// Where reading begins, by its names.
pub(super) const STARTS: [(&str, StartAt); 2] = [("beginning", StartAt::Beginning), ("end", StartAt::End)];

/// How text is written, by its names; with none of them, each file's byte order mark says.
pub(super) const ENCODINGS: [(&str, Option<Encoding>); 4] = [
    ("auto", None),
    ("utf-8", Some(Encoding::Utf8)),
    ("utf-16le", Some(Encoding::Utf16Le)),
    ("utf-16be", Some(Encoding::Utf16Be)),
];
/// The rules of multiline events that have no pattern, by their names.
pub(super) const MODES: [(&str, Multiline); 2] = [("auto", Multiline::Auto), ("off", Multiline::Off)];

/// How long a file that is left out must have been quiet: at least a minute, at most ten years.
const IGNORE_OLDER: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(24 * 3_650);
/// A star stands for a part of one name, never for a slash, as it does where files are looked for.
const WITHIN_NAMES: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// `[[source]]`: files that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name, one segment of the object key.
    pub name: SourceName,
    /// What it takes: files, folders with all below them, and patterns. Absolute; not empty.
    pub include: Vec<Pattern>,
    /// What it leaves out of that.
    pub exclude: Vec<Pattern>,
    /// One of [`FORMATS`]; where none is set, it is found by looking.
    pub format: Option<String>,
    /// How its text is written; none where each file's byte order mark says.
    pub encoding: Option<Encoding>,
    /// Which lines belong together.
    pub framing: Framing,
    /// Where reading begins in files that are there when the agent first meets the source.
    pub start_at: StartAt,
    /// A longer line is split into pieces of so many bytes. Within [`LINE_BYTES_LIMITS`].
    pub line_bytes_max: usize,
    /// Whether files compressed with gzip or zstd are read.
    pub read_compressed: bool,
    /// Files that were last written longer ago are left alone.
    pub ignore_older: Option<Duration>,
}

/// A file, a folder, or a pattern of `*`, `?`, `[…]` and `**`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    glob: Glob,
}

impl Source {
    /// Whether `path` is included and not excluded.
    pub fn takes(&self, path: &Path) -> bool {
        let within = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.takes(path));
        within(&self.include) && !within(&self.exclude)
    }
}

impl Pattern {
    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether `path`, or a folder it lies in, is what is meant. A pattern without a slash is matched against
    /// the file's name alone.
    pub fn takes(&self, path: &Path) -> bool {
        if !self.text.contains('/') {
            return path.file_name().is_some_and(|name| self.glob.matches(&name.to_string_lossy()));
        }
        path.starts_with(&self.text)
            || path.ancestors().any(|part| self.glob.matches_path_with(part, WITHIN_NAMES))
    }

    fn parse(value: &DeValue<'_>, may_be_name: bool) -> Result<Self, Expected> {
        let what = if may_be_name {
            "an absolute path or pattern, or one for names"
        } else {
            "an absolute path or pattern"
        };
        let expected = || Expected::new(what);
        let text = value.as_str().filter(|text| !text.is_empty()).ok_or_else(expected)?;
        if !(text.starts_with('/') || may_be_name && !text.contains('/')) {
            return Err(
                expected().or_say("begin it with a slash: the agent has no folder of its own to start from")
            );
        }
        if text.contains('{') {
            return Err(
                expected().or_say("write a pattern for each alternative; a brace that is meant is [{]")
            );
        }
        let glob = Glob::new(text)
            .map_err(|error| expected().or_say(format!("at character {}: {}", error.pos + 1, error.msg)))?;
        Ok(Self { text: text.into(), glob })
    }
}

/// The source of `section`, whose name must differ from those of `others`.
pub(super) fn check(mut section: Section<'_>, others: &[Source]) -> Source {
    let name = name(&mut section, others);
    let line_bytes = *LINE_BYTES_LIMITS.start() as u64..=*LINE_BYTES_LIMITS.end() as u64;
    let source = Source {
        name: name.unwrap_or_else(|| "unnamed".parse().expect("letters are a name")),
        include: section.list("include", true, |value| Pattern::parse(value, false)),
        exclude: section.list("exclude", false, |value| Pattern::parse(value, true)),
        format: section.setting("format", among(&FORMATS)).map(String::from),
        encoding: section.setting("encoding", encoding).flatten(),
        framing: framing(section.section("multiline")),
        start_at: section.setting("start_at", one_of(&STARTS)).unwrap_or_default(),
        line_bytes_max: section
            .setting("max_line_bytes", bytes(line_bytes))
            .map_or(BLOCK_BYTES_MAX, |bytes| bytes as usize),
        read_compressed: section.setting("read_compressed", flag).unwrap_or(true),
        ignore_older: section.setting("ignore_older", or_off(duration(IGNORE_OLDER))).flatten(),
    };
    section.finish();
    source
}

fn encoding(value: &DeValue<'_>) -> Result<Option<Encoding>, Expected> {
    let is_utf_16 = value.as_str().is_some_and(|text| text.to_lowercase().replace(['-', '_'], "") == "utf16");
    one_of(&ENCODINGS)(value).map_err(|expected| match is_utf_16 {
        true => expected.or_say("utf-16le is that of Windows; auto sees by the byte order mark"),
        false => expected,
    })
}

fn framing(mut section: Section<'_>) -> Framing {
    let mode = section.setting("mode", one_of(&MODES));
    let start = section.setting("start", |value| by_pattern(value, Multiline::Start));
    let goes_on = section.setting("continue", |value| by_pattern(value, Multiline::Continue));
    let written: Vec<&str> =
        ["mode", "start", "continue"].into_iter().filter(|name| section.has(name)).collect();
    if let [_, .., last] = written[..] {
        section.reject(last, Expected::new("one of mode, start and continue"));
    }
    section.finish();
    let plain = mode.map(|multiline| FramingRule { multiline, ..FramingRule::default() });
    let plain = plain.and_then(|rule| Framing::new(rule).ok());
    start.or(goes_on).or(plain).unwrap_or_default()
}

/// The framing by the pattern that is written.
fn by_pattern(value: &DeValue<'_>, multiline: fn(LinePattern) -> Multiline) -> Result<Framing, Expected> {
    let expected = || Expected::new(format!("a regular expression of 1 to {PATTERN_BYTES_MAX} bytes"));
    let text = value.as_str().ok_or_else(expected)?;
    let pattern = LinePattern::new(text).map_err(|_| expected())?;
    Framing::new(FramingRule { multiline: multiline(pattern), ..FramingRule::default() }).map_err(|error| {
        match error {
            PatternError::Syntax { reason, .. } => expected().or_say(reason),
            PatternError::Length { .. } => expected(),
        }
    })
}

fn name(section: &mut Section<'_>, others: &[Source]) -> Option<SourceName> {
    let what = "a name of its own, such as \"nginx\", of letters, digits, '.', '_' and '-'";
    section.required("name", what, |value| {
        let name: Option<SourceName> = value.as_str().and_then(|name| name.parse().ok());
        let name = name.ok_or_else(|| Expected::new(what))?;
        match others.iter().any(|other| other.name == name) {
            true => Err(Expected::new(what).or_say("another source has this name")),
            false => Ok(name),
        }
    })
}
