//! What is redacted is in no column of the row, whatever the line's format made of it.

use crate::support::{Part, Row, chunk, rows, run};
use headrig_contract::chunk::Codec;
use headrig_etl::{Settings, config::parse};
use proptest::prelude::*;
use std::sync::LazyLock;

/// Everything that is built in, compiled once.
static ALL: LazyLock<Settings> = LazyLock::new(|| {
    parse("[[rule]]\nname = 'r'\nredact.what = ['email', 'card', 'token', 'ipv4', 'ipv6']").unwrap()
});

/// Lines of several formats around a secret; what a parser makes of them differs.
const AROUND: [&str; 14] = [
    "2026-09-21T14:13:20Z INFO user {} logged in\n",
    "Sep 21 14:13:20 web-1 app[77]: sent to {}, done\n",
    "<34>1 2026-09-21T14:13:20Z web-1 app 77 ID47 [x@1 who=\"{}\" b=\"c\"] seen {} twice\n",
    "{\"time\":\"2026-09-21T14:13:20Z\",\"level\":\"info\",\"msg\":\"saw {}\",\"who\":\"{}\",\"{}\":1,\"in\":{\"x\":[\"{}\"]}}\n",
    "time=2026-09-21T14:13:20Z level=info msg=\"saw {}\" who={} user={}\n",
    "192.0.2.7 - {} [21/Sep/2026:14:13:21 +0000] \"GET /x?to={}&y=1 HTTP/1.1\" 200 10 \"https://a.example/?q={}\" \"agent {}\"\n",
    "nothing that any parser knows of ({})\n",
    "{}\n",
    "2026-09-21 14:13:20,123 ERROR [main] it broke for <{}>\n    at x.Y({})\n",
    "Sep 21 14:13:20 web-1 sshd[7]: Failed password for {} from {} port 22 ssh2\n",
    "[Mon Sep 21 14:13:20 2026] [error] [client {}] denied: {}\n",
    "2026/09/21 14:13:20 [error] 7#7: *1 open() \"/x/{}\" failed, client: {}, server: a, request: \"GET /{} HTTP/1.1\"\n",
    "2026-09-21T14:13:20Z\tINFO\t{}\tb\n",
    "level=info {}=1 key.{}=x\n",
];

fn secret() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z][a-z0-9.+]{3,12}@[a-z]{3,9}\\.(com|example|co\\.uk)",
        Just("4111111111111111".to_owned()),
        Just("5555 5555 5555 4444".to_owned()),
        Just("3782-822463-10005".to_owned()),
        "AKIA[A-Z0-9]{16}",
        "ghp_[A-Za-z0-9]{36}",
        "eyJ[a-zA-Z0-9]{10}\\.eyJ[a-zA-Z0-9]{10}\\.[a-zA-Z0-9]{10}",
        "(1[0-9]{2}|2[0-4][0-9])\\.(1[0-9]{2})\\.[1-9][0-9]\\.[1-9][0-9]",
        "2001:db8(:[1-9a-f][0-9a-f]{2}){6}",
    ]
}

fn redacted(settings: &Settings, text: &str) -> (Vec<Row>, u64) {
    let outcome = run(settings, &[("k", &chunk(Codec::Zstd, &[vec![Part::new(1, 0, text)]]))]).unwrap();
    (rows(&outcome.files, "logs/"), outcome.batch.rules[0].redacted)
}

/// The columns that come from the line and hold `secret`.
fn holding<'r>(rows: &'r [Row], secret: &str) -> Vec<(&'r str, &'r str)> {
    let columns = rows.iter().flatten().map(|(name, value)| (name.as_str(), value.as_str()));
    columns.filter(|(_, value)| value.contains(secret)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_column_holds_a_secret(secret in secret(), around in 0..AROUND.len(), raw in any::<bool>()) {
        let mut settings = ALL.clone();
        settings.raw_always = raw;
        let text = AROUND[around].replace("{}", &secret);
        let (rows, count) = redacted(&settings, &text);
        prop_assert!(!rows.is_empty() && count > 0, "{}", text);
        prop_assert_eq!(holding(&rows, &secret), vec![], "{}", text);
    }

    #[test]
    fn what_stands_behind_a_secrets_name_is_in_no_column(value in "[a-zA-Z][a-zA-Z0-9!$%^*+~./]{4,16}", raw in any::<bool>()) {
        let mut settings = ALL.clone();
        settings.raw_always = raw;
        let around: [&str; 7] = [
            "2026-09-21T14:13:20Z INFO login password={} from x\n",
            "{\"msg\":\"hello {}\",\"db\":{\"password\":\"{}\"},\"a\":\"{}\"}\n",
            "{\"msg\":\"sent {\\\"api_key\\\":\\\"{}\\\"} off\"}\n",
            "level=info secret=\"{}\" other={}\n",
            "192.0.2.7 - - [21/Sep/2026:14:13:21 +0000] \"GET /x?access_token={} HTTP/1.1\" 200 10 \"https://a.example/{}\" \"-\"\n",
            "Sep 21 14:13:20 web-1 app[77]: Authorization: Basic {}\n",
            "connecting to postgres://app:{}@db:5432/x\n",
        ];
        let fits = |around: &&&str| !(around.contains("://app") && value.contains('/'));
        let texts: Vec<String> = around.iter().filter(fits).map(|around| around.replace("{}", &value)).collect();
        // A stream for each line, all in one batch: batches are what takes time here.
        let parts = texts.iter().zip(1..).map(|(text, number)| Part::new(number, 0, text)).collect();
        let outcome = run(&settings, &[("k", &chunk(Codec::Zstd, &[parts]))]).unwrap();
        prop_assert!(outcome.batch.rules[0].redacted >= texts.len() as u64, "{:?}", texts);
        let rows = rows(&outcome.files, "logs/");
        prop_assert_eq!(holding(&rows, &value), vec![], "{:?}", texts);
    }

    #[test]
    fn a_secret_that_json_writes_in_another_way_is_not_in_raw_either(name in "[a-z]{6,12}", at in 0..6_usize) {
        let mut settings = ALL.clone();
        settings.raw_always = true;
        let secret = format!("{name}@example.com");
        let letter = secret.as_bytes()[at];
        let written = secret.replacen(char::from(letter), &format!("\\u{letter:04x}"), 1);
        let (rows, count) = redacted(&settings, &format!("{{\"level\":\"info\",\"msg\":\"to {written} x\",\"n\":1}}\n"));
        prop_assert!(count > 0);
        prop_assert_eq!(holding(&rows, &secret), vec![]);
        prop_assert_eq!(holding(&rows, &written), vec![]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn whatever_the_bytes_are_redaction_ends_and_every_event_has_its_row(blocks in crate::conservation::blocks()) {
        let mut settings = ALL.clone();
        settings.raw_always = true;
        let outcome = run(&settings, &[("k", &chunk(Codec::Zstd, &blocks))]).unwrap();
        prop_assert_eq!(outcome.batch.counts.rows, outcome.batch.counts.events);
    }
}

#[test]
fn patterns_of_ones_own_may_name_their_groups_alike() {
    let text = "[[rule]]\nname = 'r'\nredact.pattern = ['a=(?<n>\\w+)', '(?x) b=(?<n>\\w+) # a note']";
    let (rows, count) =
        redacted(&parse(text).unwrap(), "2026-09-21T14:13:20Z INFO x a=topsecret b=secret2 y\n");
    assert_eq!(count, 2);
    assert_eq!(holding(&rows, "secret"), vec![]);
}

#[test]
fn a_column_that_is_asked_for_goes_as_a_whole_and_everywhere() {
    let rules = "
        [[rule]]
        name = 'r'
        redact = { columns = ['user_name', 'attributes.session'], replacement = '***' }
    ";
    let mut settings = parse(rules).unwrap();
    settings.raw_always = true;
    let line = "Sep 21 14:13:20 web-1 sshd[7]: Failed password for al from 192.0.2.7 port 22 ssh2\n";
    let (rows, count) = redacted(&settings, line);
    assert_eq!((rows[0]["user_name"].as_str(), rows[0]["src_ip"].as_str(), count), ("***", "192.0.2.7", 1));
    assert!(rows[0]["message"].contains("password for *** from"), "{}", rows[0]["message"]);
    assert!(rows[0]["raw"].contains("password for *** from"), "{}", rows[0]["raw"]);
    let line = "{\"msg\":\"opened S17 for x\",\"session\":\"S17\"}\n";
    let (rows, _) = redacted(&settings, line);
    assert_eq!(
        (rows[0]["message"].as_str(), rows[0]["attributes"].as_str()),
        ("opened *** for x", "session=***")
    );
}

#[test]
fn a_pattern_of_ones_own_hides_its_group_and_keeps_the_rest() {
    let settings =
        parse("[[rule]]\nname = 'r'\nmatch.format = 'timestamped'\nredact.pattern = 'customer (\\d+)'")
            .unwrap();
    let (rows, count) = redacted(&settings, "2026-09-21T14:13:20Z INFO order 7 of customer 4711 came\n");
    assert_eq!((rows[0]["message"].as_str(), count), ("order 7 of customer [redacted] came", 1));
    let (rows, count) = redacted(&settings, "no time: customer 4711\n");
    assert_eq!((rows[0]["raw"].as_str(), count), ("no time: customer 4711", 0));
}

#[test]
fn an_event_of_very_many_secrets_takes_time_by_its_length_and_keeps_none() {
    let addresses = (0..20_000).map(|number| format!("a{number}@example.com")).collect::<Vec<_>>();
    let line = format!("{{\"msg\":\"to {}\",\"n\":\"x\"}}\n", addresses.join(" "));
    let mut settings = ALL.clone();
    settings.raw_always = true;
    let started = std::time::Instant::now();
    let (rows, count) = redacted(&settings, &line);
    assert!(started.elapsed().as_secs() < 30, "{:?}", started.elapsed());
    assert!(count > 0);
    assert_eq!(holding(&rows, "@example.com"), vec![]);
}

#[test]
fn an_event_of_many_secrets_and_very_many_attributes_takes_time_by_its_length() {
    let secrets = (0..500).fold(String::new(), |text, at| text + &format!(" token=hidden{at:05}"));
    let pairs = (0..70_000).fold(String::new(), |text, at| text + &format!(" k{at}={at}"));
    let line = format!("time=2026-09-21T14:13:20Z level=info msg=x{secrets}{pairs} last=hidden00077\n");
    let settings = parse("[[rule]]\nname = 'r'\nredact.what = ['token']").unwrap();
    let started = std::time::Instant::now();
    let (rows, count) = redacted(&settings, &line);
    let took = started.elapsed();
    assert_eq!(count, 500);
    assert_eq!(holding(&rows, "hidden"), vec![]);
    assert!(rows[0].values().any(|value| value.contains("69999")));
    assert!(took.as_secs() < 30, "{took:?}");
}
