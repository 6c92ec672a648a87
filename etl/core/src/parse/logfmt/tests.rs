use crate::parse::tests::check;

#[test]
fn pairs_are_read() {
    let cases: &[(&str, &[&str])] = &[
        (
            "time=2026-09-21T10:00:00Z level=warning msg=\"low \\\"disk\\\"\" component=disk free=0.1 dry",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=application",
                "service=disk",
                "message=low \"disk\"",
                "+free=0.1",
                "+dry=",
            ],
        ),
        (
            "ts=1789984800.25 caller=main.go:1 level=info msg=ready duration=12.5ms",
            &[
                "event=2026-09-21T10:00:00.25Z",
                "severity=9",
                "type=application",
                "ms=12.5",
                "message=ready",
                "+caller=main.go:1",
            ],
        ),
        (
            "at=info method=GET path=\"/x\" host=h fwd=\"203.0.113.9\" status=503 bytes=12 time=\"2026-09-21T10:00:00Z\"",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=http_access",
                "status=503",
                "bytes=12",
                "method=GET",
                "path=/x",
                "message=GET /x",
                "+host=h",
                "+fwd=203.0.113.9",
            ],
        ),
    ];
    for (text, expect) in cases {
        check("logfmt", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    for text in ["a=b c=d", "level=info and then many words that are no pairs at all", "x level=info msg=y"] {
        check("logfmt", text, &[]);
    }
}
