//! Lines whose columns no directive names: by what the usual writers put where.

use super::columns::{COLUMNS_MAX, Name};
use super::{Words, fill, split};
use crate::event::Event;
use crate::parse::text::{is_address, number};
use crate::parse::time::Context;

const METHODS: [&str; 13] = [
    "GET",
    "POST",
    "HEAD",
    "PUT",
    "DELETE",
    "OPTIONS",
    "PATCH",
    "PROPFIND",
    "CONNECT",
    "TRACE",
    "SEARCH",
    "REPORT",
    "RPC_IN_DATA",
];
/// What IIS writes behind the method, up to the agent.
const BEHIND_METHOD: [&str; 6] =
    ["cs-method", "cs-uri-stem", "cs-uri-query", "s-port", "cs-username", "c-ip"];
/// CloudFront's columns, of which the first have never changed.
const CLOUDFRONT: [&str; 33] = [
    "date",
    "time",
    "x-edge-location",
    "sc-bytes",
    "c-ip",
    "cs-method",
    "cs(Host)",
    "cs-uri-stem",
    "sc-status",
    "cs(Referer)",
    "cs(User-Agent)",
    "cs-uri-query",
    "cs(Cookie)",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "cs-bytes",
    "time-taken",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "c-port",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
];
/// CloudFront's columns of 2014; there were never fewer since.
const CLOUDFRONT_MIN: usize = 18;
/// The Windows firewall's columns; newer ones have more behind.
const FIREWALL: [&str; 17] = [
    "date", "time", "action", "protocol", "src-ip", "dst-ip", "src-port", "dst-port", "size", "tcpflags",
    "tcpsyn", "tcpack", "tcpwin", "icmptype", "icmpcode", "info", "path",
];

/// Parses a line that begins with a digit.
pub(super) fn parse<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let head = text.as_bytes().first_chunk::<20>()?;
    let dated = head[4] == b'-' && head[7] == b'-' && head[13] == b':' && head[16] == b':';
    if !(dated && matches!((head[10], head[19]), (b' ', b' ') | (b'\t', b'\t'))) {
        return None;
    }
    let mut words = [""; COLUMNS_MAX];
    let count = split(text, &mut words);
    let mut names = [const { Name::Known("") }; COLUMNS_MAX];
    let named = if head[10] == b'\t' { cloudfront(&words, count) } else { firewall(&words, count) };
    let count = match named {
        Some(known) => {
            names.iter_mut().zip(known).for_each(|(name, known)| *name = Name::Known(known));
            known.len()
        }
        None => iis(&words, count, &mut names)?,
    };
    fill(&names[..count], &words, text, context, event)
}

fn cloudfront(words: &Words<'_>, count: usize) -> Option<&'static [&'static str]> {
    let fits = (CLOUDFRONT_MIN..=CLOUDFRONT.len()).contains(&count);
    (fits && METHODS.contains(&words[5]) && is_address(words[4])).then(|| &CLOUDFRONT[..count])
}

fn firewall(words: &Words<'_>, count: usize) -> Option<&'static [&'static str]> {
    let fits = count == FIREWALL.len() || count == FIREWALL.len() + 1;
    let verdict = matches!(words[2], "ALLOW" | "DROP" | "OPEN" | "CLOSE" | "OPEN-INBOUND");
    (fits && verdict && is_address(words[4]) && is_address(words[5])).then_some(&FIREWALL)
}

/// IIS: the method within the first columns, behind it what never moves, then the status with its two companions.
fn iis(words: &Words<'_>, count: usize, names: &mut [Name; COLUMNS_MAX]) -> Option<usize> {
    let words = words.get(..count)?;
    let method = (2..=6).find(|&at| words.get(at).is_some_and(|word| METHODS.contains(word)))?;
    let [stem, _, port, _, client] = words.get(method + 1..method + 6)?.first_chunk::<5>()?;
    let fits = (stem.starts_with('/') || *stem == "*") && number(port).is_some() && is_address(client);
    if !fits {
        return None;
    }
    let behind = method + BEHIND_METHOD.len();
    let status = (behind..count).find(|&at| is_status(&words[at..]))?;
    (names[0], names[1]) = (Name::Known("date"), Name::Known("time"));
    for at in 2..method {
        names[at] = Name::Known(server_column(words[at]));
    }
    for (name, known) in names[method..].iter_mut().zip(BEHIND_METHOD) {
        *name = Name::Known(known);
    }
    for at in behind..status {
        names[at] = Name::Known(client_column(words[at], at - behind));
    }
    let tail: &[&'static str] = match count - status {
        3 => &["sc-status", "sc-substatus", "sc-win32-status"],
        4 => &["sc-status", "sc-substatus", "sc-win32-status", "time-taken"],
        6 => &["sc-status", "sc-substatus", "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken"],
        _ => return None,
    };
    for (name, known) in names[status..].iter_mut().zip(tail) {
        *name = Name::Known(known);
    }
    Some(count)
}

/// A status of three digits, a substatus and a status of Windows.
fn is_status(words: &[&str]) -> bool {
    let [status, substatus, windows, ..] = words else { return false };
    status.len() == 3 && [status, substatus, windows].into_iter().all(|word| number(word).is_some())
}

fn server_column(word: &str) -> &'static str {
    match word {
        _ if is_address(word) => "s-ip",
        _ if word.starts_with("W3SVC") => "s-sitename",
        _ => "s-computername",
    }
}

/// What stands between the client and the status; `place` counts from the client.
fn client_column(word: &str, place: usize) -> &'static str {
    match word {
        _ if word.starts_with("HTTP/") => "cs-version",
        _ if word.starts_with("http://") || word.starts_with("https://") => "cs(Referer)",
        _ if place <= 1 && (word.contains('/') || word.contains('+')) => "cs(User-Agent)",
        _ if place <= 1 && word == "-" => "cs(Referer)",
        _ if word.contains('=') => "cs(Cookie)",
        _ => "cs-host",
    }
}
