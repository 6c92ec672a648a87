//! Who failed to log in and who did, counted from the parsed events and again by looking for the programs'
//! phrases in the plain lines, where the corpora lie beside the checkout. Without them the test says so and
//! passes.
//!
//! The second count shares nothing with the parsers: it cuts lines with `find` and `split` alone, as
//! `grep | awk` would. docs/formats/events.md says which lines count.

use headrig_contract::UnixMicros;
use headrig_etl::parse::{Context, SAMPLE_EVENTS_MAX, StreamFormat};
use headrig_etl::{Event, EventType};
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const CORPORA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpora");

/// Set where the corpora have to be there, as `.ci/run` does where it finds them: then what is absent is a failure.
const REQUIRED: &str = "HEADRIG_CORPORA";

/// Lines by event type, address and user; what a line does not say is empty.
type Table = BTreeMap<(&'static str, String, String), usize>;

/// Files, and how many failures and successes they hold at the least: a count of nothing proves nothing.
const FILES: [(&str, usize, usize); 3] = [
    ("elastic-examples/auth.log", 500, 200),
    ("loghub/OpenSSH/OpenSSH_2k.log", 500, 1),
    ("loghub/Linux/Linux_2k.log", 400, 3),
];

#[test]
fn logins_of_the_corpora_are_those_that_a_search_for_phrases_finds() {
    for (file, failures_min, successes_min) in FILES {
        let Some(path) = corpus(file) else { continue };
        let text = String::from_utf8_lossy(&fs::read(&path).expect("readable file")).into_owned();
        let (parsed, searched) = (parsed(&text), searched(&text));
        let total = |table: &Table, event_type| {
            table.iter().filter(|((kind, ..), _)| *kind == event_type).map(|(_, count)| count).sum::<usize>()
        };
        let (failures, successes) = (total(&parsed, "auth_failure"), total(&parsed, "auth_success"));
        println!("{file}: {failures} failures, {successes} successes, {} pairs", parsed.len());
        for (key, count) in &searched {
            assert_eq!(parsed.get(key), Some(count), "{file}: {key:?}");
        }
        assert_eq!(parsed, searched, "{file}");
        assert!(failures >= failures_min && successes >= successes_min, "{file}");
    }
}

fn corpus(file: &str) -> Option<PathBuf> {
    let path = Path::new(CORPORA).join(file);
    if !path.is_file() {
        assert!(
            std::env::var_os(REQUIRED).is_none(),
            "{REQUIRED} is set, and there is no {}",
            path.display()
        );
        println!("skipped: no corpus at {}", path.display());
        return None;
    }
    Some(path)
}

fn parsed(text: &str) -> Table {
    let format = StreamFormat::detect(text.lines().take(SAMPLE_EVENTS_MAX), "");
    let zone = TimeZone::UTC;
    let context = Context::new(UnixMicros::from_seconds(1_800_000_000), UnixMicros(0), &zone);
    let (mut table, mut event) = (Table::new(), Event::default());
    for line in text.lines() {
        format.parse(line, &context, &mut event);
        if matches!(event.event_type, EventType::AuthFailure | EventType::AuthSuccess) {
            let word = |value: &Option<std::borrow::Cow<'_, str>>| value.as_deref().unwrap_or("").to_owned();
            let key = (event.event_type.as_str(), word(&event.src_ip), word(&event.user_name));
            *table.entry(key).or_default() += 1;
        }
    }
    table
}

fn searched(text: &str) -> Table {
    let mut table = Table::new();
    for line in text.lines() {
        if let Some(key) = search(line) {
            *table.entry(key).or_default() += 1;
        }
    }
    table
}

fn search(line: &str) -> Option<(&'static str, String, String)> {
    let failure = |user: &str, host: &str| Some(("auth_failure", address(host), user.trim().to_owned()));
    let success = |user: &str, host: &str| Some(("auth_success", address(host), user.trim().to_owned()));
    // The words behind the program's mark; what a user's command holds comes later in its line.
    let message = line.split_once("]: ").or_else(|| line.split_once(": "))?.1;
    let message = message.split_once(" times: [ ").map_or(message, |(_, inner)| inner);
    let after = |phrase: &str| message.split_once(phrase).map(|(_, rest)| rest);
    if let Some(pairs) = after("authentication failure; ").or_else(|| after("more authentication failure")) {
        let value =
            |key: &str| pairs.split_once(key).map_or("", |(_, rest)| rest.split(' ').next().unwrap_or(""));
        return failure(value(" user="), value(" rhost="));
    }
    for phrase in ["Failed password for ", "Failed none for invalid user ", "Failed publickey for "] {
        if message.starts_with(phrase) {
            let (user, host) = from(after(phrase)?)?;
            return failure(user.strip_prefix("invalid user ").unwrap_or(user), host);
        }
    }
    if message.starts_with("Invalid user ") {
        let (user, host) = from(after("Invalid user ")?)?;
        return failure(user, host);
    }
    if let Some(rest) = after("error: maximum authentication attempts exceeded for ") {
        let (user, host) = from(rest)?;
        return failure(user.strip_prefix("invalid user ").unwrap_or(user), host);
    }
    if let Some(rest) = after("Disconnecting: Too many authentication failures") {
        return failure(rest.trim_start_matches(" for ").trim_end_matches("[preauth]"), "");
    }
    if message.starts_with("Accepted ") {
        let (user, host) = from(after(" for ")?)?;
        return success(user, host);
    }
    if let Some(rest) = after("incorrect password attempt") {
        return rest.contains("COMMAND=").then(|| failure(message.split(" : ").next()?, ""))?;
    }
    if let Some(rest) = line.split_once("klogind").and(after("Authentication failed from ")) {
        return failure("", rest.split(' ').next()?);
    }
    if line.contains(" klogind[") && message.starts_with("Kerberos authentication failed") {
        return failure("", "");
    }
    if let Some(rest) = after("ANONYMOUS FTP LOGIN FROM ") {
        return success("", rest.split(',').next()?);
    }
    if message.starts_with("ROOT LOGIN ON ") {
        return success("", "");
    }
    (message == "Couldn't authenticate user").then(|| failure("", ""))?
}

/// User and host around the last `from`.
fn from(text: &str) -> Option<(&str, &str)> {
    let (user, host) = text.rsplit_once(" from ").or_else(|| Some(("", text.strip_prefix("from ")?)))?;
    Some((user, host.split(' ').next()?))
}

/// The address, or nothing where it is a name.
fn address(host: &str) -> String {
    let dotted = host.split('.').filter(|part| part.parse::<u8>().is_ok()).count() == 4;
    if dotted && host.split('.').count() == 4 { host.into() } else { String::new() }
}
