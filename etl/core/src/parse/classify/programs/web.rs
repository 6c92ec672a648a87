//! Web servers and web consoles. What stands in an error log is a verdict of basic or digest
//! authentication; a 401 in an access log is not: it is also how a server asks for the password.

use super::{Line, line};
use crate::event::EventType::{AuthFailure, AuthSuccess, Service};

pub(super) static SERVERS: &[Line] = &[
    line(AuthFailure, "user {user}: authentication failure for \"{*}\": Password Mismatch{*}"),
    line(AuthFailure, "{_}: user {user}: authentication failure for \"{*}\": {*}"),
    line(AuthFailure, "user {user}: authentication failure for \"{*}\": {*}"),
    line(AuthFailure, "{_}: user `{user}' in realm `{*}' not found: {*}"),
    line(AuthFailure, "user `{user}' in realm `{*}' not found: {*}"),
    line(AuthFailure, "{_}: user {user} not found: {*}"),
    line(AuthFailure, "user {user} not found: {*}"),
    line(AuthFailure, "{_}: user {user}: password mismatch: {*}"),
    line(AuthFailure, "user {user}: password mismatch: {*}"),
    line(AuthFailure, "user {user} not found"),
    line(AuthFailure, "{*}[client {endpoint}] user {user} not found: {*}"),
    line(AuthFailure, "{*}[client {endpoint}] {_}: user {user} not found: {*}"),
    line(AuthFailure, "{*}[client {endpoint}] user {user}: authentication failure for \"{*}"),
    line(AuthFailure, "{*}[client {endpoint}] {_}: user {user}: authentication failure for \"{*}"),
    line(AuthFailure, "user \"{user}\": password mismatch, client: {*}"),
    line(AuthFailure, "user \"{user}\": password mismatch"),
    line(AuthFailure, "user \"{user}\" was not found in \"{*}"),
    line(Service, "{_}: {*}resuming normal operations"),
    line(Service, "{*}resuming normal operations"),
    line(Service, "{_}: caught SIG{*}"),
    line(Service, "caught SIG{*}"),
    line(Service, "{_}: Graceful restart {*}"),
    line(Service, "Graceful restart {*}"),
];

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
