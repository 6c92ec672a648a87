use crate::parse::tests::check;

#[test]
fn lines_of_many_loggers_are_read() {
    let cases: &[(&str, &[&str])] = &[
        (
            "2026-09-21 10:00:00,123 ERROR [main] org.example.Main: failed\njava.io.IOException: no\n\tat a.B.c(B.java:1)",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=17",
                "type=application",
                "service=org.example.Main",
                "message=failed\njava.io.IOException: no\n\tat a.B.c(B.java:1)",
                "+thread=main",
            ],
        ),
        (
            "2026-09-21 10:00:00,123 - INFO  [QuorumPeer[myid=1]/0:0:0:0:2181:FastLeaderElection@774] - Notification time out: 3200",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=9",
                "type=application",
                "service=FastLeaderElection",
                "message=Notification time out: 3200",
                "+thread=QuorumPeer[myid=1]/0:0:0:0:2181",
            ],
        ),
        (
            "260921 100000 148 INFO dfs.DataNode$PacketResponder: PacketResponder 1 terminating",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=9",
                "type=application",
                "pid=148",
                "service=dfs.DataNode$PacketResponder",
                "message=PacketResponder 1 terminating",
            ],
        ),
        (
            "26/09/21 10:00:00 WARN executor.Executor: Managed memory leak",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=application",
                "service=executor.Executor",
                "message=Managed memory leak",
            ],
        ),
        (
            "2026-09-21T10:00:00.123+00:00  INFO 1234 --- [  main] o.s.b.w.TomcatWebServer  : Tomcat started",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=9",
                "type=application",
                "pid=1234",
                "service=o.s.b.w.TomcatWebServer",
                "message=Tomcat started",
                "+thread=main",
            ],
        ),
        (
            "10:00:00.123 [main] DEBUG c.e.Foo - x",
            &[
                "event=2026-09-30T10:00:00.123Z",
                "severity=5",
                "type=application",
                "service=c.e.Foo",
                "message=x",
                "+thread=main",
            ],
        ),
        (
            "2026-09-21 10:00:00,123 - app.db - WARNING - slow query",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=13",
                "type=application",
                "service=app.db",
                "message=slow query",
            ],
        ),
        (
            "2026-09-21 10:00:00,123:DEBUG:app.db:x",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=5",
                "type=application",
                "service=app.db",
                "message=x",
            ],
        ),
        (
            "2026/09/21 10:00:00 main.go:12: listening",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=application",
                "message=main.go:12: listening",
            ],
        ),
        (
            "2026-09-21T10:00:00.123456Z  INFO app::server: listening on 0.0.0.0:80",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=9",
                "type=application",
                "service=app::server",
                "message=listening on 0.0.0.0:80",
            ],
        ),
        (
            "[2026-09-21T10:00:00Z WARN  app::db] slow",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=application",
                "service=app::db",
                "message=slow",
            ],
        ),
        (
            "I0921 10:00:00.123456    7 server.cc:12] ready",
            &[
                "event=2026-09-21T10:00:00.123456Z",
                "severity=9",
                "type=application",
                "message=ready",
                "+thread=7",
                "+caller=server.cc:12",
            ],
        ),
        (
            "2026-09-21T10:00:00.123Z\terror\tqueue.go:12\tno room\t{\"n\": 1}",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=17",
                "type=application",
                "message=no room\t{\"n\": 1}",
                "+caller=queue.go:12",
            ],
        ),
        (
            "2026-09-21 10:00:00, Info                  CBS    Loaded Servicing Stack",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=9",
                "type=application",
                "service=CBS",
                "message=Loaded Servicing Stack",
            ],
        ),
        (
            "2026-09-21T10:00:00.123Z 0 [Warning] [MY-010068] [Server] CA certificate is self signed.",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=13",
                "type=database",
                "service=Server",
                "message=CA certificate is self signed.",
                "+thread=0",
                "+code=MY-010068",
            ],
        ),
        (
            "260921 10:00:00 [Note] InnoDB: ready",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=10",
                "type=database",
                "service=InnoDB",
                "message=ready",
            ],
        ),
        (
            "2026-09-21 10:00:00.123 UTC [123] LOG:  listening on port 5432",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=9",
                "type=database",
                "pid=123",
                "message=listening on port 5432",
            ],
        ),
        (
            "09-21 10:00:00.123  1702  2395 D WindowManager: x",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=5",
                "type=application",
                "pid=1702",
                "service=WindowManager",
                "message=x",
                "+thread=2395",
            ],
        ),
        (
            "2026-09-21 10:00:00.008 25746 INFO nova.wsgi.server [req-38] GET / status: 200",
            &[
                "event=2026-09-21T10:00:00.008Z",
                "severity=9",
                "type=application",
                "pid=25746",
                "service=nova.wsgi.server",
                "message=[req-38] GET / status: 200",
            ],
        ),
        (
            "21-Sep-2026 10:00:00.123 INFO [main] org.apache.catalina.startup.Catalina.start Server startup in 12 ms",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=9",
                "type=application",
                "service=org.apache.catalina.startup.Catalina.start",
                "message=Server startup in 12 ms",
                "+thread=main",
            ],
        ),
        (
            "Sep 21, 2026 10:00:00 AM org.example.Main main\nINFO: ready",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=9",
                "type=application",
                "message=org.example.Main main\nINFO: ready",
            ],
        ),
        (
            "[2026-09-21 10:00:00] production.ERROR: x",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=17",
                "type=application",
                "service=production",
                "message=x",
            ],
        ),
        (
            "web-1  | 2026-09-21T10:00:00Z  * Debug mode: on",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=application",
                "message=* Debug mode: on",
                "+label=web-1",
            ],
        ),
        (
            "- 1789984800 2026.09.21 R02-M1 2026-09-21-10.00.00.123456 R02-M1 RAS KERNEL INFO corrected",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=9",
                "type=application",
                "message=corrected",
                "+context=2026.09.21 R02-M1 2026-09-21-10.00.00.123456 R02-M1 RAS KERNEL",
            ],
        ),
        (
            "2026-09-21T10:00:00.123+0000 I NETWORK  [listener] connection accepted",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=9",
                "type=application",
                "message=NETWORK  [listener] connection accepted",
            ],
        ),
        (
            "[INFO] 2026-09-21 10:00:00 ready",
            &["event=2026-09-21T10:00:00Z", "severity=9", "type=application", "message=ready"],
        ),
        (
            "[2026-09-21T10:00:00.123+0000][info][gc] GC(1) Pause",
            &[
                "event=2026-09-21T10:00:00.123Z",
                "severity=9",
                "type=application",
                "message=GC(1) Pause",
                "+thread=gc",
            ],
        ),
        (
            "2026-09-21 10:00:00 the user saw an ERROR in the end",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=0",
                "type=application",
                "message=the user saw an ERROR in the end",
            ],
        ),
        (
            "2026-09-21 10:00:00 level=error x=y",
            &["event=2026-09-21T10:00:00Z", "severity=17", "type=application", "message=x=y"],
        ),
        (
            "1789984800.5 plain",
            &["event=2026-09-21T10:00:00.5Z", "severity=0", "type=application", "message=plain"],
        ),
        (
            "[2026-09-21 10:00:00] production.WARNING: slow {\"ms\":12}",
            &[
                "event=2026-09-21T10:00:00Z",
                "severity=13",
                "type=application",
                "service=production",
                "message=slow {\"ms\":12}",
            ],
        ),
    ];
    for (text, expect) in cases {
        check("timestamped", text, expect);
    }
}

#[test]
fn other_lines_are_refused() {
    check("timestamped", "no time", &[]);
}
