//! The names: which columns they stand for, and which of them tell what a line is about. Data only.
//!
//! A dotted name is a member of that name or a member of the object before the dot.

use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::LazyLock;

/// The ranks of what tells the level: OpenTelemetry's number, which is finer than a word, a level's name, a name that
/// often means something else, a status.
pub(super) const LEVEL_NUMBER: u8 = 0;
pub(super) const LEVEL: u8 = 1;
pub(super) const LEVEL_PERHAPS: u8 = 2;
pub(super) const LEVEL_STATUS: u8 = 3;

/// The column that a name stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Field {
    /// When it happened: the smaller the number, the better the name. The worse are business's, too.
    Time(u8),
    /// The nanoseconds of the second that another member names.
    TimeNanos,
    /// Likewise: [`LEVEL`] is the best name's.
    Level(u8),
    /// MongoDB's letters.
    LevelLetter,
    /// Python's numbers: 30 is a warning, not bunyan's info.
    PythonLevel,
    /// OpenTelemetry's own numbers.
    Severity,
    Message,
    /// A message under a name that often means something else.
    WeakMessage,
    /// Who wrote the line: the smaller the number, the better the name.
    Service(u8),
    Pid,
    Trace,
    Span,
    User,
    Address,
    Method,
    Path,
    Request,
    Status,
    Bytes,
    /// A duration: how many milliseconds its unit has, where the name says.
    Duration(Option<f64>),
    Agent,
    Referrer,
}

/// What a name says beside its column: members that only a certain kind of record has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::parse) enum Fact {
    /// journald: any of its own members.
    Journal,
    /// The record's type in the kernel's audit trail, as journald has it.
    AuditType,
    AuditResult,
    /// MongoDB's time.
    Mongo,
    /// PostgreSQL's level in its `jsonlog`.
    PostgresLevel,
    /// Serilog's compact time.
    Serilog,
    /// A container's output: `stdout` or `stderr`.
    Stream,
    /// Elastic Common Schema.
    Category,
    Outcome,
    Kind,
    Action,
    /// CloudTrail.
    EventName,
    EventSource,
    ErrorCode,
    LoginResult,
    IdentityType,
    RoleName,
    IdentityArn,
    /// Google's audit logs.
    AuditMethod,
    AuditCode,
    /// Kubernetes' audit events.
    AuditId,
    AuditVerb,
    AuditStatus,
    /// Envoy, Istio and Rails count unnamed units in milliseconds, Caddy in seconds.
    CountsMillis,
    CountsSeconds,
    /// The number of a Windows event.
    EventId,
    WindowsChannel,
    WindowsLevel,
    /// Its code, of success or failure.
    WindowsStatus,
    /// The web application firewall of AWS.
    WebAcl,
    /// The flow logs of AWS: accepted or rejected packets.
    FlowVerdict,
    FlowProtocol,
    FlowTarget,
    /// Route 53's resolver.
    QueryName,
    QueryVerdict,
}

/// What is known of a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The name itself.
    pub(super) name: &'static str,
    pub(super) field: Option<Field>,
    pub(super) fact: Option<Fact>,
}

/// What is known of a member of this name, dotted where nested.
pub(super) fn entry(name: &str) -> Option<Entry> {
    ENTRIES.get(name).copied()
}

/// Whether known names begin with this prefix and a dot.
pub(in crate::parse) fn has_prefix(prefix: &str) -> bool {
    PREFIXES.contains(prefix)
}

/// Whether the table knows the name.
pub(in crate::parse) fn is_known_name(name: &str) -> bool {
    ENTRIES.contains_key(name)
}

/// Whether the name is a time's.
pub(in crate::parse) fn is_time_name(name: &str) -> bool {
    entry(name).is_some_and(|entry| matches!(entry.field, Some(Field::Time(_))))
}

static ENTRIES: LazyLock<FxHashMap<&'static str, Entry>> = LazyLock::new(|| {
    let mut entries = FxHashMap::default();
    let unknown = |name| Entry { name, field: None, fact: None };
    for (field, names) in COLUMNS {
        for name in *names {
            entries.entry(*name).or_insert_with(|| unknown(*name)).field = Some(*field);
        }
    }
    for (fact, names) in FACTS {
        for name in *names {
            entries.entry(*name).or_insert_with(|| unknown(*name)).fact = Some(*fact);
        }
    }
    entries
});

static PREFIXES: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| {
    let dots = |name: &'static str| name.match_indices('.').map(move |(at, _)| &name[..at]);
    ENTRIES.keys().flat_map(|name| dots(name)).chain(["resource", "attrs"]).collect()
});

const SECONDS: Field = Field::Duration(Some(1e3));
const MILLIS: Field = Field::Duration(Some(1.0));
const MICROS: Field = Field::Duration(Some(1e-3));
const NANOS: Field = Field::Duration(Some(1e-6));

#[rustfmt::skip]
static COLUMNS: &[(Field, &[&str])] = &[
    (Field::Time(0), &[
        "@timestamp", "timestamp", "time", "ts", "t", "@t", "datetime", "_time", "Timestamp",
        "Time", "timeStamp", "timestamp_ms", "timeMillis", "asctime", "eventTime", "event_time",
        "time_iso8601", "time_local", "isotime", "date_time", "__REALTIME_TIMESTAMP", "timeUnixNano",
        "time_unix_nano", "StartUTC", "requestReceivedTimestamp", "t.$date",
        "t.$date.$numberLong", "instant.epochSecond", "query_timestamp",
        "EdgeStartTimestamp", "TimeCreated", "EventTime", "TimeGenerated", "SystemTime",
        "winlog.time_created",
    ]),
    (Field::Time(1), &[
        "date", "epoch", "created", "created_at", "start_time", "requestTime", "receivedTime", "msec",
        "observedTimeUnixNano",
    ]),
    (Field::TimeNanos, &["instant.nanoOfSecond"]),
    (Field::Level(LEVEL), &[
        "level", "lvl", "severity", "log.level", "levelname", "level_name", "loglevel", "log_level",
        "Level", "LogLevel", "logLevel", "@l", "severityText", "severity_text", "SeverityText",
        "severityLabel", "PRIORITY", "levelName", "log.syslog.severity.code",
        "log.syslog.severity.name", "Severity", "SeverityName", "loglevel_name", "_level",
        "syslog.severity", "level.name", "metadata.level", "winlog.level",
    ]),
    (Field::Level(LEVEL_PERHAPS), &["priority", "at"]),
    (Field::LevelLetter, &["s"]),
    (Field::PythonLevel, &["levelno"]),
    (Field::Severity, &["severityNumber", "severity_number", "SeverityNumber"]),
    (Field::Message, &[
        "message", "msg", "@m", "Message", "MESSAGE", "short_message", "fields.message", "textPayload",
        "jsonPayload.message", "jsonPayload.msg", "body.stringValue", "body.string_value",
        "RenderedMessage", "protoPayload.methodName", "formattedMessage",
    ]),
    (Field::WeakMessage, &["log", "event", "text", "body", "@mt", "Body", "MessageTemplate"]),
    (Field::Service(0), &[
        "service", "service.name", "service_name", "serviceName", "app", "application", "appname",
        "app_name", "SYSLOG_IDENTIFIER", "program", "kubernetes.container_name",
        "kubernetes.container.name", "protoPayload.serviceName", "ServiceName",
    ]),
    (Field::Service(1), &[
        "logger", "logger_name", "loggerName", "log.logger", "target", "SourceContext",
        "Properties.SourceContext", "unit", "_SYSTEMD_UNIT", "Category", "category", "eventSource",
        "SourceName", "ProviderName", "winlog.provider_name", "caller_module",
    ]),
    (Field::Service(2), &["name", "component", "module", "tag", "logName", "c", "_COMM", "process.name"]),
    (Field::Pid, &[
        "pid", "process.pid", "_PID", "process_id", "processId", "process.id", "SYSLOG_PID",
        "winlog.process.pid", "ProcessID",
    ]),
    (Field::Trace, &[
        "trace_id", "traceId", "trace.id", "TraceId", "traceid", "traceID", "dd.trace_id", "otelTraceID",
        "@tr", "MDC.traceId", "mdc.traceId", "context.trace_id", "trace", "logging.googleapis.com/trace",
        "Properties.TraceId",
    ]),
    (Field::Span, &[
        "span_id", "spanId", "span.id", "SpanId", "spanid", "spanID", "dd.span_id", "otelSpanID", "@sp",
        "MDC.spanId", "mdc.spanId", "context.span_id", "logging.googleapis.com/spanId",
        "Properties.SpanId",
    ]),
    (Field::User, &[
        "user", "username", "user_name", "user.name", "userName", "remote_user", "usr.name", "login",
        "principal", "user.username", "userIdentity.userName", "ClientUsername",
        "protoPayload.authenticationInfo.principalEmail", "TargetUserName",
        "winlog.event_data.TargetUserName", "EventData.TargetUserName", "enduser.id",
        "attr.principalName", "attr.user", "AUDIT_FIELD_ACCT", "_AUDIT_FIELD_ACCT",
    ]),
    (Field::Address, &[
        "remote_addr", "remote_ip", "client_ip", "clientip", "clientIp", "client_addr", "ip", "src_ip",
        "source.ip", "source_ip", "sourceIPAddress", "client.ip", "remoteAddress", "req.remoteAddress",
        "source.address", "client.address", "remote", "src", "srcip", "ClientHost", "ip_address",
        "ipAddress", "sourceIPs", "request.remote_ip", "request.client_ip", "request.remote_addr",
        "httpRequest.remoteIp", "httpRequest.clientIp", "protoPayload.requestMetadata.callerIp",
        "srcaddr", "downstream_remote_address", "remote_address", "ClientIP", "attr.remote",
        "attr.client", "IpAddress", "winlog.event_data.IpAddress", "EventData.IpAddress", "remote_host",
        "network.client.ip", "AUDIT_FIELD_ADDR", "_AUDIT_FIELD_ADDR", "client", "http.client_ip",
        "net.peer.ip", "ClientAddr", "peer",
    ]),
    (Field::Method, &[
        "method", "http_method", "request_method", "req.method", "http.method", "httpMethod",
        "http.request.method", "RequestMethod", "request.method", "httpRequest.requestMethod",
        "httpRequest.httpMethod", "ClientRequestMethod", "requestMethod",
        "verb",
    ]),
    (Field::Path, &[
        "path", "uri", "url", "request_uri", "http_path", "req.url", "url.path", "url.original",
        "http.url", "http.target", "request_path", "RequestPath", "requestURI", "request.url",
        "request.uri", "request.path", "httpRequest.requestUrl", "httpRequest.uri", "ClientRequestURI",
        "ClientRequestPath", "requestUri", "url.full", "http.route", "original_path",
    ]),
    (Field::Request, &["request"]),
    (Field::Status, &[
        "status", "status_code", "statusCode", "http_status", "res.statusCode", "http.status_code",
        "http.response.status_code", "response", "response_code", "DownstreamStatus", "response.status",
        "code", "httpRequest.status", "responseStatus.code", "EdgeResponseStatus", "res.status",
        "response.status_code", "http.response.status",
    ]),
    (Field::Bytes, &[
        "body_bytes_sent", "bytes_sent", "bytes", "http_bytes", "response_size", "bytes_out",
        "http.response.body.bytes", "DownstreamContentSize", "httpRequest.responseSize", "size",
        "responseLength", "EdgeResponseBytes", "http.response.bytes", "resp_size", "response_length",
        "http.response_content_length", "content_length", "http.response.body.size",
    ]),
    (MILLIS, &[
        "duration_ms", "elapsed_ms", "responseTime", "response_time_ms", "latency_ms", "took_ms", "connection_time_ms",
        "durationMillis", "attr.durationMillis", "elapsedMilliseconds", "ElapsedMilliseconds",
        "Elapsed", "responseLatency", "durationMs", "latencyMs", "elapsedMs", "request_time_ms",
    ]),
    (SECONDS, &["request_time", "duration_s", "elapsed_s", "duration_seconds", "request_duration",
        "latency_seconds"]),
    (MICROS, &["duration_us", "latency_us", "request_time_us", "duration_micros"]),
    (NANOS, &["event.duration", "Duration", "duration_ns", "latency_ns", "duration_nanos"]),
    (Field::Duration(None), &["duration", "latency", "elapsed", "took", "httpRequest.latency"]),
    (Field::Agent, &[
        "http_user_agent", "user_agent", "userAgent", "user_agent.original", "useragent",
        "http.user_agent", "httpRequest.userAgent", "request.headers.User-Agent",
        "req.headers.user-agent", "request_User-Agent", "ClientRequestUserAgent",
        "request.user_agent", "agent.original", "user-agent",
        "protoPayload.requestMetadata.callerSuppliedUserAgent",
    ]),
    (Field::Referrer, &[
        "http_referer", "http_referrer", "referer", "referrer", "http.request.referrer",
        "httpRequest.referer", "request.headers.Referer", "req.headers.referer", "request_Referer",
        "ClientRequestReferer", "http.referer",
    ]),
];

#[rustfmt::skip]
static FACTS: &[(Fact, &[&str])] = &[
    (Fact::Journal, &["__REALTIME_TIMESTAMP", "__CURSOR", "_SYSTEMD_UNIT", "SYSLOG_IDENTIFIER"]),
    (Fact::AuditType, &["_AUDIT_TYPE_NAME", "AUDIT_TYPE_NAME"]),
    (Fact::AuditResult, &["AUDIT_FIELD_RES", "_AUDIT_FIELD_RES", "AUDIT_FIELD_RESULT"]),
    (Fact::Mongo, &["t.$date", "t.$date.$numberLong"]),
    (Fact::PostgresLevel, &["error_severity"]),
    (Fact::Serilog, &["@t"]),
    (Fact::Stream, &["stream"]),
    (Fact::Category, &["event.category"]),
    (Fact::Outcome, &["event.outcome"]),
    (Fact::Kind, &["event.type"]),
    (Fact::Action, &["action", "event.action", "firewall_rule_action"]),
    (Fact::EventName, &["eventName"]),
    (Fact::EventSource, &["eventSource"]),
    (Fact::ErrorCode, &["errorCode"]),
    (Fact::LoginResult, &["responseElements.ConsoleLogin"]),
    (Fact::IdentityType, &["userIdentity.type"]),
    (Fact::RoleName, &["userIdentity.sessionContext.sessionIssuer.userName"]),
    (Fact::IdentityArn, &["userIdentity.arn", "userIdentity.principalId", "userIdentity.invokedBy"]),
    (Fact::AuditMethod, &["protoPayload.methodName"]),
    (Fact::AuditCode, &["protoPayload.status.code"]),
    (Fact::AuditId, &["auditID"]),
    (Fact::AuditVerb, &["verb"]),
    (Fact::AuditStatus, &["responseStatus.code"]),
    (Fact::CountsMillis, &["response_flags", "upstream_service_time", "controller"]),
    (Fact::CountsSeconds, &["resp_headers", "bytes_read"]),
    (Fact::EventId, &["EventID", "EventId", "winlog.event_id", "winlog.event_data.EventID", "event_id"]),
    (Fact::WindowsChannel, &["Channel", "winlog.channel", "ProviderGuid", "SourceName", "ProviderName"]),
    (Fact::WindowsLevel, &["Level", "winlog.level"]),
    (Fact::WindowsStatus, &["Status", "winlog.event_data.Status", "EventData.Status"]),
    (Fact::WebAcl, &["webaclId"]),
    (Fact::FlowVerdict, &["flow.action"]),
    (Fact::FlowProtocol, &["flow.protocol"]),
    (Fact::FlowTarget, &["flow.dstaddr"]),
    (Fact::QueryName, &["query_name"]),
    (Fact::QueryVerdict, &["rcode"]),
];
