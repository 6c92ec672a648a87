//! The names: which columns they stand for. Data only.

/// The column that a name stands for.
#[derive(Clone, Copy)]
pub(super) enum Field {
    Time,
    Level,
    /// Python's numbers: 30 is a warning, not bunyan's info.
    PythonLevel,
    /// OpenTelemetry's own numbers.
    Severity,
    Message,
    WeakMessage(&'static str),
    Service,
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

/// Whether known names begin with this prefix and a dot.
pub(in crate::parse) fn has_prefix(prefix: &str) -> bool {
    matches!(
        prefix,
        "log"
            | "fields"
            | "process"
            | "trace"
            | "span"
            | "user"
            | "source"
            | "client"
            | "http"
            | "http.request"
            | "http.response"
            | "service"
            | "url"
            | "req"
            | "res"
            | "request"
            | "response"
            | "jsonPayload"
            | "body"
            | "user_agent"
            | "event"
            | "log.syslog"
            | "log.syslog.severity"
            | "context"
            | "usr"
            | "dd"
            | "attributes"
            | "MDC"
            | "mdc"
    )
}

/// The column that a member of this name, dotted where nested, stands for.
pub(super) fn field_named(name: &str) -> Option<Field> {
    Some(match name {
        "@timestamp"
        | "timestamp"
        | "time"
        | "ts"
        | "t"
        | "@t"
        | "date"
        | "datetime"
        | "_time"
        | "Timestamp"
        | "Time"
        | "timeStamp"
        | "timestamp_ms"
        | "timeMillis"
        | "epoch"
        | "asctime"
        | "eventTime"
        | "event_time"
        | "time_iso8601"
        | "time_local"
        | "isotime"
        | "date_time"
        | "__REALTIME_TIMESTAMP"
        | "timeUnixNano"
        | "created"
        | "created_at"
        | "StartUTC"
        | "requestReceivedTimestamp" => Field::Time,
        "level"
        | "lvl"
        | "severity"
        | "log.level"
        | "levelname"
        | "level_name"
        | "loglevel"
        | "log_level"
        | "Level"
        | "LogLevel"
        | "logLevel"
        | "@l"
        | "severityText"
        | "severity_text"
        | "SeverityText"
        | "severityLabel"
        | "PRIORITY"
        | "priority"
        | "levelName"
        | "s"
        | "at"
        | "log.syslog.severity.code"
        | "log.syslog.severity.name" => Field::Level,
        "levelno" => Field::PythonLevel,
        "severityNumber" | "severity_number" | "SeverityNumber" => Field::Severity,
        "message"
        | "msg"
        | "@m"
        | "Message"
        | "MESSAGE"
        | "short_message"
        | "fields.message"
        | "textPayload"
        | "jsonPayload.message"
        | "body.stringValue"
        | "RenderedMessage" => Field::Message,
        "log" => Field::WeakMessage("log"),
        "event" => Field::WeakMessage("event"),
        "text" => Field::WeakMessage("text"),
        "body" => Field::WeakMessage("body"),
        "@mt" => Field::WeakMessage("@mt"),
        _ => return origin_field(name).or_else(|| http_field(name)),
    })
}

fn origin_field(name: &str) -> Option<Field> {
    Some(match name {
        "logger" | "logger_name" | "loggerName" | "log.logger" | "name" | "service" | "service.name"
        | "service_name" | "serviceName" | "app" | "application" | "appname" | "app_name" | "component"
        | "module" | "target" | "SYSLOG_IDENTIFIER" | "unit" | "program" | "tag" | "SourceContext"
        | "category" | "Category" | "logName" | "caller_module" | "c" => Field::Service,
        "pid" | "process.pid" | "_PID" | "process_id" | "processId" | "process.id" => Field::Pid,
        "trace_id" | "traceId" | "trace.id" | "TraceId" | "traceid" | "traceID" | "dd.trace_id"
        | "otelTraceID" | "@tr" | "MDC.traceId" | "mdc.traceId" | "context.trace_id" => Field::Trace,
        "span_id" | "spanId" | "span.id" | "SpanId" | "spanid" | "spanID" | "dd.span_id" | "otelSpanID"
        | "@sp" | "MDC.spanId" | "mdc.spanId" | "context.span_id" => Field::Span,
        "user" | "username" | "user_name" | "user.name" | "userName" | "remote_user" | "usr.name"
        | "login" | "principal" => Field::User,
        "remote_addr" | "remote_ip" | "client_ip" | "clientip" | "clientIp" | "client_addr" | "ip"
        | "src_ip" | "source.ip" | "source_ip" | "sourceIPAddress" | "client.ip" | "remoteAddress"
        | "req.remoteAddress" | "source.address" | "client.address" | "remote" | "src" | "srcip"
        | "ClientHost" | "ip_address" | "ipAddress" => Field::Address,
        _ => return None,
    })
}

fn http_field(name: &str) -> Option<Field> {
    Some(match name {
        "method"
        | "http_method"
        | "request_method"
        | "req.method"
        | "http.method"
        | "httpMethod"
        | "http.request.method"
        | "verb"
        | "RequestMethod"
        | "request.method" => Field::Method,
        "path" | "uri" | "url" | "request_uri" | "http_path" | "req.url" | "url.path" | "url.original"
        | "http.url" | "http.target" | "request_path" | "RequestPath" | "requestURI" | "request.url"
        | "request.uri" | "request.path" => Field::Path,
        "request" => Field::Request,
        "status"
        | "status_code"
        | "statusCode"
        | "http_status"
        | "res.statusCode"
        | "http.status_code"
        | "http.response.status_code"
        | "response"
        | "response_code"
        | "DownstreamStatus"
        | "response.status"
        | "code" => Field::Status,
        "body_bytes_sent"
        | "bytes_sent"
        | "bytes"
        | "http_bytes"
        | "response_size"
        | "bytes_out"
        | "http.response.body.bytes"
        | "DownstreamContentSize" => Field::Bytes,
        "duration_ms" | "elapsed_ms" | "responseTime" | "response_time_ms" | "latency_ms" | "took_ms" => {
            Field::Duration(Some(1.0))
        }
        "request_time" | "duration_s" | "elapsed_s" => Field::Duration(Some(1e3)),
        "duration_us" | "latency_us" => Field::Duration(Some(1e-3)),
        "event.duration" | "Duration" | "duration_ns" | "latency_ns" => Field::Duration(Some(1e-6)),
        "duration" | "latency" | "elapsed" | "took" => Field::Duration(None),
        "http_user_agent"
        | "user_agent"
        | "userAgent"
        | "user_agent.original"
        | "useragent"
        | "http.user_agent" => Field::Agent,
        "http_referer" | "http_referrer" | "referer" | "referrer" | "http.request.referrer" => {
            Field::Referrer
        }
        _ => return None,
    })
}
