//! What kinds of structured records tell beyond the names of their members: audit trails, journals,
//! databases, firewalls.
//!
//! A kind is known by members that nothing else has; its own rules then settle the event's type, who
//! did it, and a level where none was stated. A refused call is a warning, an accepted one of an audit
//! trail is info: such a record is the answer to a request, as an access line is.

use super::audit;
use super::classify::{classify_owned, classify_windows};
use super::fields::Fact;
use super::level::severity_of_word;
use crate::event::{Event, EventType};
use std::borrow::Cow;

const INFO: i32 = 9;
const WARN: i32 = 13;

/// The telling members of one record, each once.
#[derive(Debug, Default)]
pub(super) struct Facts<'a>(Vec<(Fact, Cow<'a, str>)>);

impl<'a> Facts<'a> {
    pub(super) fn add(&mut self, fact: Fact, text: Cow<'a, str>) {
        if !self.has(fact) {
            self.0.push((fact, text));
        }
    }

    pub(super) fn has(&self, fact: Fact) -> bool {
        self.of(fact).is_some()
    }

    pub(super) fn of(&self, fact: Fact) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == fact).map(|(_, text)| &**text)
    }

    fn cloned(&self, fact: Fact) -> Option<Cow<'a, str>> {
        self.0.iter().find(|(known, _)| *known == fact).map(|(_, text)| text.clone())
    }
}

/// Settles what the record's kind says. `leveled` is whether a level was stated.
pub(super) fn settle<'a>(facts: &Facts<'a>, leveled: bool, event: &mut Event<'a>) {
    if facts.0.is_empty() {
        return;
    }
    let has = |fact| facts.has(fact);
    let implied = if has(Fact::Journal) || has(Fact::AuditType) {
        journal(facts, event)
    } else if has(Fact::Mongo) {
        mongo(event)
    } else if let Some(word) = facts.of(Fact::PostgresLevel) {
        postgres(word, event)
    } else if has(Fact::AuditId) {
        kubernetes(event)
    } else if has(Fact::EventSource) && has(Fact::EventName) {
        cloudtrail(facts, event)
    } else if has(Fact::AuditMethod) {
        google(facts, event)
    } else if has(Fact::WebAcl) {
        web_firewall(facts, event)
    } else if has(Fact::FlowVerdict) {
        flow(facts, event)
    } else if has(Fact::QueryName) && has(Fact::QueryVerdict) {
        resolver(facts, event)
    } else if has(Fact::EventId) && has(Fact::WindowsChannel) {
        windows(facts, event)
    } else if has(Fact::Category) {
        elastic(facts, event)
    } else {
        // Serilog leaves the level out where it is Information.
        has(Fact::Serilog).then_some(INFO)
    };
    let failed = (event.event_type == EventType::AuthFailure).then_some(WARN);
    if let Some(severity) = implied.or(failed).filter(|_| !leveled && event.severity_number == 0) {
        event.set_severity(severity);
    }
}

/// A journal entry tells what a syslog line of the same program does; the kernel's audit trail has types.
fn journal<'a>(facts: &Facts<'a>, event: &mut Event<'a>) -> Option<i32> {
    let Some(kind) = facts.of(Fact::AuditType) else {
        classify_entry(event);
        return None;
    };
    let body = event.message.clone().unwrap_or_default();
    audit::typed(&kind.to_ascii_uppercase(), facts.of(Fact::AuditResult), &body, event)
}

fn classify_entry<'a>(event: &mut Event<'a>) {
    let service = event.service.clone().unwrap_or_default();
    let message = event.message.clone().unwrap_or_default();
    classify_owned(&service, message, event);
}

fn mongo(event: &mut Event<'_>) -> Option<i32> {
    event.event_type = match event.message.as_deref() {
        Some("Authentication failed" | "Failed to authenticate") => EventType::AuthFailure,
        Some("Authentication succeeded" | "Successfully authenticated") => EventType::AuthSuccess,
        _ => EventType::Database,
    };
    None
}

/// PostgreSQL's `jsonlog` says what its other logs do. Its word for information is `LOG`.
fn postgres(word: &str, event: &mut Event<'_>) -> Option<i32> {
    if let Some(severity) = severity_of_word(word).or((word == "LOG").then_some(INFO)) {
        event.set_severity(severity);
    }
    classify_owned("postgres", event.message.clone().unwrap_or_default(), event);
    None
}

/// A call of the API server. What it calls a verb is no method of HTTP.
fn kubernetes(event: &mut Event<'_>) -> Option<i32> {
    let verb = event.http_method.take();
    if let Some(verb) = &verb
        && event.message.is_none()
    {
        let path = event.http_path.as_deref().unwrap_or_default();
        event.message = Some(format!("{verb} {path}").trim_end().to_owned().into());
    }
    event.attributes.extend(verb.map(|verb| ("verb".into(), verb)));
    event.event_type = match event.http_status {
        Some(401) => EventType::AuthFailure,
        _ => EventType::Container,
    };
    None
}

/// A call to AWS, as CloudTrail records it.
fn cloudtrail<'a>(facts: &Facts<'a>, event: &mut Event<'a>) -> Option<i32> {
    event.message = event.message.take().or_else(|| facts.cloned(Fact::EventName));
    let root = || (facts.of(Fact::IdentityType) == Some("Root")).then_some(Cow::Borrowed("root"));
    let user = event.user_name.take().or_else(|| facts.cloned(Fact::RoleName)).or_else(root);
    event.user_name = user.or_else(|| facts.cloned(Fact::IdentityArn));
    let (name, refused) = (facts.of(Fact::EventName).unwrap_or_default(), facts.has(Fact::ErrorCode));
    let failed = refused || facts.of(Fact::LoginResult) == Some("Failure");
    let iam = facts.of(Fact::EventSource).is_some_and(|source| source.starts_with("iam."));
    let changes = ["Create", "Delete", "Update", "Add", "Remove", "Attach", "Detach", "Put", "Change"];
    event.event_type = match name {
        "ConsoleLogin" if failed => EventType::AuthFailure,
        "ConsoleLogin" => EventType::AuthSuccess,
        "SwitchRole" | "ExitRole" => EventType::Privilege,
        _ if name.starts_with("AssumeRole") => EventType::Privilege,
        _ if iam && changes.iter().any(|verb| name.starts_with(verb)) => EventType::AccountChange,
        _ => EventType::Application,
    };
    Some(if failed { WARN } else { INFO })
}

/// A call to Google's cloud. The codes are those of gRPC: 7 is a refused permission, 16 no identity.
fn google<'a>(facts: &Facts<'a>, event: &mut Event<'a>) -> Option<i32> {
    let code = facts.of(Fact::AuditCode).unwrap_or("0");
    let method = facts.of(Fact::AuditMethod).unwrap_or_default();
    event.event_type = match code {
        "16" => EventType::AuthFailure,
        _ if method.contains("SetIamPolicy") || method.contains("ServiceAccount") => EventType::AccountChange,
        _ => EventType::Application,
    };
    Some(if code == "0" { INFO } else { WARN })
}

fn web_firewall(facts: &Facts<'_>, event: &mut Event<'_>) -> Option<i32> {
    event.event_type = EventType::Firewall;
    let action = facts.of(Fact::Action).unwrap_or_default();
    if event.message.is_none() {
        let words = [Some(action), event.http_method.as_deref(), event.http_path.as_deref()];
        let words: Vec<&str> = words.into_iter().flatten().filter(|word| !word.is_empty()).collect();
        event.message = Some(words.join(" ").into());
    }
    Some(if action == "ALLOW" || action == "COUNT" { INFO } else { WARN })
}

/// Packets between two addresses that a network's rules accepted or rejected.
fn flow(facts: &Facts<'_>, event: &mut Event<'_>) -> Option<i32> {
    let of = |fact| facts.of(fact).unwrap_or("-");
    let rejected = of(Fact::FlowVerdict) == "REJECT";
    event.event_type = if rejected { EventType::Firewall } else { EventType::Network };
    let protocol = match of(Fact::FlowProtocol) {
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "58" => "icmpv6",
        other => other,
    };
    let source = event.src_ip.as_deref().unwrap_or("-");
    let (verdict, target) = (of(Fact::FlowVerdict), of(Fact::FlowTarget));
    event.message = Some(format!("{verdict} {protocol} {source} -> {target}").into());
    Some(if rejected { WARN } else { INFO })
}

fn resolver<'a>(facts: &Facts<'a>, event: &mut Event<'a>) -> Option<i32> {
    let refused = facts.of(Fact::Action) == Some("BLOCK");
    event.event_type = if refused { EventType::Firewall } else { EventType::Network };
    event.message = event.message.take().or_else(|| facts.cloned(Fact::QueryName));
    refused.then_some(WARN)
}

/// An event of Windows. Its levels count from 1, critical, to 5, verbose, unlike syslog's.
fn windows(facts: &Facts<'_>, event: &mut Event<'_>) -> Option<i32> {
    if let Some(level) = facts.of(Fact::WindowsLevel)
        && let Some(severity) = windows_level(level)
    {
        event.set_severity(severity);
    }
    let id = facts.of(Fact::EventId)?.parse().ok()?;
    event.event_type = classify_windows(id, facts.of(Fact::WindowsStatus));
    None
}

pub(super) fn windows_level(level: &str) -> Option<i32> {
    Some(match level {
        "1" => 18,
        "2" => 17,
        "3" => 13,
        "0" | "4" => 9,
        "5" => 5,
        _ => return None,
    })
}

/// An event of Elastic's schema: its category, and for some its outcome or type.
fn elastic(facts: &Facts<'_>, event: &mut Event<'_>) -> Option<i32> {
    let of = |fact| facts.of(fact).unwrap_or_default();
    let (category, kind) = (of(Fact::Category), of(Fact::Kind));
    let is = |name: &str| category.contains(name);
    event.event_type = if is("authentication") && of(Fact::Outcome) == "failure" {
        EventType::AuthFailure
    } else if is("authentication") && of(Fact::Outcome) == "success" {
        EventType::AuthSuccess
    } else if is("session") {
        EventType::Session
    } else if is("iam") {
        EventType::AccountChange
    } else if is("network") && (kind.contains("denied") || kind.contains("allowed")) {
        EventType::Firewall
    } else if is("network") {
        EventType::Network
    } else if is("database") {
        EventType::Database
    } else {
        event.event_type
    };
    None
}
