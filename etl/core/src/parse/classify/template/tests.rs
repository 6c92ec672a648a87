use super::*;

/// Holds what a template takes of a text against `user`, `src_ip` and attributes, written one a line.
fn check(template: &'static str, text: &str, expect: Option<&[&str]>) {
    let mut event = Event::default();
    let captures = Template::new(template).fit(text);
    if let Some(captures) = &captures {
        captures.fill(&mut event);
    }
    let columns = [("user", &event.user_name), ("ip", &event.src_ip)];
    let columns = columns.iter().filter_map(|(name, value)| Some(format!("{name}={}", (*value).as_ref()?)));
    let attributes = event.attributes.iter().map(|(key, value)| format!("{key}={value}"));
    let found: Vec<String> = columns.chain(attributes).collect();
    assert_eq!(
        captures.map(|_| found),
        expect.map(|fields| fields.iter().map(ToString::to_string).collect())
    );
}

#[test]
fn holes_take_what_their_names_say() {
    check("plain", "plain", Some(&[]));
    check("plain", "plainly", None);
    check("a {word} b", "a x b", Some(&["word=x"]));
    check("a {word} b", "a x y b", None);
    check("a {word} b", "a  b", None);
    check("{text..}: {rest..}", "a: b: c", Some(&["text=a", "rest=b: c"]));
    check("{text...}: {rest..}", "a: b: c", Some(&["text=a: b", "rest=c"]));
    check("{*}x {_} {word}", "yxx a b", Some(&["word=b"]));
    check("at {endpoint}", "at [2001:db8::1]:22", Some(&["ip=2001:db8::1", "src_port=22"]));
    check("port {port}{~}", "port 22", Some(&["src_port=22"]));
    check("port {port}{~}", "port 22 ssh2", Some(&["src_port=22"]));
    check("port {port}{~}", "port 22, x", Some(&["src_port=22"]));
    check("ip {ip}{~}", "ip 2001:db8::7, x", Some(&["ip=2001:db8::7"]));
    check("'{user}'", "'é'", Some(&["user=é"]));
    check("'{user}'", "''", Some(&[]));
    check("'{user}'", "'o'neill'", Some(&["user=o'neill"]));
}

#[test]
fn a_user_is_all_that_stands_before_the_last_place() {
    let template = "user {user} from {ip} port {port}";
    let forged = "user x from 192.0.2.1 port 1 from 203.0.113.9 port 2";
    check(template, forged, Some(&["user=x from 192.0.2.1 port 1", "ip=203.0.113.9", "src_port=2"]));
    check(template, "user  from 203.0.113.9 port 2", Some(&["ip=203.0.113.9", "src_port=2"]));
}

#[test]
fn a_text_made_to_be_tried_for_ever_does_not_fit() {
    let text = " a b".repeat(4000);
    check("{one..} a {two..} a {three..} a {four..} b c", &text, None);
}
