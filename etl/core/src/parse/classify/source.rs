//! Users and addresses as programs write them, and as the columns take them.
//!
//! `src_ip` holds IP addresses and nothing else: a host name in an address's place becomes the attribute
//! `src_host`, a port `src_port`, an IPv6 zone `src_zone`. An IPv4 address that a socket of IPv6 brought
//! (`::ffff:192.0.2.1`) is written as IPv4, so that one host has one address.

use crate::event::Event;
use crate::parse::text::{is_address, number};

/// What programs write for a host or user they do not know.
const UNKNOWN: [&str; 11] = [
    "-",
    "?",
    "*system*",
    "<invalid username>",
    "UNKNOWN",
    "unknown",
    "(unknown)",
    "(unknown user)",
    "(invalid user)",
    "(null)",
    "unset",
];

/// Sets the user, where the line has not said one.
pub(in crate::parse) fn set_user<'a>(name: &'a str, event: &mut Event<'a>) {
    let name = name.trim();
    if event.user_name.is_none() && is_user(name) {
        event.user_name = Some(name.into());
    }
}

/// Whether a name is one, and not a word for none.
pub(in crate::parse) fn is_user(name: &str) -> bool {
    !name.is_empty() && !UNKNOWN.contains(&name)
}

/// Sets the source from an address or host name, where the line has not said one.
pub(in crate::parse) fn set_source<'a>(written: &'a str, event: &mut Event<'a>) {
    let host = written.trim_matches(['[', ']', '(', ')', '<', '>', ',', ';', '\'', '"', '`']);
    let host = if is_address(host) { host } else { host.trim_end_matches(['.', ':']) };
    let (address, zone) = host.split_once('%').unwrap_or((host, ""));
    if event.src_ip.is_some() || host.is_empty() || UNKNOWN.contains(&host) {
        return;
    }
    if is_address(address) {
        event.src_ip = Some(unmapped(address).into());
        if !zone.is_empty() {
            event.attribute("src_zone", zone);
        }
    } else if host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte)) {
        event.attribute("src_host", host);
    }
}

/// Sets source and port from `192.0.2.1:22`, `[2001:db8::1]:22` or an address alone.
pub(in crate::parse) fn set_endpoint<'a>(written: &'a str, event: &mut Event<'a>) {
    let bare = written.split_once('%').map_or(written, |(address, _)| address);
    match written.rsplit_once(':') {
        Some((host, port)) if number(port).is_some() && !is_address(bare) => {
            set_source(host, event);
            event.attribute("src_port", port);
        }
        _ => set_source(written, event),
    }
}

/// `::ffff:192.0.2.1` as `192.0.2.1`.
fn unmapped(address: &str) -> &str {
    let prefix = address.get(..7).filter(|prefix| prefix.eq_ignore_ascii_case("::ffff:"));
    let inner = prefix.map_or(address, |_| &address[7..]);
    if inner.contains('.') { inner } else { address }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, address: Option<&str>, attributes: &[(&str, &str)]) {
        let mut event = Event::default();
        set_endpoint(written, &mut event);
        assert_eq!(event.src_ip.as_deref(), address, "{written}");
        let found: Vec<_> = event.attributes.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(found, attributes, "{written}");
    }

    #[test]
    fn an_address_is_an_address_and_nothing_else() {
        check("192.0.2.1", Some("192.0.2.1"), &[]);
        check("192.0.2.1:22", Some("192.0.2.1"), &[("src_port", "22")]);
        check("::ffff:192.0.2.1", Some("192.0.2.1"), &[]);
        check("2001:db8::7", Some("2001:db8::7"), &[]);
        check("[2001:db8::7]:22", Some("2001:db8::7"), &[("src_port", "22")]);
        check("fe80::1%eth0", Some("fe80::1"), &[("src_zone", "eth0")]);
        check("host.example.org", None, &[("src_host", "host.example.org")]);
        check("host.example.org:22", None, &[("src_host", "host.example.org"), ("src_port", "22")]);
        check("UNKNOWN", None, &[]);
        check("", None, &[]);
        check("192.0.2.1.", Some("192.0.2.1"), &[]);
        check("not/a/host", None, &[]);
    }
}
