//! What the modules of PAM write through any program, behind their mark.
//!
//! `user=` is the account that was asked for; a module writes it only where it knows one. What a module
//! says beside its verdict (`check pass; user unknown`, `received for user …: 7`) is no second one.

use super::{Line, Told, line};
use crate::event::Event;
use crate::event::EventType::{AccountChange, Application, AuthFailure, AuthSuccess, Session};
use crate::parse::classify::source::{set_source, set_user};
use crate::parse::text::number;

pub(super) static LINES: &[Line] = &[
    line(Session, "session opened for user {user}(uid={uid}) by {by_user}(uid={by_uid})"),
    line(Session, "session opened for user {user}(uid={uid}) by (uid={by_uid})"),
    line(Session, "session opened for user {user} by {by_user}(uid={by_uid})"),
    line(Session, "session opened for user {user} by (uid={by_uid})"),
    line(Session, "session opened for user {user} by {*}"),
    line(Session, "session opened for user {user}"),
    line(Session, "session closed for user {user}"),
    line(AccountChange, "password changed for {user}"),
    line(AuthFailure, "auth could not identify password for [{user}]"),
    line(AuthFailure, "bad username [{user}]"),
    line(AuthFailure, "authentication failed for user '{user}'{*}"),
    line(AuthFailure, "user '{user}' denied access (incorrect password or invalid membership)"),
    line(AuthFailure, "Consecutive login failures for user {user} account temporarily locked"),
    line(AuthFailure, "user {user} ({uid}) tally {tally}, deny {deny}"),
    line(AuthFailure, "access denied for user `{user}' from `{ip}'"),
    line(AuthFailure, "access denied for user '{user}' from '{ip}'"),
    line(AuthFailure, "Refused user {user} for service {*}"),
    line(AuthFailure, "Invalid verification code for {user}"),
    line(AuthFailure, "error trying to bind as user \"{user}\" (Invalid credentials)"),
    line(AuthSuccess, "user {user} authenticated as {principal}"),
    line(AuthSuccess, "user '{user}' granted access"),
    line(AuthSuccess, "Accepted google_authenticator for {user}"),
    line(Application, "user \"{user}\" does not exist in /etc/passwd"),
    line(Application, "received for user {user}: {reason..}"),
    line(Application, "requirement \"{requirement..}\" not met by user \"{user}\""),
    line(Application, "requirement \"{requirement..}\" was met by user \"{user}\""),
    line(Application, "expired password for user {user} ({reason..})"),
    line(Application, "account {user} has expired (account expired)"),
];

/// `authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root`, and the
/// same as a success (`pam_sss`).
pub(super) fn failure<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let rest = text.strip_prefix("authentication ")?;
    if let Some(who) = rest.strip_prefix("failure; ") {
        fill_who(who, event);
        return Some((AuthFailure, 0));
    }
    fill_who(rest.strip_prefix("success; ")?, event);
    Some((AuthSuccess, 0))
}

/// `PAM 5 more authentication failures; logname= … user=root`, which libpam writes in the program's
/// own name when a conversation ends.
pub(in crate::parse::classify) fn more_failures<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let (count, rest) = text.strip_prefix("PAM ")?.split_once(" more authentication failure")?;
    number(count)?;
    event.attribute("failures", count);
    fill_who(rest.strip_prefix('s').unwrap_or(rest).strip_prefix("; ")?, event);
    Some((AuthFailure, 0))
}

/// The address is the first `rhost`: what comes before it names the local caller, and all behind
/// `user=` is a name, whatever it holds.
fn fill_who<'a>(who: &'a str, event: &mut Event<'a>) {
    let (before, rest) = who.split_once(" rhost=").unwrap_or((who, ""));
    let (host, after) = rest.split_once(' ').unwrap_or((rest, ""));
    for pair in before.split(' ') {
        if let Some((key @ ("tty" | "ruser" | "uid"), value)) = pair.split_once('=')
            && !value.is_empty()
        {
            event.attribute(key, value);
        }
    }
    set_source(host, event);
    if let Some(user) = after.trim_start().strip_prefix("user=") {
        set_user(user, event);
    }
}
