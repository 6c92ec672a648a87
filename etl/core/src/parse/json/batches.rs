//! Objects that hold many records in one line: CloudTrail's files, OpenTelemetry's exports, CloudWatch's
//! subscriptions.
//!
//! A line is one row, for its bytes can be in one row only. The row's columns are those of the first
//! record, `records` counts all of them, and where there are several the list stays as an attribute.

use super::{Object, Value, scan};

/// Fills the event from the first record of the list `key`, and says whether that was all of it.
pub(super) fn first<'a>(object: &mut Object<'_, 'a, '_>, key: &str, text: &'a str) -> bool {
    let count = match key {
        "Records" | "logEvents" => list(text, &mut |record| fill(object, record)),
        "resourceLogs" => resource_logs(object, text),
        _ => return false,
    };
    if count > 0 {
        object.event.attribute("records", count.to_string());
    }
    count == 1
}

/// Calls `first` with the first object of a list, and counts them all.
fn list<'a>(text: &'a str, first: &mut dyn FnMut(&'a str)) -> usize {
    let mut count = 0;
    let _ = scan::elements(text, &mut |element| {
        if let Value::Nested(record) = element {
            count += 1;
            if count == 1 {
                first(record);
            }
        }
    });
    count
}

fn fill<'a>(object: &mut Object<'_, 'a, '_>, record: &'a str) {
    let _ = object.fill(record);
}

/// `[{"resource": …, "scopeLogs": [{"logRecords": [ … ]}]}]`.
fn resource_logs<'a>(object: &mut Object<'_, 'a, '_>, text: &'a str) -> usize {
    let mut count = 0;
    let _ = scan::elements(text, &mut |group| {
        let Value::Nested(group) = group else { return };
        let mut records = 0;
        let _ = scan::members(group, &mut |key, value| match (&*key, value) {
            ("scopeLogs" | "instrumentationLibraryLogs", Value::Nested(scopes)) => {
                records += scope_logs(object, scopes, count == 0);
            }
            ("resource", value) if count == 0 => object.member(key, value),
            _ => {}
        });
        count += records;
    });
    count
}

fn scope_logs<'a>(object: &mut Object<'_, 'a, '_>, scopes: &'a str, wanted: bool) -> usize {
    let mut count = 0;
    let _ = scan::elements(scopes, &mut |scope| {
        let Value::Nested(scope) = scope else { return };
        let _ = scan::members(scope, &mut |key, value| {
            if let ("logRecords" | "logs", Value::Nested(records)) = (&*key, value) {
                let first = wanted && count == 0;
                count += list(records, &mut |record| {
                    if first {
                        fill(object, record);
                    }
                });
            }
        });
    });
    count
}
