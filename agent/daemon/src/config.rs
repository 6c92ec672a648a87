//! The agent's configuration in two stages: the files as they are written (`document`), each setting with its
//! place, then checked into the plain values below.
//!
//! It knows no S3, no daemon and no clock. *Invariants:* a [`Config`] holds only values that inner code can
//! use as they are; loading finds every problem in one go and names its place; no setting is accepted that
//! nothing honours.

mod diagnostic;
mod document;
pub mod memory;
mod resolved;
mod section;
mod source;
mod tables;
mod text;
mod upload;
mod values;

pub use diagnostic::{Diagnostic, Position};
pub use source::{FORMATS, Pattern, Source};

use diagnostic::Problems;
use document::Document;
use headrig_agent::{Settings, discovery::Discovery, settings::SourceSettings};
use headrig_contract::{HostName, chunk::Codec};
use memory::MemoryCeiling;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};
use text::Text;

/// The agent's settings, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The daemon itself.
    pub agent: AgentSection,
    /// Where chunks go, and how.
    pub upload: UploadSection,
    /// How lines become chunks.
    pub chunk: ChunkSection,
    /// What waits for upload.
    pub spool: SpoolSection,
    /// What CloudWatch is told.
    pub heartbeat: HeartbeatSection,
    /// What is read. Not empty; the names differ.
    pub sources: Vec<Source>,
}

/// `[agent]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentSection {
    /// The name that chunks carry; the machine's where none is set.
    pub host: HostName,
    /// The folder of the state database and the spool; absolute.
    pub state_dir: PathBuf,
    /// The Unix socket that `headrig-agent status` asks; absolute, and short enough for one.
    pub status_socket: PathBuf,
    /// Where Prometheus may ask, a loopback address.
    pub metrics_listen: Option<SocketAddr>,
    /// The least important messages that are logged.
    pub log_level: LogLevel,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What needs somebody.
    Error,
    /// What may need somebody soon.
    Warn,
    /// What happens rarely.
    Info,
    /// What happens often.
    Debug,
    /// Everything.
    Trace,
}

/// `[upload]`. What is not set is left to the AWS environment or to the bucket. Each text is one that its type
/// in [`crate::aws`] or [`crate::s3`] parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadSection {
    /// The bucket's name, or an access point's ARN.
    pub bucket: String,
    /// What keys begin with; may be empty; makes a valid key with each source.
    pub prefix: String,
    /// The region of the bucket and of the heartbeat.
    pub region: Option<String>,
    /// The URL of an S3 that is not AWS's.
    pub endpoint: Option<String>,
    /// Whether the bucket is named in the path instead of the host name.
    pub path_style: bool,
    /// The profile of the AWS configuration files.
    pub profile: Option<String>,
    /// A role to take on before uploading.
    pub assume_role: Option<AssumeRole>,
    /// How S3 encrypts the objects.
    pub encryption: Encryption,
    /// The objects' storage class, by the name that S3 gives it.
    pub storage_class: Option<String>,
    /// The objects' tags, at most ten.
    pub tags: BTreeMap<String, String>,
    /// How many uploads may be under way at once.
    pub parallel_max: usize,
    /// The bytes that all uploads may send in a second.
    pub bandwidth_bytes_per_second_max: Option<u64>,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// How long one attempt to upload a chunk may take.
    pub attempt_timeout: Duration,
}

/// `[upload.assume_role]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumeRole {
    /// The role.
    pub role_arn: String,
    /// The name that CloudTrail shows: `headrig-<host>` where none is set.
    pub session_name: String,
    /// What the role's trust policy asks for.
    pub external_id: Option<ExternalId>,
}

/// An external id: nobody's password, but not printed either.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalId(String);

/// How S3 encrypts what is uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// As the bucket says.
    Bucket,
    /// With S3's own keys.
    SseS3,
    /// With a key of KMS.
    SseKms {
        /// Its id, alias or ARN.
        key: String,
    },
}

/// `[chunk]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChunkSection {
    /// How blocks are compressed.
    pub codec: Codec,
    /// The codec's level, one of [`Codec::levels`].
    pub level: i32,
    /// A chunk is sealed once it holds so many compressed bytes.
    pub bytes_max: u64,
    /// A chunk is sealed once it holds so many raw bytes.
    pub raw_bytes_max: u64,
    /// A chunk is sealed so long after its first byte was read.
    pub age_max: Duration,
    /// How long a file must have been quiet before an event that could go on counts as complete.
    pub event_hold: Duration,
}

/// `[spool]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSection {
    /// Reading stops while sealed chunks of so many bytes wait for upload.
    pub bytes_max: u64,
}

/// `[heartbeat]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeartbeatSection {
    /// Whether there is one.
    pub enabled: bool,
    /// The time between two.
    pub interval: Duration,
    /// The metrics' namespace.
    pub namespace: String,
    /// The URL of a CloudWatch that is not AWS's.
    pub endpoint: Option<String>,
}

impl Config {
    /// Reads `file` and, in the order of their names, the files `conf.d/*.toml` beside it.
    ///
    /// # Errors
    /// Every problem there is, in the order of the files and lines.
    pub fn load(file: &Path) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Problems::default();
        let texts = text::read(file, &mut problems);
        Self::checked(&texts, problems)
    }

    /// Reads `text` as if it stood in `file`, and nothing else.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(file: &Path, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Problems::default();
        problems.begin(file);
        Self::checked(&[Text { path: file.into(), text: text.into() }], problems)
    }

    /// Every setting there is, such as `upload.bucket`; those of a source begin with `source.`.
    pub fn setting_names() -> Vec<String> {
        let mut problems = Problems::default();
        let nothing = [Text { path: PathBuf::new(), text: String::new() }];
        tables::check(&Document::of(&nothing, &mut problems), &mut problems);
        problems.into_names()
    }

    /// The settings of the agent's core.
    pub fn core_settings(&self) -> Settings {
        let source = |source: &Source| SourceSettings {
            name: source.name.clone(),
            format_hint: source.format.as_deref().unwrap_or_default().into(),
            line_bytes_max: source.line_bytes_max,
            framing: source.framing.clone(),
            encoding: source.encoding,
            start_at: source.start_at,
        };
        Settings {
            sources: self.sources.iter().map(source).collect(),
            codec: self.chunk.codec,
            level: self.chunk.level,
            key_prefix: self.upload.prefix.clone(),
            chunk_bytes_max: self.chunk.bytes_max,
            chunk_raw_bytes_max: self.chunk.raw_bytes_max,
            chunk_age_max_ms: milliseconds(self.chunk.age_max),
            event_hold_ms: milliseconds(self.chunk.event_hold),
            spool_bytes_max: self.spool.bytes_max,
            uploads_max: self.upload.parallel_max,
            ..Settings::new(self.agent.host.clone(), self.sources[0].name.clone())
        }
    }

    /// What discovery looks through: every file, folder and pattern that a source includes.
    pub fn inputs(&self) -> Vec<PathBuf> {
        let patterns = self.sources.iter().flat_map(|source| &source.include);
        patterns.map(|pattern| PathBuf::from(pattern.as_str())).collect()
    }

    /// Discovery of all that, the agent's own folder left out.
    pub fn discovery(&self) -> Discovery {
        let encodings = self.sources.iter().map(|source| source.encoding).collect();
        Discovery::new(self.inputs(), vec![self.agent.state_dir.clone()]).expecting(encodings)
    }

    /// The index of the source that takes `path`: the first that includes and does not exclude it.
    pub fn source_of(&self, path: &Path) -> Option<usize> {
        self.sources.iter().position(|source| source.takes(path))
    }

    /// The most memory that the agent takes while it knows so many `files`.
    pub fn memory_ceiling(&self, files: usize) -> MemoryCeiling {
        MemoryCeiling::of(self, files)
    }

    /// This configuration as TOML, defaults included. The external id is left out.
    pub fn to_toml(&self) -> String {
        resolved::toml(self)
    }

    fn checked(texts: &[Text], mut problems: Problems) -> Result<Self, Vec<Diagnostic>> {
        if texts.is_empty() {
            return Err(problems.into_diagnostics());
        }
        let config = tables::check(&Document::of(texts, &mut problems), &mut problems);
        let diagnostics = problems.into_diagnostics();
        if diagnostics.is_empty() { Ok(config) } else { Err(diagnostics) }
    }
}

impl LogLevel {
    /// Each level by its name.
    pub const NAMES: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The level's name.
    pub fn as_str(self) -> &'static str {
        values::name_of(&Self::NAMES, self)
    }
}

impl ExternalId {
    /// The id, to be sent to STS and shown to nobody.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ExternalId(not shown)")
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
