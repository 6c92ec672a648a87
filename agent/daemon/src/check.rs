//! `headrig-agent check`: says what a configuration means, what is doubtful about it and what is wrong.
//!
//! It opens no network and writes no file. *Invariant:* what it prints of a sound configuration is TOML that
//! loads to the same one, everything but settings in comments; no secret is printed.

use crate::config::{Config, Diagnostic};
use headrig_contract::chunk::Codec;
use std::{
    fs,
    io::{self, Write},
    path::Path,
};

/// The exit code of a configuration that can be used.
pub const EXIT_SOUND: u8 = 0;
/// The exit code of one that cannot: `EX_CONFIG` of sysexits.h.
pub const EXIT_WRONG: u8 = 78;

/// The levels from which on a core compresses less than some 30 MB of logs a second.
const ZSTD_LEVEL_COSTLY: i32 = 10;
const GZIP_LEVEL_COSTLY: i32 = 7;

/// Checks the configuration `file`, prints the result to `out` and returns the exit code.
///
/// # Errors
/// When `out` cannot be written.
pub fn check(file: &Path, out: &mut dyn Write) -> io::Result<u8> {
    match Config::load(file) {
        Ok(config) => explain(&config, out).map(|()| EXIT_SOUND),
        Err(problems) => complain(&problems, out).map(|()| EXIT_WRONG),
    }
}

fn explain(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{}", config.to_toml())?;
    let (files_by_source, mut warnings) = look_for_files(config);
    warnings.extend(doubts(config));
    writeln!(out)?;
    for (source, files) in config.sources.iter().zip(&files_by_source) {
        writeln!(out, "# source {}: {} now", source.name, counted(*files, "file"))?;
    }
    let ceiling = config.memory_ceiling(files_by_source.iter().sum());
    writeln!(out, "# memory: at most {:.1} MiB", mebibytes(ceiling.total()))?;
    for (part, bytes) in &ceiling.parts {
        writeln!(out, "#   {:>8.1} MiB  {part}", mebibytes(*bytes))?;
    }
    for warning in &warnings {
        writeln!(out, "# warning: {}", warning.replace('\n', " "))?;
    }
    Ok(())
}

fn complain(problems: &[Diagnostic], out: &mut dyn Write) -> io::Result<()> {
    for problem in problems {
        writeln!(out, "{problem}")?;
    }
    writeln!(out, "{}; nothing was started or changed", counted(problems.len(), "problem"))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// How many files there are now for each source, and what discovery has to say of them.
fn look_for_files(config: &Config) -> (Vec<usize>, Vec<String>) {
    let nobody = config.sources.len();
    let mut discovery = config.discovery();
    let scan = discovery.scan(|path| config.source_of(path).unwrap_or(nobody));
    let mut files = vec![0; nobody + 1];
    scan.files.iter().for_each(|found| files[found.source] += 1);
    files.truncate(nobody);
    let said = scan.problems.iter().filter(|found| is_wanted(config, &found.path));
    let warnings = said.map(|found| format!("{} {}; {}", found.path.display(), found.problem, found.action));
    (files, warnings.collect())
}

/// Whether a problem with `path` matters: it is a file that is read, or something that a source includes.
fn is_wanted(config: &Config, path: &Path) -> bool {
    let named = config.sources.iter().flat_map(|source| &source.include);
    config.source_of(path).is_some() || named.into_iter().any(|pattern| Path::new(pattern.as_str()) == path)
}

/// What can be used as it is, and is probably not what is wanted.
fn doubts(config: &Config) -> Vec<String> {
    let Config { agent, upload, chunk, heartbeat, .. } = config;
    let mut doubts = Vec::new();
    match fs::metadata(&agent.state_dir) {
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => doubts.push(format!("agent.state_dir: {} is no folder", agent.state_dir.display())),
        Err(error) => doubts.push(format!(
            "agent.state_dir: {}: {error}; make it for the agent's user, or let systemd (StateDirectory=)",
            agent.state_dir.display()
        )),
    }
    let costly = match chunk.codec {
        Codec::Zstd => ZSTD_LEVEL_COSTLY,
        Codec::Gzip => GZIP_LEVEL_COSTLY,
    };
    if chunk.level >= costly {
        doubts.push(format!(
            "chunk.level: {} takes several times the CPU of the default, {}, for a few percent of space",
            chunk.level,
            chunk.codec.default_level()
        ));
    }
    if upload.endpoint.is_some() && heartbeat.enabled && heartbeat.endpoint.is_none() {
        doubts.push(
            "heartbeat: chunks go to upload.endpoint, metrics to CloudWatch of AWS; set heartbeat.enabled = false or heartbeat.endpoint"
                .into(),
        );
    }
    if upload.endpoint.as_ref().is_some_and(|url| url.starts_with("http://")) {
        doubts.push("upload.endpoint: lines travel unencrypted with http".into());
    }
    doubts
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
