use crate::parse::tests::check;

#[test]
fn records_are_read_with_their_own_time() {
    check(
        "audit",
        "type=USER_LOGIN msg=audit(1790000000.123:456): pid=812 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:sshd_t:s0 msg='op=login acct=\"ana\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.9 terminal=ssh res=failed'",
        &[
            "event=2026-09-21T14:13:20.123Z",
            "severity=13",
            "type=auth_failure",
            "pid=812",
            "service=audit",
            "user=ana",
            "src=203.0.113.9",
            "message=type=USER_LOGIN msg=audit(1790000000.123:456): pid=812 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:sshd_t:s0 msg='op=login acct=\"ana\" exe=\"/usr/sbin/sshd\" hostname=? addr=203.0.113.9 terminal=ssh res=failed'",
            "+serial=456",
            "+record_type=USER_LOGIN",
            "+uid=0",
            "+auid=4294967295",
            "+ses=4294967295",
            "+subj=system_u:system_r:sshd_t:s0",
            "+op=login",
            "+exe=/usr/sbin/sshd",
            "+terminal=ssh",
            "+result=failed",
        ],
    );
    check(
        "audit",
        "node=web1 type=PROCTITLE msg=audit(1790000000.123:456): proctitle=6C73002D6C",
        &[
            "event=2026-09-21T14:13:20.123Z",
            "severity=0",
            "type=kernel",
            "service=audit",
            "message=node=web1 type=PROCTITLE msg=audit(1790000000.123:456): proctitle=6C73002D6C",
            "+hostname=web1",
            "+serial=456",
            "+record_type=PROCTITLE",
            "+proctitle=ls -l",
        ],
    );
    check(
        "audit",
        "type=SYSCALL msg=audit(1790000000.123:456): arch=c000003e success=no exit=-13 pid=7 comm=\"cat\" key=(null)\u{1d}ARCH=x86_64",
        &[
            "event=2026-09-21T14:13:20.123Z",
            "severity=0",
            "type=kernel",
            "pid=7",
            "service=audit",
            "message=type=SYSCALL msg=audit(1790000000.123:456): arch=c000003e success=no exit=-13 pid=7 comm=\"cat\" key=(null)\u{1d}ARCH=x86_64",
            "+serial=456",
            "+record_type=SYSCALL",
            "+arch=c000003e",
            "+success=no",
            "+exit=-13",
            "+comm=cat",
            "+ARCH=x86_64",
        ],
    );
}

#[test]
fn other_lines_are_refused() {
    for text in [
        "type=USER_LOGIN msg=hello",
        "type=USER_LOGIN msg=audit(1790000000:456): a=b",
        "type=USER_LOGIN",
        "node=web1 level=info msg=x",
        "audit(1790000000.123:456): a=b",
    ] {
        check("audit", text, &[]);
    }
}
