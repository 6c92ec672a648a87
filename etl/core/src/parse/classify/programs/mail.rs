//! Mail servers: dovecot, postfix, exim, saslauthd.
//!
//! dovecot's login process says how a connection ended (`auth failed, 2 attempts`), its worker why each
//! attempt failed. Postfix says who authenticated with each message it takes.

use super::{Line, Told, known, line, told_by};
use crate::event::Event;
use crate::event::EventType::{Application, AuthFailure, AuthSuccess, Network};
use headrig_contract::Timestamp;

pub(super) static DOVECOT: &[Line] = &[
    line(
        AuthFailure,
        "{process}: {*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}{~}",
    ),
    line(AuthFailure, "{process}: {*}(auth failed, {failures} {*}user=<{user}>, rip={ip}{~}"),
    line(
        AuthFailure,
        "Disconnected{*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}{~}",
    ),
    line(
        AuthFailure,
        "Aborted{*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}{~}",
    ),
    line(
        AuthFailure,
        "Login aborted{*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}{~}",
    ),
    line(AuthFailure, "{process}: {*}(auth failed, {failures} {*}: method={auth_method}, rip={ip}{~}"),
    line(AuthSuccess, "{process}: Login: user=<{user}>, method={auth_method}, rip={ip}{~}"),
    line(AuthSuccess, "{process}: Info: Login: user=<{user}>, method={auth_method}, rip={ip}{~}"),
    line(AuthSuccess, "Login: user=<{user}>, method={auth_method}, rip={ip}{~}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip},<{*}>): unknown user{*}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip},<{*}>): Password mismatch{*}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip},<{*}>): invalid credentials{*}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip},<{*}>): pam_authenticate() failed: {reason..}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip}): unknown user{*}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip}): Password mismatch{*}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip}): invalid credentials{*}"),
    line(AuthFailure, "auth{*}: {passdb}({user},{ip}): pam_authenticate() failed: {reason..}"),
    line(AuthFailure, "{passdb}({user},{ip},<{*}>): unknown user{*}"),
    line(AuthFailure, "{passdb}({user},{ip},<{*}>): Password mismatch{*}"),
    line(AuthFailure, "{passdb}({user},{ip},<{*}>): pam_authenticate() failed: {reason..}"),
    line(AuthFailure, "{passdb}({user},{ip}): unknown user{*}"),
    line(AuthFailure, "{passdb}({user},{ip}): Password mismatch{*}"),
    line(AuthFailure, "{passdb}({user},{ip}): invalid credentials{*}"),
    line(AuthFailure, "{passdb}({user},{ip}): pam_authenticate() failed: {reason..}"),
    line(Network, "{process}: {*}user=<{user}>, method={auth_method}, rip={ip}{~}"),
    line(Network, "{process}: {*}user=<{user}>, rip={ip}{~}"),
    line(Network, "{process}: {*}: rip={ip}{~}"),
];

pub(super) static POSTFIX: &[Line] = &[
    line(
        Network,
        "{_}[{ip}]: SASL {auth_method} authentication failed: Connection lost to authentication server",
    ),
    line(Network, "{_}[{ip}]: SASL {auth_method} authentication failed: Invalid authentication mechanism"),
    line(
        AuthFailure,
        "{_}[{ip}]: SASL {auth_method} authentication failed: {reason..}, sasl_username={user}",
    ),
    line(AuthFailure, "{_}[{ip}]: SASL {auth_method} authentication failed: {reason..}"),
    line(AuthFailure, "{_}[{ip}]: SASL {auth_method} authentication failed:"),
    line(AuthFailure, "{_}[{ip}]: SASL {auth_method} authentication failed"),
    line(AuthFailure, "{_}[{ip}]:{port}: SASL {auth_method} authentication failed: {reason..}"),
    line(AuthSuccess, "{queue_id}: client={_}[{ip}], sasl_method={auth_method}, sasl_username={user}"),
    line(Application, "{queue_id}: client={_}[{ip}]"),
    line(Network, "connect from {*}[{ip}]"),
    line(Network, "disconnect from {*}[{ip}]{~}"),
    line(Network, "lost connection after {*} from {*}[{ip}]"),
    line(Network, "timeout after {*} from {*}[{ip}]"),
    line(Network, "too many errors after {*} from {*}[{ip}]"),
    line(Network, "improper command pipelining after {*} from {*}[{ip}]{*}"),
    line(Application, "{queue_id}: reject: {*} from {*}[{ip}]: {reason..}"),
    line(Network, "SSL_accept error from {*}[{ip}]: {*}"),
    line(Network, "hostname {src_host} does not resolve to address {ip}: {*}"),
    line(Network, "hostname {src_host} does not resolve to address {ip}"),
];

/// What a client calls itself stands in parentheses and has no blanks; its address comes behind.
pub(super) static EXIM: &[Line] = &[
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {*}({*}) [{ip}]{*}: 535 Incorrect authentication data (set_id={user})",
    ),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {*}({*}) [{ip}]{*}: 535 Incorrect authentication data{*}",
    ),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {_} [{ip}]{*}: 535 Incorrect authentication data (set_id={user})",
    ),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {_} [{ip}]{*}: 535 Incorrect authentication data{*}",
    ),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for [{ip}]{*}: 535 Incorrect authentication data (set_id={user})",
    ),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for [{ip}]{*}: 535 Incorrect authentication data{*}",
    ),
];

/// exim puts a time of its own before what it writes to syslog.
pub(super) fn exim<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let timestamp = Timestamp::parse(line.as_bytes())?;
    told_by(known("exim")?, line[timestamp.length..].trim_start(), event)
}

pub(super) static SASLAUTHD: &[Line] = &[line(
    AuthFailure,
    "do_auth         : auth failure: [user={user}] [service={*}] [realm={*}] [mech={auth_method..}] [reason={reason..}]",
)];

/// Courier, Cyrus, UW and Solid, whose daemons have the same names.
pub(super) static MAILBOXES: &[Line] = &[
    line(AuthFailure, "LOGIN FAILED, user={user}, ip=[{ip}]{~}"),
    line(AuthFailure, "LOGIN FAILED, method={auth_method}, ip=[{ip}]{~}"),
    line(AuthSuccess, "LOGIN, user={user}, ip=[{ip}]{~}"),
    line(AuthFailure, "badlogin: {src_host} [{ip}] plaintext {user} SASL({*}"),
    line(AuthFailure, "badlogin: {src_host} [{ip}] {auth_method} {reason..}"),
    line(AuthFailure, "badlogin: {*}[{ip}] {auth_method} {reason..}"),
    line(AuthSuccess, "login: {src_host} [{ip}] {user..} plaintext{*}User logged in{*}"),
    line(AuthSuccess, "login: {src_host} [{ip}] {user..} {auth_method} User logged in{*}"),
    line(AuthFailure, "Login failed user={user..} auth={*} host={*}[{ip}]"),
    line(AuthFailure, "Login excessive login failures user={user..} auth={*} host={*}[{ip}]"),
    line(AuthFailure, "Login disabled user={user..} auth={*} host={*}[{ip}]"),
    line(AuthSuccess, "Login user={user..} host={*}[{ip}]{*}"),
    line(AuthSuccess, "Authenticated user={user..} host={*}[{ip}]{*}"),
    line(AuthFailure, "authentication failed: {reason..}: {user} - {ip}"),
    line(AuthFailure, "authentication failed for user {user} - {ip}"),
    line(AuthFailure, "authentication failed for mapped user {user} - {ip}"),
    line(AuthFailure, "APOP authentication failed for user {user} - {ip}"),
    line(AuthFailure, "root login not allowed - {ip}"),
];

pub(super) static SENDMAIL: &[Line] = &[
    line(
        AuthFailure,
        "{queue_id}: AUTH failure ({auth_method}): {reason..}, user={user}, relay={*}[{ip}]{*}",
    ),
    line(AuthFailure, "{queue_id}: AUTH failure ({auth_method}): {reason..}, relay={*}[{ip}]{*}"),
    line(AuthSuccess, "AUTH=server, relay={*}[{ip}], authid={user}, mech={auth_method}, bits={_}"),
];
