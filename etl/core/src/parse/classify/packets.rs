//! What packet filters log: netfilter (iptables, nftables, ufw, firewalld) through the kernel, and pf.
//!
//! The kernel writes `KEY=value` words behind a prefix that the rule's author chose; a line is a packet's
//! when it has `SRC=`, `DST=` and `PROTO=`. The attribute `action` is what the prefix says (`[UFW BLOCK]`,
//! `DROP:`); the rule alone knows, so a prefix without such a word gives none.

use super::programs::Told;
use super::source::set_source;
use crate::event::Event;
use crate::event::EventType::Firewall;
use crate::parse::text::number;
use memchr::memmem;
use std::sync::LazyLock;

/// Bytes of a text in which a packet's fields begin, where no kernel vouches for it.
const PREFIX_BYTES_MAX: usize = 64;
/// Looked for in many lines that are no packet's, so made ready once.
static FIELDS: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("IN="));

/// Words of a packet's line that are looked at.
const WORDS_MAX: usize = 48;

/// What a rule's prefix may say, and the action it stands for; the first that it holds counts.
const ACTIONS: [(&str, &str); 11] = [
    ("BLOCK", "block"),
    ("DROP", "drop"),
    ("REJECT", "reject"),
    ("DENY", "deny"),
    ("DENIED", "deny"),
    ("ACCEPT", "accept"),
    ("ALLOW", "allow"),
    ("PERMIT", "allow"),
    ("LIMIT", "limit"),
    ("AUDIT", "audit"),
    ("INVALID", "invalid"),
];

/// `[12.3] [UFW BLOCK] IN=eth0 OUT= MAC=… SRC=192.0.2.1 DST=… LEN=40 … PROTO=TCP SPT=… DPT=…`.
pub(super) fn netfilter<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let has = |word: &str| memmem::find(line.as_bytes(), word.as_bytes());
    let (source, _, _) = (has(" SRC=")?, has(" DST=")?, has(" PROTO=")?);
    let inner = has("IN=").filter(|inner| *inner < source)?;
    if let Some(action) = action_of(&line[..inner]) {
        event.attribute("action", action);
    }
    for word in line[inner..].split(' ').take(WORDS_MAX) {
        let Some((key, value)) = word.split_once('=') else { continue };
        // An ICMP error quotes the packet that it answers in brackets; that one is not this one.
        if key.starts_with('[') {
            break;
        }
        match key_of(key) {
            Some(_) if value.is_empty() => {}
            Some("src_ip") => set_source(value, event),
            Some(name) => event.attribute(name, value),
            None => {}
        }
    }
    Some((Firewall, 0))
}

/// The same for a text of which nothing is known.
pub(super) fn netfilter_alone<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let front = &text.as_bytes()[..text.len().min(PREFIX_BYTES_MAX)];
    FIELDS.find(front).and_then(|_| netfilter(text, event))
}

fn key_of(key: &str) -> Option<&'static str> {
    Some(match key {
        "SRC" => "src_ip",
        "DST" => "dst_ip",
        "SPT" => "src_port",
        "DPT" => "dst_port",
        "PROTO" => "protocol",
        "IN" => "interface_in",
        "OUT" => "interface_out",
        _ => return None,
    })
}

fn action_of(prefix: &str) -> Option<&'static str> {
    let upper = prefix.to_ascii_uppercase();
    ACTIONS.iter().find(|(word, _)| upper.contains(word)).map(|(_, action)| *action)
}

/// pf's log: pfSense's comma-separated values, or tcpdump's `rule 5/0(match): block in on em0: …`.
pub(super) fn pf<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    if line.starts_with("rule ") {
        return tcpdump(line, event);
    }
    let fields: Vec<&str> = line.splitn(24, ',').collect();
    let (protocol, source) = match *fields.get(8)? {
        "4" => (16, 18),
        "6" => (12, 15),
        _ => return None,
    };
    let field = |at: usize| fields.get(at).copied().filter(|text| !text.is_empty());
    set_source(field(source)?, event);
    let named = [
        ("action", 6),
        ("interface_in", 4),
        ("direction", 7),
        ("protocol", protocol),
        ("dst_ip", source + 1),
    ];
    for (name, at) in named {
        if let Some(value) = field(at) {
            event.attribute(name, value);
        }
    }
    for (name, at) in [("src_port", source + 2), ("dst_port", source + 3)] {
        if let Some(port) = field(at).filter(|port| number(port).is_some()) {
            event.attribute(name, port);
        }
    }
    Some((Firewall, 0))
}

/// `rule 5/0(match): block in on em0: 192.0.2.1.4711 > 198.51.100.1.22: Flags [S], …`.
fn tcpdump<'a>(line: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let (_, rest) = line.split_once("): ")?;
    let (action, rest) = rest.split_once(' ')?;
    let (_, rest) = rest.split_once(": ")?;
    let (from, rest) = rest.split_once(" > ")?;
    let to = rest.split_once(": ").map_or(rest, |(to, _)| to);
    event.attribute("action", action);
    for (text, address, port) in [(from, "src_ip", "src_port"), (to, "dst_ip", "dst_port")] {
        let (host, written) = with_port(text);
        match address {
            "src_ip" => set_source(host, event),
            _ => event.attribute(address, host),
        }
        if let Some(written) = written {
            event.attribute(port, written);
        }
    }
    Some((Firewall, 0))
}

/// tcpdump writes the port behind a fourth dot, or behind any dot of an IPv6 address.
fn with_port(text: &str) -> (&str, Option<&str>) {
    let dots = text.bytes().filter(|byte| *byte == b'.').count();
    match text.rsplit_once('.') {
        Some((host, port)) if number(port).is_some() && (dots == 4 || text.contains(':')) => {
            (host, Some(port))
        }
        _ => (text, None),
    }
}
