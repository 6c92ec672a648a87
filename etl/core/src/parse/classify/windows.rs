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

/// The numbers of events, their sentence, what it tells, and the heading under which the account stands that it is about.
type Sentence = (&'static [u32], &'static str, EventType, &'static str);

const SENTENCES: &[Sentence] = &[
    (&[4624], "An account was successfully logged on.", AuthSuccess, "New Logon:"),
    (&[4625], "An account failed to log on.", AuthFailure, "Account For Which Logon Failed:"),
    (&[4771], "Kerberos pre-authentication failed.", AuthFailure, "Account Information:"),
    (&[4772], "A Kerberos authentication ticket request failed.", AuthFailure, "Account Information:"),
    (&[4768], "A Kerberos authentication ticket (TGT) was requested.", AuthSuccess, "Account Information:"),
    (&[4769], "A Kerberos service ticket was requested.", Application, "Account Information:"),
    (
        &[4776],
        "The computer attempted to validate the credentials for an account.",
        AuthSuccess,
        "Authentication Package:",
    ),
    (
        &[4776],
        "The domain controller attempted to validate the credentials for an account.",
        AuthSuccess,
        "Authentication Package:",
    ),
    (
        &[4777],
        "The domain controller failed to validate the credentials for an account.",
        AuthFailure,
        "Authentication Package:",
    ),
    (&[4634], "An account was logged off.", Session, "Subject:"),
    (&[4647], "User initiated logoff:", Session, "Subject:"),
    (&[4778], "A session was reconnected to a Window Station.", Session, "Subject:"),
    (&[4779], "A session was disconnected from a Window Station.", Session, "Subject:"),
    (&[4800], "The workstation was locked.", Session, "Subject:"),
    (&[4801], "The workstation was unlocked.", Session, "Subject:"),
    (
        &[4648],
        "A logon was attempted using explicit credentials.",
        Privilege,
        "Account Whose Credentials Were Used:",
    ),
    (&[4672], "Special privileges assigned to new logon.", Privilege, "Subject:"),
    (&[4673], "A privileged service was called.", Privilege, "Subject:"),
    (&[4674], "An operation was attempted on a privileged object.", Privilege, "Subject:"),
    (&[1102], "The audit log was cleared.", Privilege, "Subject:"),
    (&[4720], "A user account was created.", AccountChange, "New Account:"),
    (&[4740], "A user account was locked out.", AccountChange, "Account That Was Locked Out:"),
    (&[4722, 4725, 4726, 4738, 4767], "A user account was", AccountChange, "Target Account:"),
    (&[4723], "An attempt was made to change an account's password.", AccountChange, "Target Account:"),
    (&[4724], "An attempt was made to reset an account's password.", AccountChange, "Target Account:"),
    (&[4781], "The name of an account was changed:", AccountChange, "Target Account:"),
    (&[4741, 4742, 4743], "A computer account was", AccountChange, "Computer Account That Was Changed:"),
    (&[4728, 4732, 4756], "A member was added to a security-", AccountChange, "Member:"),
    (&[4729, 4733, 4757], "A member was removed from a security-", AccountChange, "Member:"),
    (&[4727, 4730, 4737], "A security-enabled global group was", AccountChange, "Subject:"),
    (&[4731, 4734, 4735], "A security-enabled local group was", AccountChange, "Subject:"),
    (&[4754, 4755, 4758], "A security-enabled universal group was", AccountChange, "Subject:"),
    (
        &[5152, 5153, 5155, 5157, 5159],
        "The Windows Filtering Platform has blocked",
        Firewall,
        "Application Information:",
    ),
    (
        &[5154, 5156, 5158],
        "The Windows Filtering Platform has permitted",
        Firewall,
        "Application Information:",
    ),
    (&[], "The Windows Filtering Platform blocked", Firewall, "Application Information:"),
    (&[4698, 4699, 4700, 4701, 4702], "A scheduled task was", Scheduler, "Subject:"),
    (&[4697, 7045], "A service was installed in the system.", Service, "Subject:"),
];

/// Events of the service manager, whose sentences begin with the service's name.
const SERVICES: [u32; 5] = [7031, 7034, 7035, 7036, 7040];

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
    let sentence = SENTENCES.iter().find(|(_, words, ..)| text.starts_with(words))?;
    Some(told(sentence, text, event))
}

fn told<'a>(sentence: &Sentence, text: &'a str, event: &mut Event<'a>) -> Told {
    let (_, _, event_type, heading) = *sentence;
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
    (with_code(event_type, code), 0)
}

/// What the event of this number tells, where a forwarder gives numbers; `code` is the member `Status`.
pub(in crate::parse) fn of_number(id: u32, code: Option<&str>) -> EventType {
    let known = SENTENCES.iter().find(|(ids, ..)| ids.contains(&id)).map(|(_, _, event_type, _)| *event_type);
    let service = || SERVICES.contains(&id).then_some(Service);
    with_code(known.or_else(service).unwrap_or(Application), code)
}

/// A login whose code is not success has failed.
fn with_code(event_type: EventType, code: Option<&str>) -> EventType {
    let is_success = |code: &str| code.trim_start_matches("0x").trim_start_matches('0').is_empty();
    match event_type {
        AuthSuccess if code.is_some_and(|code| !is_success(code)) => AuthFailure,
        other => other,
    }
}

/// The sentence that the text begins with, behind a number, a provider or tabs at most.
fn sentence_in(text: &str) -> Option<(usize, &'static Sentence)> {
    let starts = |at: usize| {
        let rest = text.get(at..)?;
        SENTENCES.iter().find(|(_, words, ..)| rest.starts_with(words)).map(|sentence| (at, sentence))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_tells_what_its_sentence_does() {
        for (ids, words, event_type, _) in SENTENCES {
            let told = event_text(words, &mut Event::default()).map(|(event_type, _)| event_type);
            assert_eq!(told, Some(*event_type), "{words}");
            for id in *ids {
                assert_eq!(of_number(*id, None), *event_type, "{id}");
            }
        }
        assert_eq!(of_number(4768, Some("0x6")), AuthFailure);
        assert_eq!(of_number(4776, Some("0x0")), AuthSuccess);
        assert_eq!(of_number(7036, None), Service);
        assert_eq!(of_number(1, None), Application);
    }
}
