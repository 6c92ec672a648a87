//! The configuration: read as written, then checked into settings that inner code can rely on.

use crate::args::wait;
use anyhow::{Context, Result, bail};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use headrig_agent::settings::{Settings as AgentSettings, SourceSettings, StartAt};
use headrig_contract::{
    HostName, SourceName,
    chunk::{BLOCK_BYTES_MAX, Codec},
    framing::{Encoding, Framing, FramingRule, Multiline, Pattern},
};
use headrig_etl::config::{RawAlert, RawColumn, RawConfig as RawEtlConfig, RawEtl, RawRule};
use headrig_etl::parse::{FormatSpec, Formats, PARSERS};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::{fs, path::Path, time::Duration};

/// The source of files that no configured source includes.
const DEFAULT_SOURCE: &str = "local";
/// How long a line may wait before it is in the lake.
const MAX_WAIT_DEFAULT: Duration = Duration::from_secs(30);
/// A local chunk's compressed bytes: small, so that the lake fills while files are still being read.
const CHUNK_BYTES_MAX: u64 = 4 << 20;
/// A local chunk's raw bytes.
const CHUNK_RAW_BYTES_MAX: u64 = 32 << 20;

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawConfig {
    host: Option<String>,
    timezone: Option<String>,
    max_wait: Option<String>,
    raw: Option<RawColumn>,
    codec: RawCodec,
    level: Option<i32>,
    source: Vec<RawSource>,
    /// The tables that the ETL has wherever it runs follow, as they stand in [`RawEtlConfig`].
    etl: RawEtl,
    rule: Vec<RawRule>,
    alert: Vec<RawAlert>,
    format: Vec<FormatSpec>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawCodec {
    #[default]
    Zstd,
    Gzip,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSource {
    name: String,
    include: Vec<String>,
    format: Option<String>,
    timezone: Option<String>,
    max_line_bytes: Option<usize>,
    #[serde(default)]
    encoding: RawEncoding,
    #[serde(default)]
    multiline: RawMultiline,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawEncoding {
    #[default]
    Auto,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawMultiline {
    mode: Option<RawMode>,
    start: Option<String>,
    #[serde(rename = "continue")]
    goes_on: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawMode {
    Auto,
    Off,
}

/// Settings for `headrig local`, checked.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) agent: AgentSettings,
    pub(crate) etl: headrig_etl::Settings,
    pub(crate) max_wait: Duration,
    /// What each source but the last, which takes the rest, includes.
    includes: Vec<GlobSet>,
}

impl Config {
    /// Reads the file, if one is named; `max_wait` from the command line goes before its own.
    ///
    /// # Errors
    /// When it cannot be read or says something that cannot be done, named with what was expected.
    pub(crate) fn load(file: Option<&Path>, max_wait: Option<Duration>) -> Result<Self> {
        let raw = match file {
            None => RawConfig::default(),
            Some(file) => {
                let text = fs::read_to_string(file)
                    .with_context(|| format!("the configuration {} cannot be read", file.display()))?;
                toml::from_str(&text).with_context(|| format!("in the configuration {}", file.display()))?
            }
        };
        let place = || {
            file.map_or_else(
                || "in the settings".into(),
                |file| format!("in the configuration {}", file.display()),
            )
        };
        Self::checked(raw, max_wait).with_context(place)
    }

    /// How each source's files are written, where that is set.
    pub(crate) fn encodings(&self) -> Vec<Option<Encoding>> {
        self.agent.sources.iter().map(|source| source.encoding).collect()
    }

    /// The index of the source that `path` belongs to: the first that includes it.
    pub(crate) fn source_of(&self, path: &Path) -> usize {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.into());
        let included = |set: &GlobSet| set.is_match(path) || set.is_match(&absolute);
        self.includes.iter().position(included).unwrap_or(self.includes.len())
    }

    fn checked(raw: RawConfig, max_wait: Option<Duration>) -> Result<Self> {
        let host = match &raw.host {
            Some(host) => host.parse().context("host")?,
            None => HostName::from_lossy(&gethostname::gethostname().to_string_lossy()),
        };
        let max_wait = match (max_wait, &raw.max_wait) {
            (Some(wait), _) => wait,
            (None, Some(text)) => wait(text).map_err(anyhow::Error::msg).context("max_wait")?,
            (None, None) => MAX_WAIT_DEFAULT,
        };
        let mut etl = etl_settings(&raw)?;
        let mut sources = Vec::new();
        let mut includes = Vec::new();
        for source in &raw.source {
            let settings =
                source_settings(source, &etl.formats).with_context(|| format!("source {:?}", source.name))?;
            if let Some(name) = &source.timezone
                && etl.zones.insert(settings.name.clone(), zone(name)?).is_some()
            {
                bail!("source {:?}: expected its timezone here or in [etl], found both", source.name);
            }
            includes.push(patterns(&source.include).with_context(|| format!("source {:?}", source.name))?);
            sources.push(settings);
        }
        sources.push(default_source());
        let codec = match raw.codec {
            RawCodec::Zstd => Codec::Zstd,
            RawCodec::Gzip => Codec::Gzip,
        };
        let agent = AgentSettings {
            sources,
            codec,
            level: raw.level.unwrap_or(codec.default_level()),
            chunk_bytes_max: CHUNK_BYTES_MAX,
            chunk_raw_bytes_max: CHUNK_RAW_BYTES_MAX,
            // Half of the wait is for the agent, half for the ledger's batch.
            chunk_age_max_ms: max_wait.as_millis() as u64 / 2,
            ..AgentSettings::new(host, default_source().name)
        };
        Ok(Self { agent: agent.checked()?, etl, max_wait, includes })
    }
}

/// The ETL's settings. `raw` and `timezone` may stand at the top of the file, as in a file of few lines they do.
fn etl_settings(raw: &RawConfig) -> Result<headrig_etl::Settings> {
    let mut etl = RawEtlConfig {
        etl: raw.etl.clone(),
        format: raw.format.clone(),
        rule: raw.rule.clone(),
        alert: raw.alert.clone(),
    }
    .checked()?;
    for (key, twice) in [
        ("raw", raw.raw.is_some() && raw.etl.raw.is_some()),
        ("timezone", raw.timezone.is_some() && raw.etl.timezone.is_some()),
    ] {
        if twice {
            bail!("{key}: expected at the top or in [etl], found in both");
        }
    }
    if let Some(column) = raw.raw {
        etl.raw_always = column == RawColumn::Always;
    }
    if let Some(name) = &raw.timezone {
        etl.zone = zone(name)?;
    }
    Ok(etl)
}

fn default_source() -> SourceSettings {
    SourceSettings {
        name: DEFAULT_SOURCE.parse().expect("the default name is a valid one"),
        format_hint: "".into(),
        line_bytes_max: BLOCK_BYTES_MAX,
        framing: Framing::default(),
        encoding: None,
        start_at: StartAt::Beginning,
    }
}

fn source_settings(source: &RawSource, own: &Formats) -> Result<SourceSettings> {
    let format_hint = source.format.as_deref().unwrap_or_default();
    let mut formats: Vec<&str> = PARSERS.iter().map(|parser| parser.name).chain(own.names()).collect();
    formats.sort_unstable();
    if !format_hint.is_empty() && !formats.contains(&format_hint) {
        bail!("format: expected one of {}, found {format_hint:?}", formats.join(", "));
    }
    let name: SourceName = source.name.parse().context("name")?;
    Ok(SourceSettings {
        name,
        format_hint: format_hint.into(),
        line_bytes_max: source.max_line_bytes.unwrap_or(BLOCK_BYTES_MAX),
        framing: framing(&source.multiline).context("multiline")?,
        encoding: match source.encoding {
            RawEncoding::Auto => None,
            RawEncoding::Utf8 => Some(Encoding::Utf8),
            RawEncoding::Utf16Le => Some(Encoding::Utf16Le),
            RawEncoding::Utf16Be => Some(Encoding::Utf16Be),
        },
        // What is named on the command line is what is wanted.
        start_at: StartAt::Beginning,
    })
}

fn framing(raw: &RawMultiline) -> Result<Framing> {
    let multiline = match (raw.mode, &raw.start, &raw.goes_on) {
        (None | Some(RawMode::Auto), None, None) => Multiline::Auto,
        (Some(RawMode::Off), None, None) => Multiline::Off,
        (None, Some(pattern), None) => Multiline::Start(Pattern::new(pattern).context("start")?),
        (None, None, Some(pattern)) => Multiline::Continue(Pattern::new(pattern).context("continue")?),
        _ => bail!("expected one of mode, start and continue"),
    };
    Ok(Framing::new(FramingRule { multiline, ..FramingRule::default() })?)
}

fn patterns(include: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for pattern in include {
        set.add(
            GlobBuilder::new(pattern)
                .literal_separator(true)
                .build()
                .with_context(|| format!("include: expected a pattern, found {pattern:?}"))?,
        );
    }
    Ok(set.build()?)
}

fn zone(name: &str) -> Result<TimeZone> {
    TimeZone::get(name)
        .with_context(|| format!("timezone: expected a name such as UTC or Europe/Berlin, found {name:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let result =
            toml::from_str(text).map_err(anyhow::Error::from).and_then(|raw| Config::checked(raw, None));
        let message = result.map_or_else(|error| format!("{error:#}"), |_| "fine".into());
        assert!(message.contains(expect), "{text:?}: {message}");
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_was_expected() {
        check("", "fine");
        check("hots = 'a'", "unknown field `hots`");
        check("host = 'a/b'", "host: expected 1 to 240 characters");
        check("timezone = 'Mars'", "timezone: expected a name such as UTC");
        check("max_wait = 'soon'", "expected a time from 100ms");
        check("max_wait = '1ms'", "expected a time from 100ms");
        check("[etl]\ntimezone = 'Mars'", "[etl]: timezone: expected a name such as UTC");
        check("raw = 'always'\n[etl]\nraw = 'always'", "raw: expected at the top or in [etl]");
        check(
            "[etl]\ntimezones = { a = 'UTC' }\n[[source]]\nname = 'a'\ninclude = []\ntimezone = 'UTC'",
            "source \"a\": expected its timezone here or in [etl]",
        );
        check("[[rule]]\nname = 'a'", "[[rule]] 1 \"a\": action: expected one of drop = true");
        check("[[alert]]\nname = 'a'\nwindow = '1s'", "[[alert]] 1 \"a\": window: expected a time from 1m");
        check("level = 99", "expected level between 1 and 19, found 99");
        check("[[source]]\nname = 'a'\ninclude = ['*.log']\nformat = 'x'", "format: expected one of");
        check(
            "[[source]]\nname = 'a'\ninclude = []\nformat = 'x'\n[[format]]\nname = 'x'\npattern = '(?<n>x)'",
            "fine",
        );
        check(
            "[[format]]\nname = 'json'\npattern = '(?<n>x)'",
            "[[format]] 1 \"json\": name: expected a name that no built-in format has",
        );
        check("[[source]]\nname = 'a'\ninclude = ['[']", "include: expected a pattern");
        check("[[source]]\nname = 'a'\ninclude = []\nencoding = 'utf-16'", "unknown variant `utf-16`");
        check(
            "[[source]]\nname = 'a'\ninclude = []\nmultiline = { start = '[' }",
            "multiline: expected a regular expression, found \"[\": unclosed character class",
        );
        check(
            "[[source]]\nname = 'a'\ninclude = []\nmultiline = { start = '^a', mode = 'auto' }",
            "expected one of mode, start and continue",
        );
        check("[[source]]\nname = 'a'\ninclude = []\nmultiline = { continue = '^a' }", "fine");
        check("[[source]]\nname = 'local'\ninclude = []", "found local twice");
        check("[[source]]\nname = 'a'\ninclude = []\nmax_line_bytes = 5", "max_line_bytes between 1024");
    }

    #[test]
    fn a_file_belongs_to_the_first_source_that_includes_it() {
        let text = "[[source]]\nname = 'web'\ninclude = ['/var/log/nginx/*.log']\n[[source]]\nname = 'all'\ninclude = ['/var/**']";
        let config = Config::checked(toml::from_str(text).unwrap(), None).unwrap();
        let name = |path: &str| config.agent.sources[config.source_of(Path::new(path))].name.to_string();
        assert_eq!([name("/var/log/nginx/a.log"), name("/var/x"), name("/tmp/x")], ["web", "all", "local"]);
    }
}
