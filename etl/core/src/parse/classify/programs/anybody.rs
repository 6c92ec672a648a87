//! Whole lines that only one program writes: believed where a line names no program at all.
//!
//! What stands here must hold an address or a port in the program's own phrase; a sentence that anybody
//! might write does not belong here.

use super::{Line, line};
use crate::event::EventType::{AuthFailure, AuthSuccess, Network};

/// Lines of sshd. A line that names its logger is not sshd's: an application may write what its users say.
pub(super) static OPENSSH: &[Line] = &[
    line(AuthFailure, "Failed {auth_method} for invalid user {user} from {ip} port {port} ssh2"),
    line(AuthFailure, "Failed {auth_method} for {user} from {ip} port {port} ssh2"),
    line(AuthSuccess, "Accepted {auth_method} for {user} from {ip} port {port} ssh2"),
    line(
        AuthSuccess,
        "Accepted {auth_method} for {user} from {ip} port {port} ssh2: {key_type} {key_fingerprint}",
    ),
    line(AuthFailure, "Invalid user {user} from {ip} port {port}"),
    line(Network, "Connection closed by authenticating user {user} {ip} port {port}"),
    line(Network, "Connection closed by invalid user {user} {ip} port {port}"),
    line(Network, "Disconnected from authenticating user {user} {ip} port {port}"),
    line(Network, "Disconnected from invalid user {user} {ip} port {port}"),
    line(Network, "Disconnected from user {user} {ip} port {port}"),
];

/// Lines that may come with the name of a logger; exim's refusals are such, too.
pub(super) static UNMISTAKABLE: &[Line] = &[
    // Microsoft's SQL Server
    line(AuthFailure, "Logon {*}Login failed for user '{user}'. Reason: {reason..} [CLIENT: {ip}]"),
    line(AuthSuccess, "Logon {*}Login succeeded for user '{user}'. {*}[CLIENT: {ip}]"),
    // Asterisk and FreeSWITCH
    line(AuthFailure, "Registration from '{*}' failed for '{endpoint}' - Wrong password"),
    line(AuthFailure, "Registration from '{*}' failed for '{endpoint}' - No matching peer found"),
    line(AuthFailure, "Registration from '{*}' failed for '{endpoint}' - Username/auth name mismatch"),
    line(AuthFailure, "Host {ip} failed to authenticate as '{user}'"),
    line(AuthFailure, "Host {ip} failed MD5 authentication for '{user}' ({*}"),
    line(AuthFailure, "{_} SIP auth failure ({*}) on sofia profile '{*}' for [{user}] from ip {ip}"),
    line(AuthFailure, "SIP auth failure ({*}) on sofia profile '{*}' for [{user}] from ip {ip}"),
    // lighttpd
    line(AuthFailure, "({*}) password doesn't match for {*} username: {user}, IP: {ip}"),
    line(AuthFailure, "({*}) digest: auth failed for {user} : wrong password, IP: {ip}"),
    // Guacamole
    line(AuthFailure, "Authentication attempt from {ip} for user \"{user}\" failed."),
    line(AuthSuccess, "User \"{user}\" successfully authenticated from {ip}."),
    // SoftEther
    line(
        AuthFailure,
        "Connection \"{*}\": User authentication failed. The user name that has been provided was \"{user}\", from {ip}.",
    ),
    // GitLab, Bitwarden
    line(AuthFailure, "Failed Login: username={user} ip={ip}"),
    line(AuthFailure, "Failed login attempt. {ip}"),
    line(AuthFailure, "Failed login attempt, 2FA invalid. {ip}"),
];
