use crate::parse::tests::check;

#[test]
fn both_generations_of_error_lines_are_read() {
    let cases: &[(&str, &[&str])] = &[
        (
            "[Mon Sep 21 10:00:00.123456 2026] [core:error] [pid 35:tid 43] [client 203.0.113.9:1234] AH00035: access to / denied",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=17",
                "type=application",
                "pid=35",
                "service=core",
                "src=203.0.113.9",
                "message=AH00035: access to / denied",
                "+thread=43",
            ],
        ),
        (
            "[Mon Sep 21 10:00:00 2026] [error] [client 203.0.113.9] File does not exist: /var/www/x",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=application",
                "src=203.0.113.9",
                "message=File does not exist: /var/www/x",
            ],
        ),
        (
            "[Mon Sep 21 10:00:00 2026] [notice] caught SIGTERM, shutting down",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=10",
                "type=service",
                "message=caught SIGTERM, shutting down",
            ],
        ),
        (
            "[Mon Sep 21 10:00:00.123456 2026] [mpm_event:notice] [pid 35:tid 43] AH00489: Apache/2.4 configured -- resuming normal operations",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=10",
                "type=service",
                "pid=35",
                "service=mpm_event",
                "message=AH00489: Apache/2.4 configured -- resuming normal operations",
                "+thread=43",
            ],
        ),
        (
            "[Mon Sep 21 10:00:00.123456 2026] [auth_basic:error] [pid 35] [client 203.0.113.9:1234] AH01617: user ana: authentication failure for \"/x\": Password Mismatch",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=17",
                "type=auth_failure",
                "pid=35",
                "service=auth_basic",
                "user=ana",
                "src=203.0.113.9",
                "message=AH01617: user ana: authentication failure for \"/x\": Password Mismatch",
            ],
        ),
    ];
    for (text, expect) in cases {
        check("apache_error", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    check("apache_error", "[Mon Sep 21 10:00:00 2026] [something] x", &[]);
}
