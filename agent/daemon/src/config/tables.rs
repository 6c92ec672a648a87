//! Checks the tables of the daemon itself, one after another: each gives its part of the configuration
//! whatever is wrong, so that one mistake does not hide the next.

use super::{
    AgentSection, ChunkSection, Config, HeartbeatSection, LogLevel, SpoolSection,
    diagnostic::{Diagnostic, Problems},
    document::{Document, SOURCE},
    section::Section,
    source, upload,
    values::{Expected, bytes, duration, flag, human_bytes, integer, one_of, or_off, parses, text},
};
use crate::heartbeat::Namespace;
use headrig_contract::{
    HostName,
    chunk::{BLOCK_BYTES_MAX, Codec},
};
use std::{
    net::SocketAddr,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};
use toml::de::DeValue;

/// The codecs by their names.
pub(super) const CODECS: [(&str, Codec); 2] = [("zstd", Codec::Zstd), ("gzip", Codec::Gzip)];

/// The most sources: each may hold a block in memory.
const SOURCES_MAX: usize = 256;
/// The longest path of a Unix socket, in bytes: `sun_path` of unix(7) less the zero at its end.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// The limits of `[chunk]`, those of the agent's core.
const CHUNK_BYTES: RangeInclusive<u64> = 64 << 10..=1 << 30;
const CHUNK_RAW_BYTES: RangeInclusive<u64> = BLOCK_BYTES_MAX as u64..=4 << 30;
const CHUNK_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);
const EVENT_HOLD: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_mins(1);
/// The limits of the spool: a chunk, and more than any disk.
const SPOOL_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 50;
/// CloudWatch keeps a point a minute for 15 days, and finer ones for three hours.
const HEARTBEAT_INTERVAL: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(1);

/// Checks all of `document`. What is returned is of use only where no problem was found.
pub(super) fn check(document: &Document<'_>, problems: &mut Problems) -> Config {
    let agent = agent(document.section("agent", problems));
    let sources = sources(document, problems);
    let chunk = chunk(document.section("chunk", problems));
    let spool = spool(document.section("spool", problems), &chunk);
    let heartbeat = heartbeat(document.section("heartbeat", problems));
    let upload = upload::check(document.section("upload", problems), &agent.host, &sources, &chunk);
    document.finish(problems);
    Config { agent, upload, chunk, spool, heartbeat, sources }
}

fn agent(mut section: Section<'_>) -> AgentSection {
    let host = section.setting("host", |value| {
        let name = value.as_str().and_then(|name| name.parse().ok());
        name.ok_or_else(|| Expected::new("a name of letters, digits, '.', '_' and '-'"))
    });
    let socket = |path: &Path| path.is_absolute() && path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX;
    let settings = AgentSection {
        host: host.unwrap_or_else(|| HostName::from_lossy(&gethostname::gethostname().to_string_lossy())),
        state_dir: section
            .setting("state_dir", path("an absolute path", Path::is_absolute))
            .unwrap_or_else(|| "/var/lib/headrig".into()),
        status_socket: section
            .setting("status_socket", path("an absolute path of at most 107 bytes", socket))
            .unwrap_or_else(|| "/run/headrig/agent.sock".into()),
        metrics_listen: section.setting("metrics_listen", or_off(loopback)).flatten(),
        log_level: section.setting("log_level", one_of(&LogLevel::NAMES)).unwrap_or(LogLevel::Info),
    };
    section.finish();
    settings
}

fn sources(document: &Document<'_>, problems: &mut Problems) -> Vec<source::Source> {
    // Its settings are known also where no source is written.
    let mut aside = Problems::default();
    source::check(document.unwritten(SOURCE, &mut aside), &[]);
    aside.into_names().into_iter().for_each(|name| problems.add_name(name));
    let mut sources = Vec::new();
    for index in 0..document.source_count() {
        let source = source::check(document.source(index, problems), &sources);
        sources.push(source);
    }
    let count = document.source_count();
    if !(1..=SOURCES_MAX).contains(&count) {
        let expected = Expected::new(format!("one to {SOURCES_MAX} tables [[source]]"));
        let found = if count == 0 { "none".into() } else { count.to_string() };
        let file = document.first_file();
        problems.add_missing(Diagnostic::new(file, None, SOURCE.into(), expected, found));
    }
    sources
}

fn chunk(mut section: Section<'_>) -> ChunkSection {
    let codec = section.setting("codec", one_of(&CODECS)).unwrap_or(Codec::Zstd);
    let levels = i64::from(*codec.levels().start())..=i64::from(*codec.levels().end());
    let level = section.setting("level", integer(levels)).and_then(|level| i32::try_from(level).ok());
    let settings = ChunkSection {
        codec,
        level: level.unwrap_or(codec.default_level()),
        bytes_max: section.setting("bytes_max", bytes(CHUNK_BYTES)).unwrap_or(8 << 20),
        raw_bytes_max: section.setting("raw_bytes_max", bytes(CHUNK_RAW_BYTES)).unwrap_or(64 << 20),
        age_max: section.setting("age_max", duration(CHUNK_AGE)).unwrap_or(Duration::from_mins(1)),
        event_hold: section.setting("event_hold", duration(EVENT_HOLD)).unwrap_or(Duration::from_secs(1)),
    };
    section.finish();
    settings
}

fn spool(mut section: Section<'_>, chunk: &ChunkSection) -> SpoolSection {
    let bytes_max = section.setting("bytes_max", bytes(SPOOL_BYTES)).unwrap_or(1 << 30);
    if bytes_max < chunk.bytes_max {
        let chunk = human_bytes(chunk.bytes_max);
        section.reject("bytes_max", Expected::new(format!("at least chunk.bytes_max, {chunk}")));
    }
    section.finish();
    SpoolSection { bytes_max }
}

fn heartbeat(mut section: Section<'_>) -> HeartbeatSection {
    let settings = HeartbeatSection {
        enabled: section.setting("enabled", flag).unwrap_or(true),
        interval: section.setting("interval", duration(HEARTBEAT_INTERVAL)).unwrap_or(Duration::from_mins(1)),
        namespace: section
            .setting("namespace", parses::<Namespace>)
            .unwrap_or_else(|| Namespace::default().to_string()),
        endpoint: section.setting("endpoint", upload::url),
    };
    section.finish();
    settings
}

fn path(
    what: &'static str,
    is_sound: impl Fn(&Path) -> bool,
) -> impl Fn(&DeValue<'_>) -> Result<PathBuf, Expected> {
    let path = text(what, move |text| !text.contains('\0') && is_sound(Path::new(text)));
    move |value| path(value).map(PathBuf::from)
}

/// An address that only this machine reaches: the metrics name hosts, paths and volumes.
fn loopback(value: &DeValue<'_>) -> Result<SocketAddr, Expected> {
    let expected = Expected::new("a loopback address with its port, such as \"127.0.0.1:9464\"");
    let found = value.as_str().unwrap_or_default();
    match found.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err(expected.or_say("let a proxy on this machine pass it on")),
        Err(_) => Err(match found.rsplit_once(':') {
            Some(("localhost" | "", port)) => expected.or_say(format!("did you mean \"127.0.0.1:{port}\"?")),
            _ => expected,
        }),
    }
}
