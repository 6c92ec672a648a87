//! login, display managers and Cockpit. Most of what they say of a login they say through PAM.

use super::{Line, line};
use crate::event::EventType::{AuthFailure, AuthSuccess, Network};

pub(super) static LOGIN: &[Line] = &[
    line(AuthFailure, "FAILED LOGIN ({failures}) on '{tty}' from '{ip}' FOR '{user}', {reason..}"),
    line(AuthFailure, "FAILED LOGIN ({failures}) on '{tty}' FOR '{user}', {reason..}"),
    line(AuthFailure, "FAILED LOGIN {failures} FROM {ip} FOR {user}, {reason..}"),
    line(AuthFailure, "FAILED LOGIN ({failures}) FROM {ip} FOR {user}, {reason..}"),
    line(AuthFailure, "FAILED LOGIN SESSION FROM {ip} FOR {user}, {reason..}"),
    line(AuthFailure, "FAILED LOGIN SESSION FROM {ip} FOR , {reason..}"),
    line(AuthFailure, "TOO MANY LOGIN TRIES ({failures}) FROM {ip} FOR {user}, {reason..}"),
    line(AuthFailure, "REPEATED LOGIN FAILURES ON {tty} FROM {ip}, {user}"),
    line(AuthFailure, "REPEATED LOGIN FAILURES ON {tty}, {user}"),
    line(AuthFailure, "{failures} LOGIN FAILURE ON {tty} FROM {ip}"),
    line(AuthFailure, "{failures} LOGIN FAILURES ON {tty} FROM {ip}"),
    line(AuthFailure, "{failures} LOGIN FAILURE ON {tty}"),
    line(AuthFailure, "{failures} LOGIN FAILURES ON {tty}"),
    line(AuthFailure, "invalid password for '{user}' on '{tty}' from '{ip}'"),
    line(AuthFailure, "invalid password for '{user}' on '{tty}'"),
    line(AuthFailure, "invalid password for `{user}' on `{tty}' from `{ip}'"),
    line(AuthFailure, "invalid password for `{user}' on `{tty}'"),
    line(AuthFailure, "ROOT LOGIN REFUSED {*}"),
    line(AuthSuccess, "ROOT LOGIN ON {tty} FROM {ip}"),
    line(AuthSuccess, "ROOT LOGIN ON {tty}"),
    line(AuthSuccess, "ROOT LOGIN  on '{tty}' from '{ip}'"),
    line(AuthSuccess, "ROOT LOGIN  on '{tty}'"),
    line(AuthSuccess, "ROOT LOGIN ({user}) ON {tty} FROM {ip}"),
    line(AuthSuccess, "ROOT LOGIN ({user}) ON {tty}"),
    line(AuthSuccess, "LOGIN ON {tty} BY {user} FROM {ip}"),
    line(AuthSuccess, "LOGIN ON {tty} BY {user}"),
    line(AuthSuccess, "login on {tty} as {user}"),
    line(AuthSuccess, "root login on '{tty}'{~}"),
    line(AuthSuccess, "DIALUP AT {tty} BY {user}"),
];

pub(super) static DISPLAY: &[Line] = &[
    line(AuthFailure, "Couldn't authenticate user"),
    line(AuthFailure, "Couldn't authenticate user {user}"),
    line(AuthFailure, "Authentication failure for {user}"),
];

pub(super) static COCKPIT: &[Line] = &[
    line(AuthFailure, "{_}: user authentication failed: {user}: {reason..}"),
    line(AuthFailure, "pam_authenticate failed: {reason..}"),
    line(AuthSuccess, "New connection to session from {ip}"),
    line(Network, "{_}: couldn't read from connection: {*}"),
];
