use super::*;

fn templates() -> impl Iterator<Item = &'static Line> {
    let others = [pam::LINES, anybody::OPENSSH, anybody::UNMISTAKABLE, web::AUTHENTICATION];
    PROGRAMS.iter().map(|program| program.lines).chain(others).flatten()
}

#[test]
fn no_login_is_told_behind_text_that_a_stranger_may_have_chosen() {
    let login = |line: &&Line| matches!(line.event_type, EventType::AuthFailure | EventType::AuthSuccess);
    for line in templates().filter(login) {
        assert!(!line.template.starts_with("{*}"), "{}", line.template);
        let before = line.template.split('{').next().unwrap_or_default();
        assert!(!line.template.contains("{^}") || before.is_empty(), "{}", line.template);
    }
}

#[test]
fn every_template_is_whole() {
    for line in templates() {
        let (open, close) = (line.template.matches('{').count(), line.template.matches('}').count());
        assert!(open <= close && open <= 12, "{}", line.template);
        assert!(!line.template.contains("}{") || line.template.contains("}{~}"), "{}", line.template);
        assert!(!line.template.contains("{~}") || line.template.ends_with("{~}"), "{}", line.template);
    }
}

#[test]
fn a_line_of_anybody_that_begins_with_a_hole_holds_the_hint() {
    for line in anybody::UNMISTAKABLE.iter().chain(mail::EXIM).filter(|line| line.template.starts_with('{')) {
        assert!(line.template.contains(HINT), "{}", line.template);
    }
}

#[test]
fn every_name_is_small_and_stands_once() {
    let names: Vec<_> = PROGRAMS.iter().flat_map(|program| program.names).collect();
    for (at, name) in names.iter().enumerate() {
        assert_eq!(**name, name.to_ascii_lowercase());
        assert!(!names[..at].contains(name), "{name}");
    }
}

#[test]
fn a_whole_name_goes_before_a_beginning() {
    assert_eq!(known("systemd-logind").map(|known| known.event_type), Some(Service));
    assert_eq!(known("systemd-networkd").map(|known| known.event_type), Some(Network));
    assert_eq!(known("SYSTEMD-whatever").map(|known| known.event_type), Some(Service));
    assert!(known("systemctl").is_none());
    assert!(known(&"x".repeat(100)).is_none());
}
