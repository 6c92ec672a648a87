//! The Linux audit log: `type=USER_LOGIN msg=audit(1790000000.123:456): pid=1 uid=0 … msg='op=login
//! acct="ana" exe="/usr/sbin/sshd" hostname=? addr=192.0.2.1 terminal=ssh res=failed'`.
//!
//! Fields become attributes under their own names. A value without quotes that audit had to protect is in
//! hexadecimal (`acct=726F6F74`); for the fields that audit protects so it is resolved. What auditd adds
//! behind a group separator (`UID="root"`) is taken like the rest. Type, user and address: by record type
//! and `res`, see [`record`]; so are records that come through syslog or the journal.

use super::classify::source::{is_user, set_source, set_user};
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::{Event, EventType};
use EventType::{
    AccountChange, Application, AuthFailure, AuthSuccess, Container, Firewall, Kernel, Network, Privilege,
    Service, Session,
};
use headrig_contract::UnixMicros;
use headrig_contract::timestamp::Reading;
use std::borrow::Cow;

/// Fields of one record; more stay in the message alone.
const FIELDS_MAX: usize = 128;

/// Parses one record of the audit log.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, context, event).is_some()
}

fn fill<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    if cursor.eat("node=") {
        event.attribute("hostname", cursor.until(b' ')?);
    }
    if !cursor.eat("type=") {
        return None;
    }
    let record_type = cursor.until(b' ')?;
    if !cursor.eat("msg=") {
        return None;
    }
    let (written, reading) = stamp(&mut cursor, event)?;
    context.stamp(event, reading, written);
    event.service = Some("audit".into());
    event.message = Some(text.into());
    record(record_type, cursor.rest(), event);
    Some(())
}

/// `audit(1790000000.123:456): `: time and serial number.
fn stamp<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) -> Option<(&'a str, Reading)> {
    if !cursor.eat("audit(") {
        return None;
    }
    let written = cursor.until(b':')?;
    let serial = cursor.until(b')')?;
    let (seconds, millis) = written.split_once('.')?;
    number(serial)?;
    let instant = number(seconds)?.checked_mul(1_000_000)?.checked_add(number(millis)? * 1_000)?;
    if millis.len() != 3 {
        return None;
    }
    cursor.eat(":");
    cursor.blanks();
    event.attribute("serial", serial);
    Some((written, Reading::Instant(UnixMicros(instant))))
}

/// A record as syslog and the journal carry it: `audit: type=1400 audit(…): …`, `USER_AUTH pid=1 …`.
pub(super) fn line<'a>(text: &'a str, event: &mut Event<'a>) -> Option<(EventType, i32)> {
    let text = text.strip_prefix("audit: ").unwrap_or(text);
    let text =
        text.strip_prefix("node=").and_then(|rest| rest.split_once(' ')).map_or(text, |(_, rest)| rest);
    let (record_type, rest) = text.strip_prefix("type=").unwrap_or(text).split_once(' ')?;
    let named =
        record_type.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !named {
        return None;
    }
    let rest = rest.strip_prefix("msg=").unwrap_or(rest);
    let mut cursor = Cursor::new(rest);
    if stamp(&mut cursor, event).is_none() {
        cursor = Cursor::new(rest);
    }
    record(record_type, cursor.rest(), event);
    Some((event.event_type, 0))
}

/// Takes a record's fields and says what it tells.
fn record<'a>(record_type: &'a str, body: &'a str, event: &mut Event<'a>) {
    event.attribute("record_type", record_type);
    let mut found = Found::default();
    fields(body, &mut found, event, 0);
    if let Some(severity) = typed(record_type, found.result, body, event)
        && event.severity_number == 0
    {
        event.set_severity(severity);
    }
    for account in [found.account, found.id].into_iter().flatten() {
        match account {
            Cow::Borrowed(name) => set_user(name, event),
            Cow::Owned(name) if event.user_name.is_none() && is_user(&name) => {
                event.user_name = Some(name.into());
            }
            Cow::Owned(_) => {}
        }
    }
    if let Some(address) = found.address.or(found.host) {
        set_source(address, event);
    }
}

/// Sets what a record of this type and result tells, and returns the level that it implies. The journal has both as
/// members of their own.
pub(super) fn typed(
    record_type: &str,
    result: Option<&str>,
    body: &str,
    event: &mut Event<'_>,
) -> Option<i32> {
    let failed = matches!(result, Some("failed" | "failure" | "fail" | "no" | "0"));
    event.event_type = told(record_type, failed);
    implied(record_type, body, event)
}

const WARN: i32 = 13;
const ERROR: i32 = 17;

/// A failed login and a denial by SELinux or AppArmor are warnings, a process that crashed is an error.
fn implied(record_type: &str, body: &str, event: &Event<'_>) -> Option<i32> {
    match record_type {
        "AVC" | "USER_AVC" | "1400" | "1107" => {
            let denied = body.contains("denied ") || body.contains("apparmor=\"DENIED\"");
            denied.then_some(WARN)
        }
        "ANOM_ABEND" | "1701" => Some(ERROR),
        _ => (event.event_type == AuthFailure).then_some(WARN),
    }
}

/// Values that say more than themselves.
#[derive(Default)]
struct Found<'a> {
    result: Option<&'a str>,
    account: Option<Cow<'a, str>>,
    /// The account by its number, where auditd resolved it.
    id: Option<Cow<'a, str>>,
    address: Option<&'a str>,
    host: Option<&'a str>,
}

/// `key=value` words; `msg='…'` holds those of the program that reported.
fn fields<'a>(body: &'a str, found: &mut Found<'a>, event: &mut Event<'a>, depth: u32) {
    let mut rest = body;
    for _ in 0..FIELDS_MAX {
        rest = rest.trim_start_matches([' ', '\u{1d}', ',', '\'']);
        let Some((key, after)) = rest.split_once('=') else { return };
        let key = key.rsplit(' ').next().unwrap_or(key);
        if let Some(inner) = after.strip_prefix('\'').filter(|_| depth == 0) {
            let end = inner.rfind('\'').unwrap_or(inner.len());
            fields(&inner[..end], found, event, 1);
            rest = inner.get(end + 1..).unwrap_or("");
            continue;
        }
        let (value, next) = match after.strip_prefix('"') {
            Some(inner) => inner.split_once('"').unwrap_or((inner, "")),
            None => after.split_at(after.find([' ', '\u{1d}', '\'']).unwrap_or(after.len())),
        };
        rest = next;
        field(key, value, after.starts_with('"'), found, event);
    }
}

fn field<'a>(key: &'a str, value: &'a str, quoted: bool, found: &mut Found<'a>, event: &mut Event<'a>) {
    if value.is_empty() || value == "?" || value == "(null)" {
        return;
    }
    let value = if quoted || !is_protected(key) { value.into() } else { from_hexadecimal(value) };
    match (key, &value) {
        ("res" | "result", Cow::Borrowed(result)) => found.result = Some(result),
        ("addr", Cow::Borrowed(address)) => found.address = Some(address),
        ("hostname", Cow::Borrowed(host)) => found.host = Some(host),
        ("acct", _) => found.account = Some(value.clone()),
        ("ID" | "AUID", Cow::Borrowed(name)) if *name != "unset" && found.id.is_none() => {
            found.id = Some(value.clone());
        }
        ("pid", Cow::Borrowed(text)) => {
            event.pid = event.pid.or_else(|| number(text));
            return;
        }
        _ => {}
    }
    let name = match key {
        "res" => "result",
        "addr" | "hostname" | "acct" => return,
        other => other,
    };
    event.attribute(name, value);
}

/// Fields whose value audit writes in hexadecimal where it holds blanks, quotes or control characters.
fn is_protected(key: &str) -> bool {
    matches!(
        key,
        "acct"
            | "cmd"
            | "comm"
            | "exe"
            | "name"
            | "cwd"
            | "proctitle"
            | "data"
            | "key"
            | "path"
            | "grp"
            | "dir"
            | "new-disk"
            | "old-disk"
            | "vm"
            | "unit"
    )
}

/// The text of an even number of capital hexadecimal digits; NULs between arguments become blanks.
fn from_hexadecimal(value: &str) -> Cow<'_, str> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    if !digits || value.is_empty() || !value.len().is_multiple_of(2) {
        return value.into();
    }
    let digit = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' + 10 };
    let bytes: Vec<u8> = value
        .as_bytes()
        .chunks_exact(2)
        .map(|pair| match digit(pair[0]) << 4 | digit(pair[1]) {
            0 => b' ',
            byte => byte,
        })
        .collect();
    String::from_utf8(bytes).map_or_else(|_| value.into(), |text| text.trim_end().to_owned().into())
}

/// What a type of record tells. The kernel writes names, or numbers where it is older than the type.
fn told(record_type: &str, failed: bool) -> EventType {
    match record_type {
        "USER_AUTH" | "USER_LOGIN" | "1100" | "1112" if failed => AuthFailure,
        "USER_AUTH" | "USER_LOGIN" | "1100" | "1112" => AuthSuccess,
        "ANOM_LOGIN_FAILURES" | "ANOM_LOGIN_ACCT" | "USER_ERR" if failed => AuthFailure,
        "USER_ACCT" | "USER_START" | "USER_END" | "USER_LOGOUT" | "CRED_ACQ" | "CRED_DISP" | "CRED_REFR"
        | "LOGIN" | "1101" | "1103" | "1104" | "1105" | "1106" | "1006" | "1113" => Session,
        "USER_CMD" | "USER_ROLE_CHANGE" | "ROLE_ASSIGN" | "ROLE_REMOVE" | "1123" => Privilege,
        "ADD_USER" | "DEL_USER" | "ADD_GROUP" | "DEL_GROUP" | "USER_MGMT" | "GRP_MGMT" | "USER_CHAUTHTOK"
        | "GRP_CHAUTHTOK" | "ACCT_LOCK" | "ACCT_UNLOCK" | "1114" | "1115" | "1116" | "1117" | "1108" => {
            AccountChange
        }
        "NETFILTER_CFG" | "NETFILTER_PKT" | "1325" => Firewall,
        "ANOM_PROMISCUOUS" | "1700" => Network,
        "VIRT_CONTROL" | "VIRT_CREATE" | "VIRT_DESTROY" | "VIRT_RESOURCE" => Container,
        "SERVICE_START" | "SERVICE_STOP" | "SYSTEM_BOOT" | "SYSTEM_SHUTDOWN" | "SYSTEM_RUNLEVEL" | "1130"
        | "1131" | "1127" | "1128" | "CONFIG_CHANGE" | "1305" => Service,
        _ if record_type.starts_with("DAEMON_") => Service,
        _ if record_type.starts_with("CRYPTO_") => Application,
        _ => Kernel,
    }
}

#[cfg(test)]
mod tests;
