use crate::parse::tests::check;

#[test]
fn rows_are_read_with_the_time_put_together() {
    let cases: &[(&str, &[&str])] = &[
        (
            "1,2026-09-21,10:00:00,Info,CBS,\"Loaded, all\"",
            &["event=2026-09-21T10:00:00Z", "severity=9", "type=application", "message=CBS,\"Loaded, all\""],
        ),
        (
            "7,Sep,21,10:00:00,host,sshd,Failed",
            &["event=2026-09-21T10:00:00Z", "severity=0", "type=application", "message=host,sshd,Failed"],
        ),
        (
            "1,260921,100000,148,WARN,dfs.X,message",
            &["event=2026-09-21T10:00:00Z", "severity=13", "type=application", "message=dfs.X,message"],
        ),
        (
            "1,2026-09-21,\"10:00:00,123\",ERROR,main,a.B,message",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=17",
                "type=application",
                "message=main,a.B,message",
            ],
        ),
        (
            "1,Mon Sep 21 10:00:00 2026,notice,ready,E2",
            &["event=2026-09-21T10:00:00Z", "severity=10", "type=application", "message=ready,E2"],
        ),
        (
            "1,09-21,10:00:00.123,1702,2395,D,WindowManager,x",
            &["event=2026-09-21T10:00:00.123Z", "severity=5", "type=application", "message=WindowManager,x"],
        ),
        (
            "1,-,1789984800,2026.09.21,R02,x,KERNEL,FATAL,y",
            &["event=2026-09-21T10:00:00Z", "severity=21", "type=application", "message=y"],
        ),
    ];
    for (text, expect) in cases {
        check("delimited", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    for text in ["one, two, three, four", "2026,1,2,3"] {
        check("delimited", text, &[]);
    }
}
