//! Mail servers: dovecot, postfix, exim, saslauthd.
//!
//! dovecot's login process says how a connection ended (`auth failed, 2 attempts`), its worker why each
//! attempt failed. Postfix says who authenticated with each message it takes.

use super::{Line, line};
use crate::event::EventType::{Application, AuthFailure, AuthSuccess, Network};

pub(super) static DOVECOT: &[Line] = &[
    line(
        AuthFailure,
        "{process}: {*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}, {*}",
    ),
    line(AuthFailure, "{process}: {*}(auth failed, {failures} {*}user=<{user}>, rip={ip}, {*}"),
    line(
        AuthFailure,
        "Disconnected{*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}, {*}",
    ),
    line(
        AuthFailure,
        "Aborted{*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}, {*}",
    ),
    line(
        AuthFailure,
        "Login aborted{*}(auth failed, {failures} {*}user=<{user}>, method={auth_method}, rip={ip}, {*}",
    ),
    line(AuthSuccess, "{process}: Login: user=<{user}>, method={auth_method}, rip={ip}, {*}"),
    line(AuthSuccess, "{process}: Info: Login: user=<{user}>, method={auth_method}, rip={ip}, {*}"),
    line(AuthSuccess, "Login: user=<{user}>, method={auth_method}, rip={ip}, {*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip},<{*}>): unknown user{*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip},<{*}>): Password mismatch{*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip},<{*}>): invalid credentials{*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip},<{*}>): pam_authenticate() failed: {reason..}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip}): unknown user{*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip}): Password mismatch{*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip}): invalid credentials{*}"),
    line(AuthFailure, "{*}: {passdb}({user},{ip}): pam_authenticate() failed: {reason..}"),
    line(AuthFailure, "{passdb}({user},{ip},<{*}>): unknown user{*}"),
    line(AuthFailure, "{passdb}({user},{ip},<{*}>): Password mismatch{*}"),
    line(AuthFailure, "{passdb}({user},{ip},<{*}>): pam_authenticate() failed: {reason..}"),
    line(AuthFailure, "{passdb}({user},{ip}): unknown user{*}"),
    line(AuthFailure, "{passdb}({user},{ip}): Password mismatch{*}"),
    line(AuthFailure, "{passdb}({user},{ip}): invalid credentials{*}"),
    line(AuthFailure, "{passdb}({user},{ip}): pam_authenticate() failed: {reason..}"),
    line(Network, "{process}: {*}user=<{user}>, method={auth_method}, rip={ip}, {*}"),
    line(Network, "{process}: {*}user=<{user}>, rip={ip}, {*}"),
    line(Network, "{process}: {*}: rip={ip}, {*}"),
];

pub(super) static POSTFIX: &[Line] = &[
    line(
        AuthFailure,
        "{*}[{ip}]: SASL {auth_method} authentication failed: {reason..}, sasl_username={user}",
    ),
    line(AuthFailure, "{*}[{ip}]: SASL {auth_method} authentication failed: {reason..}"),
    line(AuthFailure, "{*}[{ip}]: SASL {auth_method} authentication failed"),
    line(
        AuthSuccess,
        "{queue_id}: client={*}[{ip}], sasl_method={auth_method}, sasl_username={user}, sasl_sender={*}",
    ),
    line(AuthSuccess, "{queue_id}: client={*}[{ip}], sasl_method={auth_method}, sasl_username={user}"),
    line(Application, "{queue_id}: client={*}[{ip}]"),
    line(Network, "connect from {*}[{ip}]"),
    line(Network, "disconnect from {*}[{ip}]{~}"),
    line(Network, "lost connection after {*} from {*}[{ip}]"),
    line(Network, "timeout after {*} from {*}[{ip}]"),
    line(Network, "SSL_accept error from {*}[{ip}]: {*}"),
    line(Network, "hostname {src_host} does not resolve to address {ip}: {*}"),
    line(Network, "hostname {src_host} does not resolve to address {ip}"),
];

pub(super) static EXIM: &[Line] = &[
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {*}[{ip}]: {*}Incorrect authentication data (set_id={user})",
    ),
    line(AuthFailure, "{authenticator} authenticator failed for {*}[{ip}]: {*}Incorrect authentication data"),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {*}[{ip}]:{port} {*}Incorrect authentication data (set_id={user})",
    ),
    line(
        AuthFailure,
        "{authenticator} authenticator failed for {*}[{ip}]:{port} {*}Incorrect authentication data",
    ),
    line(
        AuthFailure,
        "{date} {time} {authenticator} authenticator failed for {*}[{ip}]{*}: {*}Incorrect authentication data (set_id={user})",
    ),
    line(
        AuthFailure,
        "{date} {time} {authenticator} authenticator failed for {*}[{ip}]{*}: {*}Incorrect authentication data",
    ),
];

pub(super) static SASLAUTHD: &[Line] = &[line(
    AuthFailure,
    "do_auth         : auth failure: [user={user}] [service={*}] [realm={*}] [mech={auth_method..}] [reason={reason..}]",
)];
