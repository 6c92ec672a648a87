use super::*;

#[test]
fn every_template_is_whole() {
    let tables = PROGRAMS.iter().map(|program| program.lines).chain([
        pam::LINES,
        anybody::OPENSSH,
        anybody::UNMISTAKABLE,
    ]);
    for line in tables.flatten() {
        let (open, close) = (line.template.matches('{').count(), line.template.matches('}').count());
        assert!(open <= close && open <= 12, "{}", line.template);
        assert!(!line.template.contains("}{") || line.template.contains("}{~}"), "{}", line.template);
        assert!(!line.template.contains("{~}") || line.template.ends_with("{~}"), "{}", line.template);
    }
}

#[test]
fn a_line_of_anybody_that_begins_with_a_hole_holds_the_hint() {
    for line in anybody::UNMISTAKABLE.iter().filter(|line| line.template.starts_with('{')) {
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
