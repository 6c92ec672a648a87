use crate::Event;
use crate::parse::StreamFormat;
use crate::parse::tests::{context, rendered};
use jiff::tz::TimeZone;

/// The fields of the last line of a file, the format's name first.
fn check(lines: &[&str], expect: &[&str]) {
    let format = StreamFormat::detect(lines.iter().copied(), "");
    let zone = TimeZone::UTC;
    let mut event = Event::default();
    let last = lines.last().expect("a line");
    format.parse(last, &context(&zone), &mut event);
    let found: Vec<_> = [event.format.to_owned()].into_iter().chain(rendered(&event)).collect();
    assert_eq!(found, expect, "{last}");
}

#[test]
fn rows_are_read_by_the_names_of_their_header() {
    check(
        &[
            "timestamp,Log Level,Client IP,user,message,duration_ms",
            "2026-09-21T10:00:00Z,ERROR,203.0.113.9,ana,\"said \"\"no\"\", twice\",12.5",
        ],
        &[
            "table",
            "event=2026-09-21T10:00:00Z",
            "severity=17",
            "type=application",
            "ms=12.5",
            "user=ana",
            "src=203.0.113.9",
            "message=said \"no\", twice",
        ],
    );
    check(
        &["Date;Time;Level;Source;Free", "21.09.2026;12:00:00;Warning;disk;5"],
        &[
            "table",
            "event=2026-09-21T12:00:00Z",
            "severity=13",
            "type=application",
            "+Source=disk",
            "+Free=5",
        ],
    );
    check(
        &["time\tmethod\tpath\tstatus\tbytes", "1789984800\tGET\t/x\t404\t12"],
        &[
            "table",
            "event=2026-09-21T10:00:00Z",
            "severity=13",
            "type=http_access",
            "status=404",
            "bytes=12",
            "method=GET",
            "path=/x",
            "message=GET /x",
        ],
    );
}

#[test]
fn flow_logs_have_the_columns_that_their_head_says() {
    check(
        &[
            "version vpc-id interface-id srcaddr dstaddr dstport protocol start action flow-direction",
            "5 vpc-1 eni-1 203.0.113.9 10.0.0.5 22 6 1789984800 REJECT ingress",
        ],
        &[
            "table",
            "event=2026-09-21T10:00:00Z",
            "severity=13",
            "type=firewall",
            "src=203.0.113.9",
            "message=REJECT tcp 203.0.113.9 -> 10.0.0.5",
            "+version=5",
            "+vpc-id=vpc-1",
            "+interface-id=eni-1",
            "+dstaddr=10.0.0.5",
            "+dstport=22",
            "+protocol=6",
            "+action=REJECT",
            "+flow-direction=ingress",
        ],
    );
}

#[test]
fn a_header_is_a_row_of_its_own() {
    check(
        &["timestamp,level,message,user"],
        &[
            "table",
            "file=2026-09-30T23:00:00Z",
            "severity=0",
            "type=application",
            "message=timestamp,level,message,user",
            "+header=true",
        ],
    );
}

#[test]
fn other_lines_name_no_columns_and_rows_of_another_width_are_none() {
    let unparsed = |lines: &[&str], format: &str| {
        let found = StreamFormat::detect(lines.iter().copied(), "");
        let zone = TimeZone::UTC;
        let mut event = Event::default();
        found.parse(lines.last().expect("a line"), &context(&zone), &mut event);
        assert_eq!(event.format, format, "{lines:?}");
    };
    unparsed(&["one, two, time"], "");
    unparsed(&["timestamp, they said, is late, twice", "level=info msg=x a=b"], "logfmt");
    unparsed(&["a,b,c", "x,y,z"], "");
    unparsed(&["timestamp,level,message", "2026-09-21T10:00:00Z,error"], "timestamped");
    unparsed(&["time,time,time", "a,b,c"], "");
}
