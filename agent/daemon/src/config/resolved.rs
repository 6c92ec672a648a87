//! A checked configuration written as TOML again, so that an operator sees what is in force.
//!
//! Invariant: read again, it gives the same configuration, but for the external id, which is not shown.

use super::{
    Config, Encryption, Source, UploadSection,
    source::{ENCODINGS, MODES, STARTS},
    tables::CODECS,
    values::{human_bytes, human_duration, name_of, quoted},
};
use headrig_contract::framing::Multiline;
use std::{fmt::Display, time::Duration};

/// `config` as TOML.
pub(super) fn toml(config: &Config) -> String {
    let mut out = Toml(String::new());
    daemon(config, &mut out);
    upload(&config.upload, &mut out);
    chunk(config, &mut out);
    config.sources.iter().for_each(|source| self::source(source, &mut out));
    out.0
}

/// TOML being written.
struct Toml(String);

impl Toml {
    fn table(&mut self, header: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        self.0.extend([gap, header, "\n"]);
    }

    fn set(&mut self, name: &str, value: impl Display) {
        self.0 += &format!("{name} = {value}\n");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.set(name, quoted(text));
    }

    fn duration(&mut self, name: &str, duration: Duration) {
        self.text(name, &human_duration(duration));
    }

    /// A setting without a value of its own, and what takes its place.
    fn text_or(&mut self, name: &str, text: Option<&str>, otherwise: &str) {
        match text {
            Some(text) => self.text(name, text),
            None => self.0 += &format!("# {name}: {otherwise}\n"),
        }
    }

    fn list<'a>(&mut self, name: &str, texts: impl Iterator<Item = &'a str>) {
        let texts: Vec<String> = texts.map(quoted).collect();
        self.set(name, format!("[{}]", texts.join(", ")));
    }
}

fn daemon(config: &Config, out: &mut Toml) {
    let Config { agent, spool, heartbeat, .. } = config;
    out.table("[agent]");
    out.text("host", agent.host.as_str());
    out.text("state_dir", &agent.state_dir.to_string_lossy());
    out.text("status_socket", &agent.status_socket.to_string_lossy());
    let listen = agent.metrics_listen.map_or("off".into(), |address| address.to_string());
    out.text("metrics_listen", &listen);
    out.text("log_level", agent.log_level.as_str());
    out.table("[spool]");
    out.text("bytes_max", &human_bytes(spool.bytes_max));
    out.table("[heartbeat]");
    out.set("enabled", heartbeat.enabled);
    out.duration("interval", heartbeat.interval);
    out.text("namespace", &heartbeat.namespace);
    out.text_or("endpoint", heartbeat.endpoint.as_deref(), "CloudWatch of the region");
}

fn upload(upload: &UploadSection, out: &mut Toml) {
    const ENVIRONMENT: &str = "as the AWS environment says";
    out.table("[upload]");
    out.text("bucket", &upload.bucket);
    out.text("prefix", &upload.prefix);
    out.text_or("region", upload.region.as_deref(), ENVIRONMENT);
    out.text_or("endpoint", upload.endpoint.as_deref(), "S3 of the region");
    out.set("path_style", upload.path_style);
    out.text_or("profile", upload.profile.as_deref(), ENVIRONMENT);
    let (encryption, key) = match &upload.encryption {
        Encryption::Bucket => ("bucket", None),
        Encryption::SseS3 => ("sse-s3", None),
        Encryption::SseKms { key } => ("sse-kms", Some(key.as_str())),
    };
    out.text("encryption", encryption);
    out.text_or("kms_key", key, "none");
    out.text_or("storage_class", upload.storage_class.as_deref(), "as the bucket says");
    out.set("parallel_max", upload.parallel_max);
    let bandwidth = upload.bandwidth_bytes_per_second_max.map_or("off".into(), human_bytes);
    out.text("bandwidth_bytes_per_second_max", &bandwidth);
    out.duration("connect_timeout", upload.connect_timeout);
    out.duration("attempt_timeout", upload.attempt_timeout);
    if let Some(role) = &upload.assume_role {
        out.table("[upload.assume_role]");
        out.text("role_arn", &role.role_arn);
        out.text("session_name", &role.session_name);
        let external_id = if role.external_id.is_some() { "set, and not shown" } else { "none" };
        out.text_or("external_id", None, external_id);
    }
    if !upload.tags.is_empty() {
        out.table("[upload.tags]");
        upload.tags.iter().for_each(|(key, value)| out.text(&quoted(key), value));
    }
}

fn chunk(config: &Config, out: &mut Toml) {
    let chunk = &config.chunk;
    out.table("[chunk]");
    out.text("codec", name_of(&CODECS, chunk.codec));
    out.set("level", chunk.level);
    out.text("bytes_max", &human_bytes(chunk.bytes_max));
    out.text("raw_bytes_max", &human_bytes(chunk.raw_bytes_max));
    out.duration("age_max", chunk.age_max);
    out.duration("event_hold", chunk.event_hold);
}

fn source(source: &Source, out: &mut Toml) {
    out.table("[[source]]");
    out.text("name", source.name.as_str());
    out.list("include", source.include.iter().map(super::Pattern::as_str));
    out.list("exclude", source.exclude.iter().map(super::Pattern::as_str));
    out.text_or("format", source.format.as_deref(), "found by looking");
    out.text("encoding", name_of(&ENCODINGS, source.encoding));
    out.text("start_at", name_of(&STARTS, source.start_at));
    out.text("max_line_bytes", &human_bytes(source.line_bytes_max as u64));
    out.set("read_compressed", source.read_compressed);
    out.text("ignore_older", &source.ignore_older.map_or("off".into(), human_duration));
    out.table("[source.multiline]");
    match &source.framing.rule().multiline {
        Multiline::Start(pattern) => out.text("start", pattern.as_str()),
        Multiline::Continue(pattern) => out.text("continue", pattern.as_str()),
        plain => out.text("mode", name_of(&MODES, plain.clone())),
    }
}
