//! sudo, su, doas, pkexec and polkit: who acts is the user, as whom the attribute `target_user`.
//!
//! A command that was refused to a user who is who they say (not in sudoers, not allowed, no terminal)
//! is a privilege event and a warning; only a password that was wrong is a failed authentication.

use super::{Line, Told, line};
use crate::event::Event;
use crate::event::EventType::{Application, AuthFailure, Privilege};
use crate::parse::classify::source::set_user;
use crate::parse::text::number;

const WARN: i32 = 13;

pub(super) static SU: &[Line] = &[
    line(AuthFailure, "FAILED SU (to {target_user}) {user} on {tty}"),
    line(AuthFailure, "FAILED su for {target_user} by {user}"),
    line(AuthFailure, "BAD SU {user} to {target_user} on {tty}"),
    line(AuthFailure, "'su {target_user}' failed for {user} on {tty}"),
    line(AuthFailure, "- {tty} {user}:{target_user}"),
    line(Privilege, "Successful su for {target_user} by {user}"),
    line(Privilege, "(to {target_user}) {user} on {tty}"),
    line(Privilege, "'su {target_user}' succeeded for {user} on {tty}"),
    line(Privilege, "{user} to {target_user} on {tty}"),
    line(Privilege, "+ {tty} {user}:{target_user}"),
];

pub(super) static DOAS: &[Line] = &[
    line(AuthFailure, "failed auth for {user}"),
    line(AuthFailure, "failed password for {user}"),
    line(Privilege, "command not permitted for {user}: {command..}").severity(WARN),
    line(Privilege, "{user} ran command {command...} as {target_user} from {pwd..}"),
    line(Privilege, "{user} ran command as {target_user}: {command..}"),
];

pub(super) static POLKIT: &[Line] = &[
    line(
        AuthFailure,
        "Operator of {_} FAILED to authenticate to gain {*}authorization for action {action} for {*} (owned by unix-user:{user})",
    ),
    line(
        Privilege,
        "Operator of {_} successfully authenticated as unix-user:{target_user} to gain {*}authorization for action {action} for {*} (owned by unix-user:{user})",
    ),
    line(
        Privilege,
        "Operator of {_} successfully authenticated as unix-user:{user} to gain {*}authorization for action {action} for {*}",
    ),
    line(Application, "Registered Authentication Agent {*}"),
];

/// `ana : [3 incorrect password attempts ; ]TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls`.
pub(super) fn sudo<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let (user, rest) = line.split_once(" : ")?;
    if user.trim().contains(char::is_whitespace) {
        return None;
    }
    set_user(user, event);
    let (front, command) = match rest.split_once("COMMAND=") {
        Some((front, command)) => (front, command),
        None => (rest, ""),
    };
    let mut verdict = None;
    for field in front.split(" ; ").map(|field| field.trim_matches([' ', ';'])) {
        match field.split_once('=') {
            Some((key, value)) if sudo_key(key).is_some() => {
                event.attribute(sudo_key(key)?, value);
            }
            _ if !field.is_empty() && verdict.is_none() => verdict = Some(field),
            _ => {}
        }
    }
    if !command.is_empty() {
        event.attribute("command", command);
    }
    Some(verdict.map_or((Privilege, 0), sudo_verdict))
}

fn sudo_key(key: &str) -> Option<&'static str> {
    Some(match key {
        "TTY" => "tty",
        "PWD" => "pwd",
        "USER" => "target_user",
        "GROUP" => "target_group",
        "HOST" => "target_host",
        "TSID" => "session_id",
        "ENV" => "environment",
        "CHROOT" => "chroot",
        _ => return None,
    })
}

fn sudo_verdict(verdict: &str) -> Told {
    let attempts = verdict.split_once(" incorrect password attempt").map(|(count, _)| count);
    if attempts.is_some_and(|count| number(count).is_some()) || verdict == "authentication failure" {
        return (AuthFailure, 0);
    }
    match verdict {
        "(command continued)" => (Privilege, 0),
        _ => (Privilege, WARN),
    }
}

/// `ana: Executing command [USER=root] [TTY=/dev/pts/0] [CWD=/] [COMMAND=/bin/ls]`.
pub(super) fn pkexec<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let (user, rest) = line.split_once(": ")?;
    let (verdict, fields) = rest.split_once(" [USER=")?;
    set_user(user, event);
    let fields = fields.strip_suffix(']').unwrap_or(fields);
    let (target, fields) = fields.split_once("] [TTY=")?;
    let (tty, fields) = fields.split_once("] [CWD=")?;
    let (pwd, command) = fields.split_once("] [COMMAND=")?;
    for (key, value) in [("target_user", target), ("tty", tty), ("pwd", pwd), ("command", command)] {
        event.attribute(key, value);
    }
    Some((Privilege, if verdict == "Executing command" { 0 } else { WARN }))
}
