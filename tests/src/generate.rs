//! Logs to feed the program with. The access log has the entropy of a real one, without which compression
//! and parsing figures mean nothing.

use crate::random::Random;
use jiff::Timestamp;
use std::{fmt::Write as _, io};

/// The first line's time, 2026-09-21T14:13:20Z.
const BEGIN_SECONDS: i64 = 1_790_000_000;
const LINES_PER_SECOND: u64 = 40;
const ADDRESSES: usize = 5_000;
const BROWSERS: usize = 200;
const PATHS: [&str; 10] = [
    "/",
    "/index.html",
    "/api/v1/users",
    "/api/v1/orders",
    "/login",
    "/static/app.js",
    "/static/app.css",
    "/healthz",
    "/search",
    "/cart",
];
/// Statuses by weight, out of 1,000.
const STATUSES: [(u64, u16); 7] =
    [(820, 200), (60, 304), (60, 404), (30, 301), (12, 500), (10, 403), (8, 502)];

/// An endless combined access log with trailing request time, made line by line.
pub struct AccessLog {
    random: Random,
    addresses: Vec<String>,
    agents: Vec<String>,
    referrers: Vec<String>,
    lines: u64,
    second: Option<(u64, String)>,
}

impl AccessLog {
    /// The log that `seed` gives.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let addresses = (0..ADDRESSES).map(|_| address(&mut random)).collect();
        let mut agents: Vec<String> = (0..BROWSERS).map(|_| browser(&mut random)).collect();
        agents.extend(["curl/8.5.0", "kube-probe/1.30", "python-requests/2.32.0"].map(String::from));
        let mut referrers = vec!["-".to_owned(); 6];
        referrers.extend(PATHS.map(|path| format!("https://example.com{path}")));
        Self { random, addresses, agents, referrers, lines: 0, second: None }
    }

    /// The next line, with its newline, appended to `out`.
    pub fn push_line(&mut self, out: &mut String) {
        let random = &mut self.random;
        let status = status(random);
        let path = *random.pick(&PATHS);
        let query = if matches!(path, "/search" | "/api/v1/orders") {
            format!("?q={:x}&page={}", random.bits() >> 24, 1 + random.below(40))
        } else {
            String::new()
        };
        let address = random.pick(&self.addresses);
        let method = if random.below(4) == 0 { "POST" } else { "GET" };
        let bytes = 120 + random.below(89_880);
        let referrer = random.pick(&self.referrers);
        let agent = random.pick(&self.agents);
        let millis = random.below(1_000);
        let time = time_of(self.lines / LINES_PER_SECOND, &mut self.second);
        self.lines += 1;
        let _ = writeln!(
            out,
            "{address} - - [{time}] \"{method} {path}{query} HTTP/1.1\" {status} {bytes} \"{referrer}\" \"{agent}\" 0.{millis:03}"
        );
    }

    /// The next `count` lines.
    pub fn lines(&mut self, count: u64) -> String {
        let mut out = String::new();
        (0..count).for_each(|_| self.push_line(&mut out));
        out
    }

    /// Lines until there are at least `bytes` of them, written to `out`; how many lines and bytes that was.
    ///
    /// # Errors
    /// What `out` fails with.
    pub fn write(&mut self, bytes: u64, out: &mut impl io::Write) -> io::Result<Written> {
        let (mut written, mut piece) = (Written::default(), String::new());
        while written.bytes < bytes {
            piece.clear();
            while piece.len() < PIECE_BYTES && written.bytes + (piece.len() as u64) < bytes {
                self.push_line(&mut piece);
                written.lines += 1;
            }
            out.write_all(piece.as_bytes())?;
            written.bytes += piece.len() as u64;
        }
        Ok(written)
    }
}

const PIECE_BYTES: usize = 1 << 20;

/// How much was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Lines, each with its newline.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
}

/// `count` lines of an application: a timestamp, a level, a numbered message. The `tag` makes the lines of
/// one file differ from another's.
pub fn application_lines(tag: &str, first: u64, count: u64) -> String {
    const LEVELS: [&str; 4] = ["INFO", "WARN", "ERROR", "DEBUG"];
    let mut out = String::new();
    for number in first..first + count {
        let time = timestamp(BEGIN_SECONDS + number as i64);
        let level = LEVELS[(number % 4) as usize];
        let _ = writeln!(out, "{time} {level} {tag} request {number} took {} ms", number * 7 % 1_000);
    }
    out
}

fn address(random: &mut Random) -> String {
    let mut octet = |from: u64, below: u64| from + random.below(below - from);
    format!("{}.{}.{}.{}", octet(1, 224), octet(0, 256), octet(0, 256), octet(1, 255))
}

fn browser(random: &mut Random) -> String {
    let (engine, major) = (1 + random.below(99), 80 + random.below(61));
    let (build, patch) = (1_000 + random.below(9_000), 1 + random.below(200));
    format!(
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.{engine} (KHTML, like Gecko) Chrome/{major}.0.{build}.{patch} Safari/537.36"
    )
}

fn status(random: &mut Random) -> u16 {
    let mut at = random.below(STATUSES.iter().map(|(weight, _)| weight).sum());
    for (weight, status) in STATUSES {
        if at < weight {
            return status;
        }
        at -= weight;
    }
    STATUSES[0].1
}

fn time_of(second: u64, last: &mut Option<(u64, String)>) -> &str {
    if last.as_ref().is_none_or(|(at, _)| *at != second) {
        let time = timestamp(BEGIN_SECONDS + second as i64).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        *last = Some((second, time));
    }
    last.as_ref().map_or("", |(_, text)| text)
}

fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_log_of_the_size_asked_for() {
        let make = |seed| {
            let mut out = Vec::new();
            let written = AccessLog::new(seed).write(100_000, &mut out).unwrap();
            assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count() as u64, written.lines);
            assert!((100_000..101_000).contains(&(out.len() as u64)));
            out
        };
        assert_eq!(make(1), make(1));
        assert_ne!(make(1), make(2));
    }
}
