use crate::parse::tests::check;

#[test]
fn objects_of_usual_loggers_are_read() {
    let cases: &[(&str, &[&str])] = &[
        (
            "{\"time\":\"2026-09-21T10:00:00.5Z\",\"level\":\"warn\",\"msg\":\"low disk\",\"logger\":\"disk\",\"pid\":7,\"free\":0.1,\"ok\":true,\"nothing\":null}",
            &[
                "event=2026-09-21T10:00:00.5Z",
                "severity=13",
                "type=application",
                "pid=7",
                "service=disk",
                "message=low disk",
                "+free=0.1",
                "+ok=true",
            ],
        ),
        (
            "{\"name\":\"web\",\"hostname\":\"h\",\"pid\":7,\"level\":50,\"msg\":\"x\",\"time\":\"2026-09-21T10:00:00Z\",\"v\":0}",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=application",
                "pid=7",
                "service=web",
                "message=x",
                "+hostname=h",
                "+v=0",
            ],
        ),
        (
            "{\"level\":30,\"time\":1789984800123,\"msg\":\"a \\\"b\\\"\\n\\u00e9\\ud83d\\ude00\"}",
            &["event=2026-09-21T10:00:00.123Z", "severity=9", "type=application", "message=a \"b\"\né😀"],
        ),
        (
            "{\"@timestamp\":\"2026-09-21T10:00:00Z\",\"log\":{\"level\":\"error\",\"logger\":\"a.B\"},\"message\":\"x\",\"trace\":{\"id\":\"4bf9\"},\"span\":{\"id\":\"00f0\"},\"user\":{\"name\":\"ana\"},\"source\":{\"ip\":\"203.0.113.9\"}}",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=application",
                "service=a.B",
                "user=ana",
                "src=203.0.113.9",
                "trace=4bf9",
                "span=00f0",
                "message=x",
            ],
        ),
        (
            "{\"timestamp\":\"2026-09-21T10:00:00Z\",\"level\":\"INFO\",\"fields\":{\"message\":\"x\",\"n\":3},\"target\":\"app::db\"}",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=9",
                "type=application",
                "service=app::db",
                "message=x",
                "+fields={\"message\":\"x\",\"n\":3}",
            ],
        ),
        (
            "{\"__REALTIME_TIMESTAMP\":\"1789984800123456\",\"PRIORITY\":\"6\",\"SYSLOG_IDENTIFIER\":\"sshd\",\"_PID\":\"812\",\"MESSAGE\":\"Accepted password for ana from 203.0.113.9 port 1 ssh2\"}",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=9",
                "type=auth_success",
                "pid=812",
                "service=sshd",
                "user=ana",
                "src=203.0.113.9",
                "message=Accepted password for ana from 203.0.113.9 port 1 ssh2",
                "+auth_method=password",
                "+src_port=1",
            ],
        ),
        (
            "{\"time_iso8601\":\"2026-09-21T10:00:00+00:00\",\"remote_addr\":\"203.0.113.9\",\"request\":\"GET /x HTTP/1.1\",\"status\":\"503\",\"body_bytes_sent\":\"12\",\"request_time\":\"0.250\",\"http_user_agent\":\"curl\"}",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=http_access",
                "status=503",
                "bytes=12",
                "ms=250",
                "src=203.0.113.9",
                "method=GET",
                "path=/x",
                "agent=curl",
                "message=GET /x HTTP/1.1",
            ],
        ),
        (
            "{\"ts\":1789984800.25,\"level\":\"info\",\"caller\":\"a.go:1\",\"msg\":\"x\",\"status\":200}",
            &[
                "event=2026-09-21T10:00:00.25Z",
                "severity=9",
                "type=application",
                "message=x",
                "+caller=a.go:1",
                "+status=200",
            ],
        ),
        (
            "{\"levelname\":\"CRITICAL\",\"levelno\":50,\"asctime\":\"2026-09-21 10:00:00,123\",\"message\":\"x\"}",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=18",
                "type=application",
                "message=x",
                "+levelno=50",
            ],
        ),
        (
            "{\"severityNumber\":13,\"body\":\"x\",\"timeUnixNano\":\"1789984800123456789\"}",
            &["event=2026-09-21T10:00:00.123456Z", "severity=13", "type=application", "message=x"],
        ),
        ("{\"a\":1}", &["file=2026-09-30T23:00:00Z", "severity=0", "type=application", "+a=1"]),
        (
            "{\"a\":[1,{\"b\":\"]\"}],\"msg\":\"x\"}",
            &[
                "file=2026-09-30T23:00:00Z",
                "severity=0",
                "type=application",
                "message=x",
                "+a=[1,{\"b\":\"]\"}]",
            ],
        ),
    ];
    for (text, expect) in cases {
        check("json", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    for text in ["{}", "{\"a\":1} x", "{\"a\":\"\\q\"}"] {
        check("json", text, &[]);
    }
}

#[test]
fn objects_of_very_many_members_are_refused_and_deep_ones_are_kept_as_text() {
    let members = |count: usize| {
        let members: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{n}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let zone = jiff::tz::TimeZone::UTC;
    let context = crate::parse::tests::context(&zone);
    let parse = |text: &str| {
        let mut event = crate::Event::default();
        super::parse(text, &context, &mut event).then_some(event.attributes.len())
    };
    assert_eq!(parse(&members(4096)), Some(4096));
    assert_eq!(parse(&members(4097)), None);
    let deep = format!("{{\"log\":{}1{}}}", "{\"log\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(parse(&deep), Some(1));
    assert_eq!(parse(&"{\"a\":".repeat(10_000)), None);
}
