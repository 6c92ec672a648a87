use crate::parse::tests::check;

#[test]
fn lines_with_and_without_a_priority_are_read() {
    let cases: &[(&str, &[&str])] = &[
        (
            "Sep 21 10:00:00 web1 sshd[812]: Failed password for invalid user admin from 203.0.113.9 port 4711 ssh2",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=auth_failure",
                "pid=812",
                "service=sshd",
                "user=admin",
                "src=203.0.113.9",
                "message=Failed password for invalid user admin from 203.0.113.9 port 4711 ssh2",
                "+hostname=web1",
                "+auth_method=password",
                "+src_port=4711",
            ],
        ),
        (
            "<34>Sep 21 10:00:00 web1 su: 'su root' failed for ana on /dev/pts/8",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=18",
                "type=auth_failure",
                "service=su",
                "user=ana",
                "message='su root' failed for ana on /dev/pts/8",
                "+facility=auth",
                "+hostname=web1",
                "+target_user=root",
                "+tty=/dev/pts/8",
            ],
        ),
        (
            "<13>Sep  1 10:00:00 10.0.0.1 myapp[1]: ready",
            &[
                "event=2026-09-01T10:00:00Z",
                "severity=10",
                "type=application",
                "pid=1",
                "service=myapp",
                "message=ready",
                "+facility=user",
                "+hostname=10.0.0.1",
            ],
        ),
        (
            "2026-09-21T12:00:00.123456+02:00 web1.example.org systemd[1]: Started Daily apt activities.",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=0",
                "type=service",
                "pid=1",
                "service=systemd",
                "message=Started Daily apt activities.",
                "+hostname=web1.example.org",
            ],
        ),
        (
            "2026-09-21T10:00:00Z 2001:db8::7 kernel: [   12.345678] Out of memory: Killed process 1 (x)",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=kernel",
                "service=kernel",
                "message=[   12.345678] Out of memory: Killed process 1 (x)",
                "+hostname=2001:db8::7",
            ],
        ),
        (
            "Sep 21 10:00:00 combo su(pam_unix)[21416]: session opened for user ana by (uid=0)",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=session",
                "pid=21416",
                "service=su(pam_unix)",
                "user=ana",
                "message=session opened for user ana by (uid=0)",
                "+hostname=combo",
                "+by_uid=0",
            ],
        ),
        (
            "Sep 21 10:00:00 combo syslogd 1.4.1: restart.",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=service",
                "service=syslogd",
                "message=restart.",
                "+hostname=combo",
            ],
        ),
        (
            "Sep 21 10:00:00 combo last message repeated 2 times",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=application",
                "message=last message repeated 2 times",
                "+hostname=combo",
            ],
        ),
        (
            "<189>Sep 21 2026 10:00:00: %SYS-5-CONFIG_I: Configured from console",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=10",
                "type=application",
                "service=%SYS-5-CONFIG_I",
                "message=Configured from console",
                "+facility=local7",
            ],
        ),
        (
            "<14>myapp: no time at all",
            &[
                "file=2026-09-30T23:00:00Z",
                "severity=9",
                "type=application",
                "service=myapp",
                "message=no time at all",
                "+facility=user",
            ],
        ),
        (
            "Sep 21 10:00:00 mac com.apple.xpc.launchd[1] (com.apple.x): Service exited",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=service",
                "pid=1",
                "service=com.apple.xpc.launchd",
                "message=Service exited",
                "+hostname=mac",
            ],
        ),
        (
            "Sep 21 10:00:00 web1 app: error: cannot open x",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=application",
                "service=app",
                "message=error: cannot open x",
                "+hostname=web1",
            ],
        ),
        (
            "Sep 21 10:00:00 h sshd[1]: message repeated 5 times: [ Failed password for root from 203.0.113.9 port 1 ssh2]",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=auth_failure",
                "pid=1",
                "service=sshd",
                "user=root",
                "src=203.0.113.9",
                "message=message repeated 5 times: [ Failed password for root from 203.0.113.9 port 1 ssh2]",
                "+hostname=h",
                "+repeated=5",
                "+auth_method=password",
                "+src_port=1",
            ],
        ),
        (
            "Sep 21 10:00:00 h kernel: [1.5] [UFW BLOCK] IN=eth0 OUT= MAC=x SRC=203.0.113.9 DST=10.0.0.1 LEN=40 PROTO=TCP",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=firewall",
                "service=kernel",
                "src=203.0.113.9",
                "message=[1.5] [UFW BLOCK] IN=eth0 OUT= MAC=x SRC=203.0.113.9 DST=10.0.0.1 LEN=40 PROTO=TCP",
                "+hostname=h",
                "+action=block",
                "+interface_in=eth0",
                "+dst_ip=10.0.0.1",
                "+protocol=TCP",
            ],
        ),
        (
            "Sep 21 10:00:00 [sshd] Invalid user ana from 203.0.113.9",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=auth_failure",
                "service=sshd",
                "user=ana",
                "src=203.0.113.9",
                "message=Invalid user ana from 203.0.113.9",
            ],
        ),
        (
            "Sep 21 10:00:00 h CRON[9]: (root) CMD (run-parts /etc/cron.hourly)",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=scheduler",
                "pid=9",
                "service=CRON",
                "user=root",
                "message=(root) CMD (run-parts /etc/cron.hourly)",
                "+hostname=h",
                "+command=run-parts /etc/cron.hourly",
            ],
        ),
    ];
    for (text, expect) in cases {
        check("syslog_3164", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    for text in [
        "2026-09-21T10:00:00Z INFO crate::module: not syslog",
        "2026-09-21T10:00:00Z host no tag here",
        "<999>Sep 21 10:00:00 h x: y",
    ] {
        check("syslog_3164", text, &[]);
    }
}
