//! One event, as parsers fill it and the writer reads it: the lake's columns that come from the line.
//!
//! Everything borrows from the line where it can; an event lives no longer than its block.

use headrig_contract::UnixMicros;
use std::borrow::Cow;

/// An event's fields. Provenance (host, path, chunk, offsets) is the writer's business, not a parser's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event<'a> {
    /// When it happened.
    pub ts: UnixMicros,
    /// Where `ts` comes from.
    pub ts_source: TsSource,
    /// OpenTelemetry SeverityNumber, 1 to 24; 0 where the line does not say.
    pub severity_number: i32,
    /// The partition value.
    pub level: Level,
    /// The partition value.
    pub event_type: EventType,
    /// The name of the parser that took the line; empty where none did.
    pub format: &'static str,
    /// Syslog tag, systemd unit or logger.
    pub service: Option<Cow<'a, str>>,
    /// Process id.
    pub pid: Option<i64>,
    /// The human part.
    pub message: Option<Cow<'a, str>>,
    /// The IP address the line speaks of; in access logs the name that a server resolved it to.
    pub src_ip: Option<Cow<'a, str>>,
    /// The user the line speaks of.
    pub user_name: Option<Cow<'a, str>>,
    /// Request method.
    pub http_method: Option<Cow<'a, str>>,
    /// Request target as the line has it, query included.
    pub http_path: Option<Cow<'a, str>>,
    /// Response status.
    pub http_status: Option<i32>,
    /// Bytes of the response body.
    pub http_bytes: Option<i64>,
    /// Time taken, in milliseconds.
    pub http_duration_ms: Option<f64>,
    /// User-Agent.
    pub http_user_agent: Option<Cow<'a, str>>,
    /// Referer.
    pub http_referrer: Option<Cow<'a, str>>,
    /// W3C trace id, as written.
    pub trace_id: Option<Cow<'a, str>>,
    /// W3C span id, as written.
    pub span_id: Option<Cow<'a, str>>,
    /// Everything else that was parsed, in the line's order.
    pub attributes: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Whether `message` is a line that a program wrote and its runtime wrapped, to be parsed again.
    pub wraps_line: bool,
}

/// Where an event's time comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TsSource {
    /// The line itself.
    Event,
    /// The file's modification time.
    File,
    /// The time of reading.
    #[default]
    Read,
}

/// The `level` partition: OpenTelemetry's severity ranges by their common names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// SeverityNumber 1-4.
    Trace,
    /// SeverityNumber 5-8.
    Debug,
    /// SeverityNumber 9-12.
    Info,
    /// SeverityNumber 13-16.
    Warn,
    /// SeverityNumber 17-20.
    Error,
    /// SeverityNumber 21-24.
    Fatal,
    /// The line does not say.
    #[default]
    Unknown,
}

/// The `event_type` partition, a closed set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// A request served by a web server or proxy.
    HttpAccess,
    /// Somebody proved who they are.
    AuthSuccess,
    /// Somebody failed to.
    AuthFailure,
    /// A session opened or closed.
    Session,
    /// Somebody acted with another's rights (sudo, su, polkit).
    Privilege,
    /// A user or group was made, changed or removed.
    AccountChange,
    /// A packet filter's verdict.
    Firewall,
    /// Links, addresses, name service, DHCP, VPN.
    Network,
    /// The kernel speaks.
    Kernel,
    /// A service started, stopped, failed or was reloaded.
    Service,
    /// cron, at, timers.
    Scheduler,
    /// A database server speaks.
    Database,
    /// A container runtime or orchestrator speaks.
    Container,
    /// Any other program's line.
    Application,
    /// No parser took the line.
    #[default]
    Unparsed,
}

impl TsSource {
    /// The column's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::File => "file",
            Self::Read => "read",
        }
    }
}

impl Level {
    /// Every level, in the order of severity, the unknown last.
    pub const ALL: [Self; 7] =
        [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal, Self::Unknown];

    /// The partition's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
            Self::Unknown => "unknown",
        }
    }

    /// The first SeverityNumber of the level; 0 for the unknown.
    pub const fn severity(self) -> i32 {
        match self {
            Self::Trace => 1,
            Self::Debug => 5,
            Self::Info => 9,
            Self::Warn => 13,
            Self::Error => 17,
            Self::Fatal => 21,
            Self::Unknown => 0,
        }
    }

    /// The level that an OpenTelemetry SeverityNumber falls into.
    pub const fn of_severity(number: i32) -> Self {
        match number {
            1..=4 => Self::Trace,
            5..=8 => Self::Debug,
            9..=12 => Self::Info,
            13..=16 => Self::Warn,
            17..=20 => Self::Error,
            21..=24 => Self::Fatal,
            _ => Self::Unknown,
        }
    }
}

impl EventType {
    /// Every event type.
    pub const ALL: [Self; 15] = [
        Self::HttpAccess,
        Self::AuthSuccess,
        Self::AuthFailure,
        Self::Session,
        Self::Privilege,
        Self::AccountChange,
        Self::Firewall,
        Self::Network,
        Self::Kernel,
        Self::Service,
        Self::Scheduler,
        Self::Database,
        Self::Container,
        Self::Application,
        Self::Unparsed,
    ];

    /// The partition's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HttpAccess => "http_access",
            Self::AuthSuccess => "auth_success",
            Self::AuthFailure => "auth_failure",
            Self::Session => "session",
            Self::Privilege => "privilege",
            Self::AccountChange => "account_change",
            Self::Firewall => "firewall",
            Self::Network => "network",
            Self::Kernel => "kernel",
            Self::Service => "service",
            Self::Scheduler => "scheduler",
            Self::Database => "database",
            Self::Container => "container",
            Self::Application => "application",
            Self::Unparsed => "unparsed",
        }
    }
}

impl<'a> Event<'a> {
    /// Sets severity and level together.
    pub fn set_severity(&mut self, number: i32) {
        self.severity_number = number;
        self.level = Level::of_severity(number);
    }

    /// The same event, borrowing nothing.
    pub fn into_owned(self) -> Event<'static> {
        let owned = |text: Option<Cow<'a, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        let pairs = self.attributes.into_iter();
        let owned_pair = |(key, value): (Cow<'a, str>, Cow<'a, str>)| {
            (Cow::Owned(key.into_owned()), Cow::Owned(value.into_owned()))
        };
        Event {
            ts: self.ts,
            ts_source: self.ts_source,
            severity_number: self.severity_number,
            level: self.level,
            event_type: self.event_type,
            format: self.format,
            service: owned(self.service),
            pid: self.pid,
            message: owned(self.message),
            src_ip: owned(self.src_ip),
            user_name: owned(self.user_name),
            http_method: owned(self.http_method),
            http_path: owned(self.http_path),
            http_status: self.http_status,
            http_bytes: self.http_bytes,
            http_duration_ms: self.http_duration_ms,
            http_user_agent: owned(self.http_user_agent),
            http_referrer: owned(self.http_referrer),
            trace_id: owned(self.trace_id),
            span_id: owned(self.span_id),
            attributes: pairs.map(owned_pair).collect(),
            wraps_line: self.wraps_line,
        }
    }

    /// Whether a parser has written anything to it since it was fresh. An event's time counts by where it comes
    /// from: whoever sets one says so.
    pub(crate) fn is_touched(&self) -> bool {
        // Every line asks several times: without branches that is a few instructions.
        let texts = self.service.is_some()
            | self.message.is_some()
            | self.src_ip.is_some()
            | self.user_name.is_some()
            | self.http_method.is_some()
            | self.http_path.is_some()
            | self.http_user_agent.is_some()
            | self.http_referrer.is_some()
            | self.trace_id.is_some()
            | self.span_id.is_some();
        let numbers = self.pid.is_some()
            | self.http_status.is_some()
            | self.http_bytes.is_some()
            | self.http_duration_ms.is_some();
        texts
            | numbers
            | (self.ts_source == TsSource::Event)
            | (self.severity_number != 0)
            | (self.level != Level::Unknown)
            | (self.event_type != EventType::Unparsed)
            | !self.format.is_empty()
            | self.wraps_line
            | !self.attributes.is_empty()
    }

    /// Adds an attribute.
    pub fn attribute(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) {
        self.attributes.push((key.into(), value.into()));
    }
}
