//! File servers: the FTP daemons and Samba. A failure's template goes first, so that no user name can
//! make a failure look like a success.

use super::{Line, line};
use crate::event::EventType::{AuthFailure, AuthSuccess, Network, Session};

pub(super) static VSFTPD: &[Line] = &[
    line(AuthFailure, "[{user}] FAIL LOGIN: Client \"{ip}\""),
    line(AuthFailure, "[{user}] FAIL LOGIN: Client \"{ip}\", \"{reason..}\""),
    line(AuthSuccess, "[{user}] OK LOGIN: Client \"{ip}\""),
    line(AuthSuccess, "[{user}] OK LOGIN: Client \"{ip}\", anon password \"{*}"),
    line(Network, "CONNECT: Client \"{ip}\"{~}"),
];

pub(super) static FTPD: &[Line] = &[
    line(AuthFailure, "FTP LOGIN FAILED FROM {ip}, {user}"),
    line(AuthFailure, "FTP LOGIN REFUSED ({reason..}) FROM {src_host} [{ip}], {user}"),
    line(AuthFailure, "FTP LOGIN REFUSED FROM {ip}, {user}"),
    line(AuthFailure, "failed login from {src_host} [{ip}]"),
    line(AuthFailure, "failed login from {ip}, {user}"),
    line(AuthFailure, "repeated login failures from {src_host} [{ip}]"),
    line(AuthFailure, "repeated login failures from {ip} ({src_host})"),
    line(AuthFailure, "repeated login failures from {ip}"),
    line(AuthSuccess, "FTP LOGIN FROM {src_host} [{ip}], {user}"),
    line(AuthSuccess, "FTP LOGIN FROM {ip} as {user}"),
    line(AuthSuccess, "FTP LOGIN FROM {ip}, {user}"),
    line(AuthSuccess, "ANONYMOUS FTP LOGIN FROM {src_host} [{ip}], {*}"),
    line(AuthSuccess, "ANONYMOUS FTP LOGIN FROM {ip}, {*}"),
    line(Network, "connection from {ip} () at {*}"),
    line(Network, "connection from {ip} ({src_host}) at {*}"),
    line(Network, "connection from {ip}"),
    line(Session, "FTP session closed"),
];

pub(super) static PROFTPD: &[Line] = &[
    line(AuthFailure, "{_} ({_}[{ip}]) - USER {user} (Login failed): {reason..}"),
    line(AuthFailure, "{_} ({_}[{ip}]): USER {user} (Login failed): {reason..}"),
    line(AuthFailure, "{_} ({_}[{ip}]): USER {user}: no such user found from {*}"),
    line(AuthFailure, "{_} ({_}[{ip}]): SECURITY VIOLATION: {user} login attempted{*}"),
    line(AuthSuccess, "{_} ({_}[{ip}]): USER {user}: Login successful."),
    line(AuthFailure, "{_} ({_}[{ip}]) - USER {user}: no such user found from {*}"),
    line(AuthFailure, "{_} ({_}[{ip}]) - SECURITY VIOLATION: {user} login attempted{*}"),
    line(AuthFailure, "{_} ({_}[{ip}]) - SECURITY VIOLATION: Root login attempted{*}"),
    line(AuthFailure, "{_} ({_}[{ip}]) - Maximum login attempts ({failures}) exceeded{*}"),
    line(AuthSuccess, "{_} ({_}[{ip}]) - USER {user}: Login successful."),
    line(AuthSuccess, "{_} ({_}[{ip}]) - ANON {user}: Login successful."),
    line(Session, "{_} ({_}[{ip}]) - FTP session opened."),
    line(Session, "{_} ({_}[{ip}]) - FTP session closed."),
];

pub(super) static PURE_FTPD: &[Line] = &[
    line(AuthFailure, "({*}@{ip}) [WARNING] Authentication failed for user [{user}]"),
    line(AuthSuccess, "({*}@{ip}) [INFO] {user} is now logged in"),
    line(AuthSuccess, "({*}@{ip}) [INFO] Anonymous user logged in"),
    line(Session, "({user}@{ip}) [INFO] Logout."),
    line(Network, "({*}@{ip}) [INFO] New connection from {*}"),
];

pub(super) static SAMBA: &[Line] = &[
    line(
        AuthFailure,
        "check_ntlm_password:  Authentication for user [{user}] -> [{*}] FAILED with error {reason..}",
    ),
    line(AuthSuccess, "check_ntlm_password:  authentication for user [{user}] -> [{*}] -> [{*}] succeeded"),
    line(
        AuthSuccess,
        "Auth: [{*}] user [{domain..}]\\[{user}] at [{*}] with [{auth_method..}] status [NT_STATUS_OK] workstation [{*}] remote host [{ip_version}:{endpoint}] {*}",
    ),
    line(
        AuthFailure,
        "Auth: [{*}] user [{domain..}]\\[{user}] at [{*}] with [{auth_method..}] status [{reason..}] workstation [{*}] remote host [{ip_version}:{endpoint}] {*}",
    ),
];
