//! Web servers and web consoles. What stands in an error log is a verdict of basic or digest
//! authentication; a 401 in an access log is not: it is also how a server asks for the password.

use super::{Line, Told, line, told_by_servers};
use crate::event::Event;
use crate::event::EventType::{AuthFailure, AuthSuccess, Service};
use crate::parse::classify::source::set_endpoint;

pub(super) static SERVERS: &[Line] = &[
    line(Service, "Apache/{*} configured -- resuming normal operations"),
    line(Service, "{_}: Apache/{*} configured -- resuming normal operations"),
    line(Service, "{_}: caught SIG{*}"),
    line(Service, "caught SIG{*}"),
    line(Service, "{_}: Graceful restart {*}"),
    line(Service, "Graceful restart {*}"),
];

/// What the servers' own authentication says. Anything else in an error log may quote a visitor.
pub(super) static AUTHENTICATION: &[Line] = &[
    line(AuthFailure, "{_}: user {user}: authentication failure for \"{*}\": {*}"),
    line(AuthFailure, "user {user}: authentication failure for \"{*}\": {*}"),
    line(AuthFailure, "{_}: user `{user}' in realm `{*}' not found: {*}"),
    line(AuthFailure, "user `{user}' in realm `{*}' not found: {*}"),
    line(AuthFailure, "{_}: user {user} not found: {*}"),
    line(AuthFailure, "user {user} not found: {*}"),
    line(AuthFailure, "{_}: user {user}: password mismatch: {*}"),
    line(AuthFailure, "user {user}: password mismatch: {*}"),
    line(AuthFailure, "user {user} not found"),
    line(AuthFailure, "{_}: auth_ldap authenticate: user {user} authentication failed; URI {*}"),
    line(AuthFailure, "auth_ldap authenticate: user {user} authentication failed; URI {*}"),
    line(AuthFailure, "user \"{user}\": password mismatch, client: {*}"),
    line(AuthFailure, "user \"{user}\": password mismatch"),
    line(AuthFailure, "user \"{user}\" was not found in \"{*}"),
];

/// Names of the servers themselves, which stand where Apache names a module.
const SERVER_NAMES: [&str; 4] = ["httpd", "apache2", "nginx", "apache"];
/// Groups in brackets before a message: level, process, client.
const BRACKETS_MAX: usize = 4;

/// What is said of a login, by a server or by a module that authenticates. Over syslog Apache's brackets are still there.
pub(super) fn server<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let (mut rest, mut module, mut client) = (line, event.service.as_deref(), None);
    for _ in 0..BRACKETS_MAX {
        let Some((group, after)) = bracketed(rest) else { break };
        if let Some(address) = group.strip_prefix("client ") {
            client = Some(address);
        } else if let Some((name, _)) = group.split_once(':').filter(|(name, _)| !name.contains(' ')) {
            module = Some(name);
        }
        rest = after;
    }
    let module = module.unwrap_or_default();
    if !(module.is_empty() || module == "-" || module.starts_with("auth") || SERVER_NAMES.contains(&module)) {
        return None;
    }
    // Apache puts where the visitor says to come from behind its message.
    let text = rest.rsplit_once(", referer: ").map_or(rest, |(text, _)| text);
    let told = told_by_servers(text, event)?;
    if let Some(client) = client {
        set_endpoint(client, event);
    }
    Some(told)
}

/// `[group] ` and what follows; `[client [2001:db8::7]:4711] ` is one group.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('[')?;
    let (group, after) = inner.split_once("] ")?;
    let whole = !group.contains(['[', ']']) || group.starts_with("client [");
    whole.then_some((group, after))
}

pub(super) static PROXMOX: &[Line] = &[
    line(AuthFailure, "authentication failure; rhost={ip} user={user} msg={*}"),
    line(AuthFailure, "authentication failure; rhost={ip} user={user}"),
    line(AuthFailure, "authentication failure; user={user} msg={*}"),
    line(AuthSuccess, "<{*}> successful auth for user '{user}'"),
];

pub(super) static WEBMIN: &[Line] = &[
    line(AuthFailure, "Invalid login as {user} from {ip}"),
    line(AuthFailure, "Non-existent login as {user} from {ip}"),
    line(AuthFailure, "Security alert: Host {ip} blocked after {failures} failed logins for user {user}"),
    line(AuthSuccess, "Successful login as {user} from {ip}"),
];
