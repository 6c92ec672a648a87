//! The agents' heartbeats, in CloudWatch's own way to write them.

use crate::{
    cbor::Cbor,
    stub::{Reply, Stub, answer},
};
use headrig_contract::{HostName, UnixMicros};
use headrig_ledger::fleet::Sighting;
use headrig_sink::{
    CallError,
    aws::CloudWatchHeartbeats,
    ports::{Beat, Heartbeats},
};

const MINUTE: i64 = 60;

fn cbor(status: u16, item: Cbor) -> Reply {
    let message = answer(status, "application/cbor", item.encode()).with("smithy-protocol", "rpc-v2-cbor");
    Reply::Answer(message)
}

/// A page of metrics, one for each list of dimensions.
fn metrics(of: &[&[(&str, &str)]], next: Option<&str>) -> Reply {
    let dimension = |(name, value): &(&str, &str)| {
        Cbor::Map(vec![("Name", Cbor::text(name)), ("Value", Cbor::text(value))])
    };
    let metric = |dimensions: &&[(&str, &str)]| {
        let dimensions = Cbor::List(dimensions.iter().map(dimension).collect());
        Cbor::Map(vec![
            ("Namespace", Cbor::text("headrig")),
            ("MetricName", Cbor::text("Heartbeat")),
            ("Dimensions", dimensions),
        ])
    };
    let mut page = vec![("Metrics", Cbor::List(of.iter().map(metric).collect()))];
    page.extend(next.map(|token| ("NextToken", Cbor::text(token))));
    cbor(200, Cbor::Map(page))
}

/// A page of data: of each query its number, and minutes with the least value in them.
fn data(of: &[(usize, &[(i64, f64)])], status: &str, next: Option<&str>) -> Reply {
    let result = |(number, beats): &(usize, &[(i64, f64)])| {
        Cbor::Map(vec![
            ("Id", Cbor::Text(format!("h{number}"))),
            ("Label", Cbor::text("Heartbeat")),
            ("Timestamps", Cbor::List(beats.iter().map(|(minute, _)| Cbor::Time(minute * MINUTE)).collect())),
            ("Values", Cbor::List(beats.iter().map(|(_, least)| Cbor::Number(*least)).collect())),
            ("StatusCode", Cbor::text(status)),
        ])
    };
    let mut page = vec![("MetricDataResults", Cbor::List(of.iter().map(result).collect()))];
    page.extend(next.map(|token| ("NextToken", Cbor::text(token))));
    cbor(200, Cbor::Map(page))
}

fn listen(stub: &Stub) -> Result<Vec<Beat>, CallError> {
    let heartbeats = CloudWatchHeartbeats::new(stub.calls(), "headrig".into());
    heartbeats.heard(UnixMicros::from_seconds(0), UnixMicros::from_seconds(90 * MINUTE))
}

fn beat(host: &str, minute: i64, sighting: Sighting) -> Beat {
    Beat { host: HostName::from_lossy(host), at: UnixMicros::from_seconds(minute * MINUTE), sighting }
}

#[test]
fn of_each_host_the_latest_minute_counts_and_a_zero_in_it_is_a_farewell() {
    let stub = Stub::with([
        metrics(&[&[("Host", "web-1")], &[], &[("Host", "web-2")]], Some("more")),
        metrics(
            &[&[("Zone", "a"), ("Host", "web-3")], &[("Host", "not a host")], &[("Host", "web-4")]],
            None,
        ),
        data(
            &[(0, &[(80, 1.0), (81, 1.0)]), (1, &[(70, 0.0), (69, 1.0)]), (2, &[(60, 0.0)])],
            "PartialData",
            Some("more"),
        ),
        data(&[(2, &[(62, 1.0), (61, 1.0)]), (3, &[])], "Complete", None),
    ]);
    let heard = listen(&stub).unwrap();
    let expect = [
        beat("web-1", 81, Sighting::Heard),
        beat("web-2", 70, Sighting::Farewell),
        beat("web-3", 62, Sighting::Heard),
    ];
    assert_eq!(heard, expect);
    let asked: Vec<String> =
        stub.requests().iter().map(|request| String::from_utf8_lossy(&request.body).into_owned()).collect();
    assert!(asked[0].contains("PT3H") && asked[1].contains("more"), "{asked:?}");
    assert!(
        asked[2].contains("Minimum") && asked[2].contains("web-4") && asked[3].contains("more"),
        "{asked:?}"
    );
}

#[test]
fn what_could_not_be_read_whole_is_an_error_and_not_silence() {
    let host: &[&[(&str, &str)]] = &[&[("Host", "web-1")]];
    let endless = |page: Reply| std::iter::repeat_n(page, 60);
    let torn = |reply: Reply| match reply {
        Reply::Answer(message) => Reply::Torn(message, 9),
        other => other,
    };
    let cases: [(&str, Vec<Reply>); 6] = [
        ("endless metrics", endless(metrics(host, Some("more"))).collect()),
        (
            "endless data",
            [metrics(host, None)].into_iter().chain(endless(data(&[], "Complete", Some("more")))).collect(),
        ),
        ("a failed query", vec![metrics(host, None), data(&[(0, &[])], "InternalError", None)]),
        ("torn metrics", vec![torn(metrics(host, None))]),
        ("torn data", vec![metrics(host, None), torn(data(&[(0, &[(1, 1.0)])], "Complete", None))]),
        ("no answer", vec![Reply::Silence]),
    ];
    for (what, replies) in cases {
        let heard = listen(&Stub::with(replies));
        assert!(
            matches!(heard, Err(CallError::Unavailable { .. } | CallError::Refused { .. })),
            "{what}: {heard:?}"
        );
    }
    let denied =
        cbor(403, Cbor::Map(vec![("__type", Cbor::text("AccessDenied")), ("message", Cbor::text("no"))]));
    assert!(matches!(listen(&Stub::with([denied])), Err(CallError::Denied { .. })));
}

#[test]
fn more_hosts_than_one_request_takes_are_asked_for_in_several() {
    let names: Vec<String> = (0..501).map(|number| format!("web-{number}")).collect();
    let dimensions: Vec<[(&str, &str); 1]> = names.iter().map(|name| [("Host", name.as_str())]).collect();
    let of: Vec<&[(&str, &str)]> = dimensions.iter().map(|one| &one[..]).collect();
    let stub = Stub::with([
        metrics(&of, None),
        data(&[(499, &[(1, 1.0)])], "Complete", None),
        data(&[(0, &[(2, 1.0)])], "Complete", None),
    ]);
    let expect = [beat("web-499", 1, Sighting::Heard), beat("web-500", 2, Sighting::Heard)];
    assert_eq!(listen(&stub).unwrap(), expect);
}
