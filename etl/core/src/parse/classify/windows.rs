//! The text of Windows events: the first sentence says which event it is, the lines below who.
//!
//! The event's number (4625) stands outside the text, in a place that depends on who forwarded it; the
//! sentence is the same everywhere (in English, which is what Windows Server writes by default). Machine
//! and service accounts log on all day: they are successes like any other.

use super::programs::Told;
use super::source::{set_source, set_user};
use crate::event::Event;
use crate::event::EventType::{
    self, AccountChange, Application, AuthFailure, AuthSuccess, Firewall, Privilege, Scheduler, Service,
    Session,
};

/// What forwarders call the source of these events.
pub(super) static PROVIDERS: &[&str] = &[
    "microsoft-windows-*",
    "microsoft_windows_*",
    "security-auditing",
    "service_control_manager",
    "mswineventlog",
    "windowseventlog",
    "eventlog",
    "winlogbeat",
    "evtsys",
    "nxlog",
];

/// A sentence, what it tells, and the heading under which the account stands that it is about.
type Sentence = (&'static str, EventType, &'static str);

const SENTENCES: &[Sentence] = &[
    ("An account was successfully logged on.", AuthSuccess, "New Logon:"),
    ("An account failed to log on.", AuthFailure, "Account For Which Logon Failed:"),
    ("Kerberos pre-authentication failed.", AuthFailure, "Account Information:"),
    ("A Kerberos authentication ticket request failed.", AuthFailure, "Account Information:"),
    ("A Kerberos authentication ticket (TGT) was requested.", AuthSuccess, "Account Information:"),
    ("A Kerberos service ticket was requested.", Application, "Account Information:"),
    (
        "The computer attempted to validate the credentials for an account.",
        AuthSuccess,
        "Authentication Package:",
    ),
    (
        "The domain controller attempted to validate the credentials for an account.",
        AuthSuccess,
        "Authentication Package:",
    ),
    (
        "The domain controller failed to validate the credentials for an account.",
        AuthFailure,
        "Authentication Package:",
    ),
    ("An account was logged off.", Session, "Subject:"),
    ("User initiated logoff:", Session, "Subject:"),
    ("A session was reconnected to a Window Station.", Session, "Subject:"),
    ("A session was disconnected from a Window Station.", Session, "Subject:"),
    ("The workstation was locked.", Session, "Subject:"),
    ("The workstation was unlocked.", Session, "Subject:"),
    ("A logon was attempted using explicit credentials.", Privilege, "Account Whose Credentials Were Used:"),
    ("Special privileges assigned to new logon.", Privilege, "Subject:"),
    ("A privileged service was called.", Privilege, "Subject:"),
    ("An operation was attempted on a privileged object.", Privilege, "Subject:"),
    ("The audit log was cleared.", Privilege, "Subject:"),
    ("A user account was created.", AccountChange, "New Account:"),
    ("A user account was locked out.", AccountChange, "Account That Was Locked Out:"),
    ("A user account was", AccountChange, "Target Account:"),
    ("An attempt was made to change an account's password.", AccountChange, "Target Account:"),
    ("An attempt was made to reset an account's password.", AccountChange, "Target Account:"),
    ("The name of an account was changed:", AccountChange, "Target Account:"),
    ("A computer account was", AccountChange, "Computer Account That Was Changed:"),
    ("A member was added to a security-", AccountChange, "Member:"),
    ("A member was removed from a security-", AccountChange, "Member:"),
    ("A security-enabled global group was", AccountChange, "Subject:"),
    ("A security-enabled local group was", AccountChange, "Subject:"),
    ("A security-enabled universal group was", AccountChange, "Subject:"),
    ("The Windows Filtering Platform has blocked", Firewall, "Application Information:"),
    ("The Windows Filtering Platform has permitted", Firewall, "Application Information:"),
    ("The Windows Filtering Platform blocked", Firewall, "Application Information:"),
    ("A scheduled task was", Scheduler, "Subject:"),
    ("A service was installed in the system.", Service, "Subject:"),
];

/// Codes of success, where a sentence is the same for both ends: of Kerberos and of NTLM.
const CODES: [&str; 2] = ["Result Code:", "Error Code:"];

/// Reads an event's text, its lines apart or run together. A number before it (`4625: `) may stand.
pub(super) fn event_text<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    let (start, sentence) = sentence_in(text)?;
    Some(told(sentence, &text[start..], event))
}

/// The same for a text of which nothing is known: it begins with the sentence, or with Snare's mark.
pub(super) fn event_alone<'a>(text: &'a str, event: &mut Event<'a>) -> Option<Told> {
    if text.starts_with("MSWinEventLog\t") {
        return event_text(text, event);
    }
    if !["A ", "An ", "The ", "Kerberos ", "Special ", "User "].iter().any(|word| text.starts_with(word)) {
        return None;
    }
    let sentence = SENTENCES.iter().find(|(words, ..)| text.starts_with(words))?;
    Some(told(sentence, text, event))
}

fn told<'a>(sentence: &Sentence, text: &'a str, event: &mut Event<'a>) -> Told {
    let (_, event_type, heading) = *sentence;
    let section = text.find(heading).map_or(text, |at| &text[at + heading.len()..]);
    let account = ["Account Name:", "Logon Account:", "Security ID:", "Group Name:"];
    let account = account.iter().find_map(|name| value_of(section, name));
    if let Some(account) = account {
        set_user(account, event);
    }
    for name in ["Source Network Address:", "Client Address:", "Network Address:", "Source Address:"] {
        if let Some(address) = value_of(text, name) {
            set_source(address, event);
        }
    }
    let names = [
        ("logon_type", "Logon Type:"),
        ("domain", "Account Domain:"),
        ("workstation", "Workstation Name:"),
        ("failure_reason", "Failure Reason:"),
        ("status", "Sub Status:"),
        ("src_port", "Source Port:"),
        ("dst_ip", "Destination Address:"),
        ("dst_port", "Destination Port:"),
    ];
    for (key, name) in names {
        if let Some(value) = value_of(if key == "domain" { section } else { text }, name) {
            event.attribute(key, value);
        }
    }
    let code = CODES.iter().find_map(|name| value_of(text, name));
    let failed = event_type == AuthSuccess && code.is_some_and(|code| code.trim_start_matches("0x") != "0");
    (if failed { AuthFailure } else { event_type }, 0)
}

/// The sentence that the text begins with, behind a number, a provider or tabs at most.
fn sentence_in(text: &str) -> Option<(usize, &'static Sentence)> {
    let starts = |at: usize| {
        let rest = text.get(at..)?;
        SENTENCES.iter().find(|(words, ..)| rest.starts_with(words)).map(|sentence| (at, sentence))
    };
    let separators = text.match_indices([':', '\t', ']', ' ']).take(SEPARATORS_MAX);
    let after = separators.map(|(at, _)| at + 1 + blanks(&text[at + 1..]));
    std::iter::once(blanks(text)).chain(after).find_map(starts)
}

/// Words and fields that may stand before the sentence.
const SEPARATORS_MAX: usize = 40;

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start_matches([' ', '\t']).len()
}

/// Names of fields and headings, any of which ends the value before it where the lines were run together.
const LABELS: [&str; 24] = [
    "Account Name:",
    "Account Domain:",
    "Account Information:",
    "Additional Information:",
    "Authentication Package:",
    "Client Port:",
    "Detailed Authentication",
    "Error Code:",
    "Failure Information:",
    "Failure Reason:",
    "Filter Information:",
    "Logon GUID:",
    "Logon ID:",
    "Logon Type:",
    "Network Information:",
    "New Logon:",
    "Process Information:",
    "Security ID:",
    "Service Information:",
    "Source Network Address:",
    "Source Port:",
    "Source Workstation:",
    "Status:",
    "Sub Status:",
];

/// The value behind a name: up to the line's end, or to the two blanks, the tab or the name that follow
/// it where the lines were run together. A dash is no value.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let rest = &text[text.find(name)? + name.len()..];
    let rest = rest.trim_start_matches([' ', '\t']);
    let line = &rest[..rest.find(['\n', '\r', '\t']).unwrap_or(rest.len())];
    let mut end = line.find("  ").unwrap_or(line.len());
    for label in LABELS {
        end = line[..end].find(label).unwrap_or(end);
    }
    let value = line[..end].trim_end();
    (!value.is_empty() && value != "-").then_some(value)
}
