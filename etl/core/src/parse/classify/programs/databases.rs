//! Databases and directories. Redis and memcached write nothing of who authenticates.

use super::{Line, Told, line};
use crate::event::Event;
use crate::event::EventType::{AuthFailure, AuthSuccess, Database};
use crate::parse::classify::source::set_user;

const FATAL: i32 = 21;

pub(super) static POSTGRES: &[Line] = &[
    line(AuthFailure, "{auth_method} authentication failed for user \"{user}\""),
    line(AuthFailure, "no pg_hba.conf entry for {*}host \"{ip}\", user \"{user}\", database \"{*}"),
    line(
        AuthFailure,
        "pg_hba.conf rejects {*}connection for {*}host \"{ip}\", user \"{user}\", database \"{*}",
    ),
    line(AuthSuccess, "connection authenticated: identity=\"{user}\" method={auth_method} {*}"),
    line(AuthSuccess, "connection authenticated: user=\"{user}\" method={auth_method} {*}"),
    line(AuthSuccess, "connection authorized: user={user} database={database}{~}"),
    line(AuthSuccess, "connection authorized: user={user}"),
    line(AuthSuccess, "replication connection authorized: user={user}{~}"),
    line(Database, "connection received: host={ip} port={port}"),
    line(Database, "connection received: host={ip}"),
    line(
        Database,
        "disconnection: session time: {session_time} user={user} database={database} host={ip} port={port}",
    ),
    line(Database, "disconnection: session time: {session_time} user={user} database={database} host={ip}"),
];

/// `FATAL:  role "ana" does not exist` ends a connection; as an `ERROR` the same words are about a grant.
/// The word may be off already and known as the event's level.
pub(super) fn refused_role<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let fatal = line.strip_prefix("FATAL:").map(str::trim_start);
    let text = fatal.or_else(|| (event.severity_number == FATAL).then_some(line))?;
    let rest = text.strip_prefix("role \"")?;
    let (user, reason) = rest.rsplit_once("\" ")?;
    if !matches!(reason, "does not exist" | "is not permitted to log in") {
        return None;
    }
    set_user(user, event);
    Some((AuthFailure, 0))
}

pub(super) static MYSQL: &[Line] = &[
    line(AuthFailure, "{^}Access denied for user '{user}'@'{ip}' (using password: {using_password})"),
    line(
        AuthFailure,
        "{^}Connect\tAccess denied for user '{user}'@'{ip}' (using password: {using_password})",
    ),
    line(Database, "Aborted connection {*} user: '{user}' host: '{ip}' ({reason..})"),
    line(Database, "{^}Aborted connection {*} user: '{user}' host: '{ip}' ({reason..})"),
];

pub(super) static MONGODB: &[Line] = &[
    line(
        AuthFailure,
        "{auth_method} authentication failed for {user} on {database} from client {endpoint} {*}",
    ),
    line(
        AuthFailure,
        "{^}] {auth_method} authentication failed for {user} on {database} from client {endpoint} {*}",
    ),
    line(
        AuthFailure,
        "{^}Failed to authenticate {user} from client {endpoint} with mechanism {auth_method}: {reason..}",
    ),
    line(
        AuthFailure,
        "{^}Failed to authenticate {user}@{database} from client {endpoint} with mechanism {auth_method}: {reason..}",
    ),
    line(
        AuthSuccess,
        "{^}Successfully authenticated as principal {user} on {database} from client {endpoint}",
    ),
    line(AuthSuccess, "{^}Successfully authenticated as principal {user} on {database}"),
];

pub(super) static SLAPD: &[Line] = &[
    line(AuthFailure, "conn={connection} op={operation} RESULT tag=97 err=49 {*}"),
    line(Database, "conn={connection} fd={*} ACCEPT from IP={endpoint} {*}"),
    line(Database, "conn={connection} op={operation} BIND dn=\"{user}\" {*}"),
];
