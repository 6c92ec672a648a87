use crate::parse::tests::check;

#[test]
fn headers_and_structured_data_are_read() {
    let cases: &[(&str, &[&str])] = &[
        (
            "<165>1 2026-09-21T10:00:00.003Z web1.example.org app 812 ID47 [ex@32473 iut=\"3\" note=\"a \\\"b\\\" \\\\ \\] c\"][other@1 x=\"y\"] An application event",
            &[
                "event=2026-09-21T10:00:00.003Z",
                "severity=10",
                "type=application",
                "pid=812",
                "service=app",
                "message=An application event",
                "+facility=local4",
                "+hostname=web1.example.org",
                "+msgid=ID47",
                "+iut=3",
                "+note=a \"b\" \\ ] c",
                "+x=y",
            ],
        ),
        (
            "<38>1 2026-09-21T10:00:00Z web1 sshd 812 - - Accepted publickey for ana from 203.0.113.9 port 4711 ssh2: RSA x",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=9",
                "type=auth_success",
                "pid=812",
                "service=sshd",
                "user=ana",
                "src=203.0.113.9",
                "message=Accepted publickey for ana from 203.0.113.9 port 4711 ssh2: RSA x",
                "+facility=auth",
                "+hostname=web1",
                "+auth_method=publickey",
                "+src_port=4711",
                "+key_type=RSA",
                "+key_fingerprint=x",
            ],
        ),
        (
            "<14>1 - - - - - - x",
            &["file=2026-09-30T23:00:00Z", "severity=9", "type=application", "message=x", "+facility=user"],
        ),
    ];
    for (text, expect) in cases {
        check("syslog_5424", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    for text in ["<14>1 2026-09-21T10:00:00Z h a p-1 m [x", "<14>2 2026-09-21T10:00:00Z h a - - - x"] {
        check("syslog_5424", text, &[]);
    }
}
