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

/// The helper that reads shadow passwords for `pam_unix` where the program may not.
pub(super) static CHECKER: &[Line] = &[line(AuthFailure, "password check failed for user ({user})")];

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

/// A program passes the name it was asked for as `ruser`, and some modules write it once more as `user`,
/// so either may hold what looks like ` rhost=`. Where nothing was passed (sshd) the first is the true one;
/// else the one that leaves the same name on both sides, or the last.
fn fill_who<'a>(who: &'a str, event: &mut Event<'a>) {
    let start = who.find(" ruser=").map_or(0, |at| at + " ruser=".len());
    let places = || who.match_indices(" rhost=").map(|(at, _)| at).filter(|at| *at >= start).take(PLACES_MAX);
    let same = |at: &usize| who[start..*at] == *user_behind(&who[*at..]);
    let first = places().next().filter(|at| *at == start);
    let Some(place) = first.or_else(|| places().find(same)).or_else(|| places().last()) else {
        return pairs(who, event);
    };
    pairs(&who[..start], event);
    let (asked, host) = (&who[start..place], &who[place + " rhost=".len()..]);
    if !asked.is_empty() {
        event.attribute("ruser", asked);
    }
    set_source(host.split(' ').next().unwrap_or(host), event);
    let user = user_behind(&who[place..]);
    set_user(if user.is_empty() { asked } else { user }, event);
}

/// The name behind the host's address: to the end, whatever it holds.
fn user_behind(text: &str) -> &str {
    text.split_once(" user=").map_or("", |(_, user)| user.trim())
}

fn pairs<'a>(text: &'a str, event: &mut Event<'a>) {
    for pair in text.split(' ') {
        if let Some((key @ ("tty" | "uid"), value)) = pair.split_once('=')
            && !value.is_empty()
        {
            event.attribute(key, value);
        }
    }
}

/// Places of one name that are tried.
const PLACES_MAX: usize = 8;
