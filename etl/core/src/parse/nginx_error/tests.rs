use crate::parse::tests::check;

#[test]
fn error_lines_are_read_with_the_fields_behind_them() {
    let cases: &[(&str, &[&str])] = &[
        (
            "2026/09/21 10:00:00 [error] 29874#29875: *98 open() \"/srv/x\" failed (2: No such file or directory), client: 203.0.113.9, server: example.org, request: \"GET /x HTTP/1.1\", host: \"example.org\", referrer: \"https://example.org/\"",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=application",
                "pid=29874",
                "src=203.0.113.9",
                "method=GET",
                "path=/x",
                "referrer=https://example.org/",
                "message=open() \"/srv/x\" failed (2: No such file or directory)",
                "+connection=98",
                "+server=example.org",
                "+host=example.org",
            ],
        ),
        (
            "2026/09/21 10:00:00 [warn] 1#1: conflicting server name \"x\" on 0.0.0.0:80, ignored",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=application",
                "pid=1",
                "message=conflicting server name \"x\" on 0.0.0.0:80, ignored",
            ],
        ),
        (
            "2026/09/21 10:00:00 [error] 7#7: *1 user \"ana\": password mismatch, client: 203.0.113.9, server: x, request: \"GET / HTTP/1.1\"",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=auth_failure",
                "pid=7",
                "user=ana",
                "src=203.0.113.9",
                "method=GET",
                "path=/",
                "message=user \"ana\": password mismatch",
                "+connection=1",
                "+server=x",
            ],
        ),
        (
            "2026/09/21 10:00:00 [error] 7#7: *1 user \"x, client: 192.0.2.1, server: y\": password mismatch, client: 203.0.113.9, server: x, request: \"GET / HTTP/1.1\", referrer: \"a, client: 192.0.2.2, server: z\"",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=auth_failure",
                "pid=7",
                "user=x, client: 192.0.2.1, server: y",
                "src=203.0.113.9",
                "method=GET",
                "path=/",
                "referrer=a, client: 192.0.2.2, server: z",
                "message=user \"x, client: 192.0.2.1, server: y\": password mismatch",
                "+connection=1",
                "+server=x",
            ],
        ),
    ];
    for (text, expect) in cases {
        check("nginx_error", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    check("nginx_error", "2026/09/21 10:00:00 [error] x", &[]);
}
