use super::*;

/// The type, level, user and address that a program's message tells.
fn check(program: &str, message: &str, expect: (EventType, i32, &str, &str)) {
    let mut event = Event::default();
    classify(program, message, &mut event);
    let text = |value: &Option<Cow<'_, str>>| value.clone().unwrap_or_default().into_owned();
    let found = (event.event_type, event.severity_number, text(&event.user_name), text(&event.src_ip));
    assert_eq!(found, (expect.0, expect.1, expect.2.into(), expect.3.into()), "{program}: {message}");
}

const ADDRESS: &str = "203.0.113.9";

/// What programs write is in `tests/events`; here stands what needs no program or more than one line.
#[test]
fn a_line_without_a_program_tells_what_nobody_else_writes() {
    use EventType::{Application, AuthFailure, AuthSuccess, Firewall};
    for (message, event_type, severity, user, address) in [
        ("Failed password for root from 203.0.113.9 port 4711 ssh2", AuthFailure, 13, "root", ADDRESS),
        ("Accepted password for ana from 203.0.113.9 port 4711 ssh2", AuthSuccess, 0, "ana", ADDRESS),
        ("Invalid user ana from 203.0.113.9 port 4711", AuthFailure, 13, "ana", ADDRESS),
        ("Invalid user ana from 203.0.113.9", Application, 0, "", ""),
        ("Failed password for root", Application, 0, "", ""),
        ("he said Failed password for root from 203.0.113.9 port 4711 ssh2", Application, 0, "", ""),
        ("IN=eth0 OUT= SRC=203.0.113.9 DST=198.51.100.1 PROTO=TCP SPT=1 DPT=2", Firewall, 0, "", ADDRESS),
    ] {
        check("", message, (event_type, severity, user, address));
    }
}

#[test]
fn a_text_may_name_its_program_itself() {
    let failed = "Failed password for root from 203.0.113.9 port 4711 ssh2";
    for (before, event_type, service) in [
        ("sshd[812]: ", EventType::AuthFailure, Some("sshd")),
        ("web1 sshd[812]: ", EventType::AuthFailure, Some("sshd")),
        ("authpriv.warn sshd[812]: ", EventType::AuthFailure, Some("sshd")),
        ("app[812]: ", EventType::Application, None),
        ("the log of sshd[812]: ", EventType::Application, None),
        ("sshd[x]: ", EventType::Application, None),
    ] {
        let (text, mut event) = (format!("{before}{failed}"), Event::default());
        classify_plain(&text, &mut event);
        assert_eq!((event.event_type, event.service.as_deref()), (event_type, service), "{text}");
    }
}

#[test]
fn only_the_first_line_of_a_program_counts() {
    let message = "starting\nFailed password for root from 203.0.113.9 port 4711 ssh2";
    check("sshd", message, (EventType::Application, 0, "", ""));
}

#[test]
fn an_owned_message_tells_what_a_borrowed_one_does() {
    let message = "message repeated 2 times: [ Failed password for root from 203.0.113.9 port 4711 ssh2]";
    let (mut borrowed, mut owned) = (Event::default(), Event::default());
    classify_owned("sshd", Cow::Borrowed(message), &mut borrowed);
    classify_owned("sshd", Cow::Owned(message.to_owned()), &mut owned);
    assert_eq!(borrowed, owned);
    assert_eq!(owned.attributes[0], ("repeated".into(), "2".into()));
}

#[test]
fn a_stated_level_stays() {
    let mut event = Event::default();
    event.set_severity(9);
    classify("sshd", "Failed password for root from 203.0.113.9 port 4711 ssh2", &mut event);
    assert_eq!((event.event_type, event.severity_number), (EventType::AuthFailure, 9));
}

#[test]
fn a_text_of_any_length_is_survived() {
    let long = "é".repeat(TEXT_BYTES_MAX);
    check("sshd", &long, (EventType::Application, 0, "", ""));
    check("sshd", &format!("Invalid user {long} from 203.0.113.9"), (EventType::Application, 0, "", ""));
}
