//! What `redact` knows by name: what it looks like, and where looks are not enough, what it has to add up to.
//!
//! A pattern's groups are the secret, the rest its surroundings; without a group all of it is. Recall goes before
//! precision here: a word too many that is hidden does less harm than a password that is not.

use std::net::Ipv6Addr;

/// Digits of a payment card.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Something that `redact` knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// Mail addresses, also with `%40`.
    Email,
    /// Payment card numbers, with or without spaces and dashes, by issuer and Luhn's checksum.
    Card,
    /// Passwords, tokens, keys and cookies: behind their names, and where their form tells.
    Token,
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
}

/// The names of things whose value is nobody's business, in texts and as attributes' keys.
const SECRET_NAME: &str = r"(?:pass(?:word|wd|phrase|code)|pwd|secret|credentials?|api[_-]?key|(?:access|secret|private|account|signing|encryption)[_-]?key|token|signature|authorization|session[_-]?id|jsessionid|phpsessid|csrf|otp)";

impl Builtin {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Email, Self::Card, Self::Token, Self::Ipv4, Self::Ipv6];

    /// Its name in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Card => "card",
            Self::Token => "token",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// The regular expressions that find it, or what may be it.
    pub(crate) fn patterns(self) -> Vec<String> {
        match self {
            // The last label begins with a letter: root@192.0.2.1 is a place, not a mailbox.
            Self::Email => {
                vec![r"[\w.%+'-]+(?:@|%40)(?:[\w-]+\.)+[\w&&[^\d_]][\w-]*".into()]
            }
            Self::Card => vec![r"\b\d(?:[ -]?\d){12,}\b".into()],
            Self::Token => tokens(),
            Self::Ipv4 => {
                let byte = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
                vec![format!(r"\b(?:{byte}\.){{3}}{byte}\b")]
            }
            Self::Ipv6 => {
                vec![r"(?:\b[0-9A-Fa-f]{1,4})?(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?\b".into()]
            }
        }
    }

    /// The parts of `candidate` that are it indeed: one of the patterns found it in `whole`, behind its name.
    pub(crate) fn confirmed<'c>(self, candidate: &'c str, whole: &str) -> Vec<&'c str> {
        match self {
            Self::Token if whole.get(..PWD.len()).is_some_and(|name| is_folder(name, candidate)) => {
                Vec::new()
            }
            Self::Card => cards(candidate),
            Self::Ipv6 => addresses(candidate),
            Self::Email | Self::Token | Self::Ipv4 => vec![candidate],
        }
    }

    /// A regular expression for the names of attributes whose whole value is it.
    pub(crate) fn attribute_keys(self) -> Option<String> {
        (self == Self::Token).then(|| format!(r"(?i)(?:{SECRET_NAME}|cookie)$"))
    }
}

/// What some call a password, and shells and sudo the folder that they are in.
const PWD: &str = "pwd";

/// Whether a value of this name is a folder and no password.
pub(crate) fn is_folder(name: &str, value: &str) -> bool {
    let end = name.len().checked_sub(PWD.len()).and_then(|at| name.get(at..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(PWD)) && value.starts_with(['/', '~'])
}

fn tokens() -> Vec<String> {
    let schemes = r"(?:(?:bearer|basic|digest|token|negotiate|apikey)[ +]+)?";
    // Quoted, quoted within a quoted text, or up to the next delimiter.
    let value = r#"(?:"((?:[^"\\\n]|\\.)+)|'([^'\n]+)|\\+["']([^"'\\\n]+)|([^\s"'\\&,;)}\]]+))"#;
    vec![
        format!(r#"(?i){SECRET_NAME}s?\\*["']?\s*(?:=>?|:)\s*{schemes}{value}"#),
        r#"(?i)\b(?:set-)?cookie\\*["']?\s*[:=]\s*\\*["']?([^"'\\\n]+)"#.into(),
        r"(?i)\bbearer[ +]+([A-Za-z0-9._~+/=-]{16,})".into(),
        r"\beyJ[0-9A-Za-z_-]{5,}\.[0-9A-Za-z_-]{5,}\.[0-9A-Za-z_-]*".into(),
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b".into(),
        r"\b(?:(?:gh[pousr]|github_pat|[sr]k_live|[sr]k_test|npm)_|glpat-|xox[a-z]-|AIza)[0-9A-Za-z_-]{10,}"
            .into(),
        r"\w://[^\s/:@]*:([^\s/@]+)@".into(),
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----((?s:.*?)(?:-----END|\z))".into(),
    ]
}

/// The card numbers in a run of digits with single spaces and dashes between them. A number begins and ends where
/// digits do, or at a space or dash; the longest goes first.
fn cards(run: &str) -> Vec<&str> {
    let bytes = run.as_bytes();
    let is_edge = |at: usize| at == 0 || at == bytes.len() || !bytes[at].is_ascii_digit();
    let mut found = Vec::new();
    let mut start = 0;
    while start < bytes.len() {
        let begins = bytes[start].is_ascii_digit() && (start == 0 || !bytes[start - 1].is_ascii_digit());
        let end = begins.then(|| {
            let longest = (start + 2 * CARD_DIGITS.end()).min(bytes.len());
            let mut ends = (start + CARD_DIGITS.start()..=longest).rev();
            ends.find(|end| bytes[end - 1].is_ascii_digit() && is_edge(*end) && is_card(&bytes[start..*end]))
        });
        match end.flatten() {
            Some(end) => {
                found.push(&run[start..end]);
                start = end;
            }
            None => start += 1,
        }
    }
    found
}

fn is_card(text: &[u8]) -> bool {
    let digits: Vec<u8> = text.iter().filter(|byte| byte.is_ascii_digit()).map(|byte| byte - b'0').collect();
    CARD_DIGITS.contains(&digits.len()) && is_issued(&digits) && is_luhn(&digits)
}

/// Whether an issuer's numbers begin like this and are as long (ISO/IEC 7812, the networks' published ranges).
fn is_issued(digits: &[u8]) -> bool {
    let head = digits[..4].iter().fold(0, |head, digit| head * 10 + u32::from(*digit));
    match head {
        4000..=4999 => matches!(digits.len(), 13 | 16 | 19),
        5100..=5599 | 2221..=2720 => digits.len() == 16,
        3400..=3499 | 3700..=3799 => digits.len() == 15,
        3000..=3059 | 3095 | 3600..=3699 | 3800..=3999 => matches!(digits.len(), 14 | 16..=19),
        3528..=3589 | 6011 | 6440..=6599 | 6200..=6299 => matches!(digits.len(), 16..=19),
        5000..=5099 | 5600..=5899 | 6300..=6399 | 6700..=6799 => matches!(digits.len(), 13..=19),
        _ => false,
    }
}

fn is_luhn(digits: &[u8]) -> bool {
    let sum = digits.iter().rev().enumerate().fold(0_u32, |sum, (at, digit)| {
        let doubled = u32::from(*digit) << (at % 2);
        sum + if doubled > 9 { doubled - 9 } else { doubled }
    });
    sum % 10 == 0
}

/// The address that a run of hexadecimal digits and colons is, or is without what a sentence puts behind it. `::`
/// alone stands in every other line of some languages' traces.
fn addresses(run: &str) -> Vec<&str> {
    let is_address = |text: &&str| text.len() > 2 && text.parse::<Ipv6Addr>().is_ok();
    [run, run.trim_end_matches(':')].into_iter().find(is_address).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn found(builtin: Builtin, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for pattern in builtin.patterns() {
            for captures in Regex::new(&format!("(?m){pattern}")).unwrap().captures_iter(text) {
                let group = (1..captures.len()).find_map(|at| captures.get(at));
                let candidate = group.unwrap_or_else(|| captures.get_match());
                let parts = builtin.confirmed(candidate.as_str(), captures.get_match().as_str());
                found.extend(parts.into_iter().map(str::to_owned));
            }
        }
        found.sort();
        found.dedup();
        found
    }

    fn check(builtin: Builtin, cases: &[(&str, &[&str])]) {
        for (text, expect) in cases {
            assert_eq!(found(builtin, text), *expect, "{text}");
        }
    }

    #[test]
    fn the_folder_that_somebody_is_in_is_no_password() {
        check(
            Builtin::Token,
            &[
                ("ana : TTY=pts/0 ; PWD=/home/ana ; USER=root ; COMMAND=/bin/ls", &[]),
                ("OLDPWD=~/x pwd: '/srv'", &[]),
                ("pwd=hunter2 password=/x", &["/x", "hunter2"]),
            ],
        );
        assert!(is_folder("pwd", "/home/ana") && !is_folder("pwd", "x") && !is_folder("password", "/x"));
    }

    #[test]
    fn mail_addresses_are_found() {
        check(
            Builtin::Email,
            &[
                ("to=<bob.b+x@mail.example.com>, relay", &["bob.b+x@mail.example.com"]),
                ("GET /r?to=bob%40example.com&x=1", &["bob%40example.com"]),
                ("Größe jürgen@münchen.example", &["jürgen@münchen.example"]),
                ("root@192.0.2.1 sshd@2.service", &["sshd@2.service"]),
                ("a @ b, user@host", &[]),
            ],
        );
    }

    #[test]
    fn card_numbers_are_found_by_issuer_and_checksum() {
        check(
            Builtin::Card,
            &[
                ("paid 4111 1111 1111 1111 ok", &["4111 1111 1111 1111"]),
                ("pan=4111-1111-1111-1111,", &["4111-1111-1111-1111"]),
                ("x 378282246310005 y 5555555555554444", &["378282246310005", "5555555555554444"]),
                ("order 17 4111111111111111 2026", &["4111111111111111"]),
                ("4111111111111112", &[]),
                ("id 99994111111111111111", &[]),
                ("2026-09-21 14:13:20 1790000000000000", &[]),
            ],
        );
    }

    #[test]
    fn tokens_are_found_behind_their_names_and_by_their_form() {
        check(
            Builtin::Token,
            &[
                ("login password=hunter2 ok", &["hunter2"]),
                (r#"{"user":"bob","db_password": "hun\"ter2","n":1}"#, &[r#"hun\"ter2"#]),
                (r#"{"msg":"sent {\"token\":\"abc123\"}"}"#, &["abc123"]),
                ("secret='a b c' x", &["a b c"]),
                ("GET /x?api_key=abc&y=1", &["abc"]),
                ("Authorization: Bearer abc.def", &["abc.def"]),
                ("sent bearer 0123456789abcdef0", &["0123456789abcdef0"]),
                ("Cookie: a=b; c=d", &["a=b; c=d"]),
                ("key AKIAIOSFODNN7EXAMPLE used", &["AKIAIOSFODNN7EXAMPLE"]),
                ("postgres://app:s3cret@db/x", &["s3cret"]),
                (
                    "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl end",
                    &["eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"],
                ),
                ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END", &["\nMIIE\n-----END"]),
                ("Failed password for root from 192.0.2.1", &[]),
                ("the bearer of bad news", &[]),
            ],
        );
    }

    #[test]
    fn addresses_are_found() {
        check(
            Builtin::Ipv4,
            &[("from 192.0.2.17:22", &["192.0.2.17"]), ("version 1.2.3, 999.1.1.1, 256.256.256.256", &[])],
        );
        check(
            Builtin::Ipv6,
            &[
                ("from 2001:db8::17 port 22", &["2001:db8::17"]),
                ("peer ::ffff:192.0.2.1.", &["::ffff:192.0.2.1"]),
                ("lost [fe80::1%eth0]: gone", &["fe80::1"]),
                ("std::collections::HashMap", &[]),
                ("at 14:13:20 mac 00:1b:44:11:3a:b7", &[]),
            ],
        );
    }
}
