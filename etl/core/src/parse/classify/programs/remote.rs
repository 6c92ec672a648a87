//! Kerberos, VPNs, RADIUS, remote desktops, Cisco's devices.

use super::{Line, line};
use crate::event::EventType::{Application, AuthFailure, AuthSuccess, Firewall, Network, Session};

/// `NEEDED_PREAUTH` is how every login begins; a ticket for a service (`TGS_REQ`) is no login.
pub(super) static KDC: &[Line] = &[
    line(AuthSuccess, "AS_REQ ({*}) {ip}: ISSUE: authtime {*}}, {user} for {target_service}"),
    line(AuthSuccess, "AS_REQ ({*}) {ip}: ISSUE: authtime {*}, {user} for {target_service}"),
    line(AuthFailure, "AS_REQ ({*}) {ip}: PREAUTH_FAILED: {user} for {target_service}, {reason..}"),
    line(AuthFailure, "AS_REQ ({*}) {ip}: CLIENT_NOT_FOUND: {user} for {target_service}, {reason..}"),
    line(AuthFailure, "AS_REQ ({*}) {ip}: LOCKED_OUT: {user} for {target_service}, {reason..}"),
    line(AuthFailure, "AS_REQ ({*}) {ip}: CLIENT EXPIRED: {user} for {target_service}, {reason..}"),
    line(AuthFailure, "AS_REQ ({*}) {ip}: CLIENT KEY EXPIRED: {user} for {target_service}, {reason..}"),
    line(Application, "AS_REQ ({*}) {ip}: NEEDED_PREAUTH: {user} for {target_service}, {*}"),
    line(Application, "TGS_REQ ({*}) {ip}: {*}, {user} for {target_service}"),
];

pub(super) static KERBEROS: &[Line] = &[
    line(AuthFailure, "Authentication failed from {ip} ({*}): {reason..}"),
    line(AuthFailure, "Authentication failed from {ip}: {reason..}"),
    line(AuthFailure, "Kerberos authentication failed"),
];

pub(super) static OPENVPN: &[Line] = &[
    line(AuthFailure, "{endpoint} TLS Auth Error: Auth Username/Password verification failed for peer"),
    line(AuthFailure, "{_}/{endpoint} TLS Auth Error: Auth Username/Password verification failed for peer"),
    line(AuthFailure, "{endpoint} SENT CONTROL [{*}]: 'AUTH_FAILED{*}"),
    line(AuthFailure, "{_}/{endpoint} SENT CONTROL [{*}]: 'AUTH_FAILED{*}"),
    line(AuthFailure, "AUTH: Received control message: AUTH_FAILED{*}"),
    line(AuthSuccess, "{endpoint} TLS: Username/Password authentication succeeded for username '{user}'{*}"),
    line(
        AuthSuccess,
        "{_}/{endpoint} TLS: Username/Password authentication succeeded for username '{user}'{*}",
    ),
    line(Network, "{endpoint} TLS Error: {reason..}"),
    line(Network, "{endpoint} TLS: Initial packet from {*}"),
    line(Network, "{endpoint} Connection reset, restarting{*}"),
    line(Network, "{endpoint} VERIFY ERROR: {reason..}"),
    line(Session, "{endpoint} [{user}] Peer Connection Initiated with {*}"),
];

pub(super) static STRONGSWAN: &[Line] = &[
    line(AuthSuccess, "{^}authentication of '{user}' with {auth_method} successful"),
    line(AuthSuccess, "{^}authentication of '{user}' with EAP successful"),
    line(AuthFailure, "{^}EAP method {auth_method} failed for peer {ip}"),
    line(AuthFailure, "{^}authentication of '{user}' with {auth_method..} failed"),
    line(AuthFailure, "{^}EAP verification failed for {user}"),
];

pub(super) static RADIUS: &[Line] = &[
    line(AuthFailure, "{^}Login incorrect{*}: [{user}/{*}] (from client {*}"),
    line(AuthFailure, "{^}Login incorrect{*}: [{user}] (from client {*}"),
    line(AuthFailure, "{^}Invalid user{*}: [{user}/{*}] (from client {*}"),
    line(AuthFailure, "{^}Invalid user{*}: [{user}] (from client {*}"),
    line(AuthSuccess, "{^}Login OK: [{user}/{*}] (from client {*}"),
    line(AuthSuccess, "{^}Login OK: [{user}] (from client {*}"),
];

pub(super) static XRDP: &[Line] = &[
    line(AuthFailure, "AUTHFAIL: user={user} ip={ip} time={*}"),
    line(AuthFailure, "[{*}] AUTHFAIL: user={user} ip={ip} time={*}"),
    line(AuthSuccess, "Access permitted for user: {user}"),
    line(AuthSuccess, "[{*}] Access permitted for user: {user}"),
];

pub(super) static CISCO: &[Line] = &[
    line(
        AuthFailure,
        "Login failed [user: {user}] [Source: {ip}] [localport: {dst_port}] [Reason: {reason..}] at {*}",
    ),
    line(AuthSuccess, "Login Success [user: {user}] [Source: {ip}] [localport: {dst_port}] at {*}"),
];

pub(super) static CISCO_ASA: &[Line] = &[
    line(AuthFailure, "Login denied from {ip}/{port} to {*} for user \"{user}\""),
    line(AuthSuccess, "Login permitted from {ip}/{port} to {*} for user \"{user}\""),
    line(
        AuthFailure,
        "AAA user authentication Rejected : reason = {reason..} : {*} : user = {user} : user IP = {ip}",
    ),
    line(AuthSuccess, "AAA user authentication Successful : {*} : user = {user}"),
    line(AuthFailure, "Group <{*}> User <{user}> IP <{ip}> Authentication: rejected, {*}"),
    line(Session, "Group <{*}> User <{user}> IP <{ip}> {*}"),
    line(
        Firewall,
        "{action} {protocol} src {interface_in}:{ip}/{port} dst {_}:{dst_ip}/{dst_port} by access-group {*}",
    ),
    line(Firewall, "{action} {_} {protocol} connection {*} for {interface_in}:{ip}/{port} ({*}"),
];

pub(super) static CISCO_ACCESS_LIST: &[Line] =
    &[line(Firewall, "list {list} {action} {protocol} {ip}({port}) -> {dst_ip}({dst_port}), {*}")];

pub(super) static NAMED: &[Line] = &[
    line(Network, "client @{_} {ip}#{port} ({*}"),
    line(Network, "client @{_} {ip}#{port}: {*}"),
    line(Network, "client {ip}#{port} ({*}"),
    line(Network, "client {ip}#{port}: {*}"),
];

pub(super) static MONIT: &[Line] = &[
    line(AuthFailure, "HttpRequest: access denied -- client {ip}: wrong password for user '{user}'"),
    line(AuthFailure, "HttpRequest: access denied -- client {ip}: unknown user '{user}'"),
    line(AuthFailure, "HttpRequest: access denied -- client {ip}: empty password"),
];

pub(super) static SCREEN_SHARING: &[Line] = &[
    line(
        AuthFailure,
        "Authentication: FAILED :: User Name: {user} :: Viewer Address: {ip} :: Type: {auth_method}",
    ),
    line(
        AuthSuccess,
        "Authentication: SUCCEEDED :: User Name: {user} :: Viewer Address: {ip} :: Type: {auth_method}",
    ),
];

pub(super) static INETD: &[Line] = &[
    line(Network, "START: {inet_service} {*}from={ip}"),
    line(Network, "EXIT: {inet_service} {*}"),
    line(Network, "FAIL: {inet_service} {reason} from={ip}"),
];
