//! The heartbeat on the wire.

use crate::{
    bench::{Bench, wait_for},
    cbor::Cbor,
    standin::Reply,
};
use headrig_agentd::{
    aws::Connections,
    heartbeat::{CloudWatch, Figures, Heartbeat, HeartbeatSettings, ReportError},
};
use headrig_contract::HostName;
use std::time::Duration;

fn settings(bench: &Bench) -> HeartbeatSettings {
    HeartbeatSettings {
        access: bench.access(),
        endpoint: Some(bench.standin.url().parse().unwrap()),
        ..HeartbeatSettings::default()
    }
}

fn send(bench: &Bench, settings: HeartbeatSettings) -> Result<(), ReportError> {
    let figures = Figures {
        bytes_shipped: 4096,
        bytes_lost: 2,
        upload_errors: 3,
        lag_seconds: 90,
        spool_bytes: 1 << 40,
    };
    let report = Heartbeat::new(HostName::from_lossy("web-1")).report(figures);
    let cloudwatch = CloudWatch::new(settings, Connections::default());
    let result = wait_for(cloudwatch.put(report.data));
    assert_eq!(bench.standin.requests().len(), 1, "a report is sent once");
    result
}

#[test]
fn a_report_names_the_host_in_the_heartbeat_alone() {
    let bench = Bench::with(b"");
    send(&bench, settings(&bench)).unwrap();

    let request = &bench.standin.requests()[0];
    assert_eq!(request.method, "POST");
    assert!(request.target.ends_with("/operation/PutMetricData"), "{}", request.target);
    let report = Cbor::decode(&request.body);
    assert_eq!(report.text("Namespace"), "headrig");
    let data: Vec<_> = report
        .list("MetricData")
        .iter()
        .map(|datum| {
            (datum.text("MetricName"), datum.number("Value"), datum.text("Unit"), datum.list("Dimensions"))
        })
        .collect();
    let host = Cbor::Map(vec![
        ("Name".into(), Cbor::Text("Host".into())),
        ("Value".into(), Cbor::Text("web-1".into())),
    ]);
    let expect = [
        ("Heartbeat", 1.0, "Count", &[host][..]),
        ("BytesShipped", 4096.0, "Bytes", &[]),
        ("LagSeconds", 90.0, "Seconds", &[]),
        ("SpoolBytes", 1_099_511_627_776.0, "Bytes", &[]),
        ("BytesLost", 2.0, "Bytes", &[]),
        ("UploadErrors", 3.0, "Count", &[]),
    ];
    assert_eq!(data, expect);
}

#[test]
fn a_report_that_fails_says_why_and_is_not_repeated() {
    let cases = [
        (Reply::error(403, "AccessDenied"), "access_denied"),
        (Reply::error(403, "ExpiredTokenException"), "credentials"),
        (Reply::error(403, "UnrecognizedClientException"), "credentials"),
        (Reply::error(400, "Throttling"), "unavailable"),
        (Reply::error(400, "InvalidParameterValue"), "refused"),
        (Reply::error(500, "InternalServiceFault"), "unavailable"),
        (Reply::Cut(0), "unreachable"),
        (Reply::Silence, "unreachable"),
    ];
    for (reply, expect) in cases {
        let bench = Bench::with(b"");
        bench.standin.will([reply.clone()]);
        let settings = HeartbeatSettings { timeout: Duration::from_millis(500), ..settings(&bench) };
        let error = send(&bench, settings).unwrap_err();
        assert_eq!(error.kind(), expect, "{reply:?}: {error}");
    }
}
