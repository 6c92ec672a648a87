//! Access and flow logs of AWS: load balancers, S3, and the flows of a network.
//!
//! Each is a table with columns that AWS lists in its guides and adds to at the end; a line is known by
//! its first fields, so that other lines cost a glance. Times are UTC. The level is the status's; a
//! rejected packet is a warning. CloudFront's are in the W3C's format (see [`super::w3c`]). The elapsed time of a load balancer is the sum of its three parts.

use super::table::{Columns, Separator};
use super::text::number;
use super::time::Context;
use crate::event::{Event, EventType};
use crate::parse::fields::split_port;
use headrig_contract::Timestamp;
use headrig_contract::timestamp::Shape;
use std::sync::LazyLock;

/// Application load balancer.
static APPLICATION: LazyLock<Columns> = LazyLock::new(|| {
    Columns::fixed(
        Separator::Space,
        "type time elb=service client:port=client_ip target:port request_processing_time=+seconds \
         target_processing_time=+seconds response_processing_time=+seconds elb_status_code=status \
         target_status_code received_bytes sent_bytes=bytes_sent request user_agent ssl_cipher \
         ssl_protocol target_group_arn trace_id domain_name chosen_cert_arn matched_rule_priority \
         request_creation_time actions_executed redirect_url error_reason target:port_list \
         target_status_code_list classification classification_reason conn_trace_id \
         transformed_host transformed_uri request_transform_status",
        17,
    )
});

/// Classic load balancer.
static CLASSIC: LazyLock<Columns> = LazyLock::new(|| {
    Columns::fixed(
        Separator::Space,
        "time elb=service client:port=client_ip backend:port request_processing_time=+seconds \
         backend_processing_time=+seconds response_processing_time=+seconds elb_status_code=status \
         backend_status_code received_bytes sent_bytes=bytes_sent request user_agent ssl_cipher ssl_protocol",
        12,
    )
});

/// Network load balancer.
static NETWORK: LazyLock<Columns> = LazyLock::new(|| {
    Columns::fixed(
        Separator::Space,
        "type version time=+utc elb=service listener client:port=client_ip destination:port \
         connection_time=connection_time_ms tls_handshake_time received_bytes sent_bytes \
         incoming_tls_alert chosen_cert_arn chosen_cert_serial tls_cipher tls_protocol_version \
         tls_named_group domain_name alpn_fe_protocol alpn_be_protocol alpn_client_preference_list \
         tls_connection_creation_time",
        16,
    )
});

/// S3's server access log.
static BUCKET: LazyLock<Columns> = LazyLock::new(|| {
    Columns::fixed(
        Separator::Space,
        "bucket_owner bucket=service time remote_ip requester=user request_id operation key request \
         status error_code bytes_sent object_size total_time=duration_ms turn_around_time referer \
         user_agent version_id host_id signature_version cipher_suite authentication_type host_header \
         tls_version access_point_arn acl_required source_region",
        17,
    )
});

/// Version 2 of the flow logs, which is the default.
static FLOW: LazyLock<Columns> = LazyLock::new(|| {
    Columns::flow(
        "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start \
         end action log-status",
    )
});

/// What names a bucket's owner: hexadecimal digits.
const OWNER_BYTES: usize = 64;
/// Where a time in the way of ISO has its `T`.
const TIME_MARK_AT: usize = 10;

/// Parses one line of a load balancer.
pub(super) fn parse_balancer<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    // A classic balancer's time has its place; so have other times that no name of a protocol comes before.
    let first = text.as_bytes().first();
    if first.is_some_and(u8::is_ascii_digit) && text.as_bytes().get(TIME_MARK_AT) != Some(&b'T') {
        return false;
    }
    let mut words = text.split(' ');
    let (Some(first), Some(second), Some(third)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let columns = match first {
        "http" | "https" | "h2" | "grpcs" | "ws" | "wss" if is_iso(second) => &APPLICATION,
        "tls" | "tcp" if number(second.trim_end_matches(".0")).is_some() && is_iso(third) => &NETWORK,
        _ if is_iso(first) && split_port(third).is_some_and(|(_, port)| port.is_some()) => &CLASSIC,
        _ => return false,
    };
    columns.parse(text, context, event) && is_network_unless_http(event)
}

/// Parses one line of S3's.
pub(super) fn parse_bucket<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    if text.as_bytes().get(OWNER_BYTES) != Some(&b' ') {
        return false;
    }
    let Some((owner, rest)) = text.split_once(' ') else { return false };
    let Some((_, rest)) = rest.split_once(" [") else { return false };
    let timed = Timestamp::parse(rest.as_bytes()).is_some_and(|time| time.shape == Shape::AccessLog);
    let owned = owner.len() == OWNER_BYTES && owner.bytes().all(|byte| byte.is_ascii_hexdigit());
    owned && timed && BUCKET.parse(text, context, event)
}

/// Parses one flow of version 2.
pub(super) fn parse_flow<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    let ends = ["ACCEPT OK", "REJECT OK", "- NODATA", "- SKIPDATA", "ACCEPT SKIPDATA", "REJECT SKIPDATA"];
    let sure = text.starts_with("2 ") && ends.iter().any(|end| text.ends_with(end));
    sure && FLOW.parse(text, context, event) && is_network_unless_http(event)
}

/// What is neither a request nor a verdict is a connection.
fn is_network_unless_http(event: &mut Event<'_>) -> bool {
    if event.event_type == EventType::Application {
        event.event_type = EventType::Network;
    }
    true
}

/// `2026-09-21T10:00:00.123456Z` and the like, whole.
fn is_iso(word: &str) -> bool {
    word.as_bytes().get(10) == Some(&b'T')
        && Timestamp::parse_whole(word.as_bytes()).is_some_and(|time| time.shape == Shape::Iso)
}
