//! systemd and its logins, cron and its kin, fail2ban.

use super::{Line, line};
use crate::event::EventType::{Firewall, Scheduler, Service, Session};

const WARN: i32 = 13;
const ERROR: i32 = 17;

pub(super) static SYSTEMD: &[Line] = &[
    line(Session, "New session '{session}' of user '{user}' with class {*}"),
    line(Session, "New session {session} of user {user}."),
    line(Session, "New session {session} of user {user} with class {*}"),
    line(Session, "Removed session {session}."),
    line(Session, "Session {session} logged out. {*}"),
    line(Session, "Started Session {session} of user {user}."),
    line(Session, "Started Session {session} of User {user}."),
    line(Session, "Starting Session {session} of user {user}."),
    line(Session, "Stopped Session {session} of user {user}."),
    line(Session, "Stopping Session {session} of user {user}."),
    line(Session, "Stopped Session {session} of User {user}."),
    line(Session, "Started {*} - Session {session} of User {user}."),
    line(Session, "Started {*} - Session {session} of user {user}."),
    line(Session, "session-{*}"),
    line(Service, "Failed to start {unit..}").severity(ERROR),
    line(Service, "Failed to mount {unit..}").severity(ERROR),
    line(Service, "Dependency failed for {unit..}").severity(ERROR),
    line(Service, "{unit}: Failed with result '{result}'.").severity(WARN),
    line(Service, "{unit}: Main process exited, code=exited, status=0/SUCCESS"),
    line(Service, "{unit}: Main process exited, {*}").severity(WARN),
    line(Service, "{unit}: Start request repeated too quickly.").severity(WARN),
    line(Service, "{unit}: A process of this unit has been killed by the OOM killer.").severity(ERROR),
    line(Service, "Unit {unit} entered failed state.").severity(WARN),
    line(Scheduler, "{unit}.timer: {*}"),
];

pub(super) static CRON: &[Line] = &[
    line(Scheduler, "({user}) CMD ({command..})"),
    line(Scheduler, "({user}) CMDOUT ({output..})"),
    line(Scheduler, "({user}) CMDEND ({command..})"),
    line(Scheduler, "(CRON) INFO {*}"),
    line(Scheduler, "(CRON) error {*}").severity(ERROR),
    line(Scheduler, "(CRON) {*}"),
    line(Scheduler, "({user}) FAILED to authorize user with PAM {*}").severity(WARN),
    line(Scheduler, "({user}) AUTH (crontab command not allowed)").severity(WARN),
    line(Scheduler, "({user}) {action} ({*}"),
    line(Scheduler, "({user}) BEGIN EDIT ({*}"),
    line(Scheduler, "({user}) END EDIT ({*}"),
];

/// `Found` is a line that fail2ban read elsewhere; it is counted there.
pub(super) static FAIL2BAN: &[Line] = &[
    line(Firewall, "{^}[{jail}] {action} {ip}"),
    line(Firewall, "{^}[{jail}] {action} {ip} - {*}"),
    line(Firewall, "{^}[{jail}] Restore {action} {ip}"),
    line(Firewall, "[{jail}] Increase {action} {ip} {*}"),
    line(Firewall, "[{jail}] Ignore {ip} by {*}"),
    line(Firewall, "[{jail}] {ip} already banned"),
    line(Firewall, "Blocking \"{ip}/{*}"),
    line(Firewall, "Attack from \"{ip}\" {*}"),
];
