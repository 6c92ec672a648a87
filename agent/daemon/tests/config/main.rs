#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]
//! The agent's configuration as an operator meets it: what is accepted, what is said of mistakes, what
//! `check` prints, and that the sample tells the truth.

mod cases;

use cases::{CASES, MINIMAL};
use headrig_agent::settings::StartAt;
use headrig_agentd::{
    check::{EXIT_SOUND, EXIT_WRONG, check},
    config::{Config, Diagnostic, Encryption, FORMATS, LogLevel},
};
use headrig_contract::framing::{Encoding, Multiline, Pattern};
use proptest::prelude::*;
use std::{fs, path::Path, time::Duration};
use tempfile::TempDir;

const SAMPLE: &str = include_str!("../../../../packaging/agent.toml");

fn parse(text: &str) -> Result<Config, Vec<Diagnostic>> {
    Config::parse(Path::new("agent.toml"), text)
}

fn messages(result: Result<Config, Vec<Diagnostic>>) -> Vec<String> {
    result.err().unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// A folder with `agent.toml` and what else is named, and what loading it says, the folder's name left out.
fn load(files: &[(&str, &str)]) -> (Result<Config, Vec<Diagnostic>>, TempDir) {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (Config::load(&folder.path().join("agent.toml")), folder)
}

fn messages_in(result: Result<Config, Vec<Diagnostic>>, folder: &TempDir) -> Vec<String> {
    let prefix = format!("{}/", folder.path().display());
    messages(result).iter().map(|message| message.replace(&prefix, "")).collect()
}

#[test]
fn each_mistake_is_named_with_place_and_remedy() {
    for (place, text, expect) in CASES {
        assert_eq!(messages(parse(&place.put(text))), *expect, "{place:?}: {text}");
    }
}

#[test]
fn what_is_not_set_has_its_default() {
    let config = parse(MINIMAL).unwrap();
    let core = config.core_settings().checked().unwrap();
    let plain = headrig_agent::Settings::new(core.host.clone(), core.sources[0].name.clone());
    assert_eq!(format!("{core:?}"), format!("{plain:?}"));
    assert_eq!(config.agent.log_level, LogLevel::Info);
    assert_eq!(config.upload.attempt_timeout, Duration::from_secs(300));
    assert_eq!((config.agent.metrics_listen, config.upload.region.clone()), (None, None));
    assert!(config.heartbeat.enabled);
}

#[test]
fn what_is_set_is_what_is_used() {
    let text = "agent.host = 'web-1'\nupload = { bucket = 'logs-1', prefix = 'raw', encryption = 'sse-kms', kms_key = 'alias/k' }\n\
        chunk = { codec = 'gzip', level = 9, bytes_max = 1_000_000, age_max = '1m 30s' }\n\
        [[source]]\nname = 's'\ninclude = ['/a']\nmax_line_bytes = '2KiB'\nformat = 'json'\nstart_at = 'end'\n\
        encoding = 'utf-16le'\nmultiline = { start = '^\\[' }";
    let config = parse(text).unwrap();
    let core = config.core_settings();
    assert_eq!((core.host.as_str(), core.key_prefix.as_str(), core.level), ("web-1", "raw", 9));
    assert_eq!((core.chunk_bytes_max, core.chunk_age_max_ms), (1_000_000, 90_000));
    assert_eq!((core.sources[0].line_bytes_max, &*core.sources[0].format_hint), (2048, "json"));
    assert_eq!(core.sources[0].start_at, StartAt::End);
    assert_eq!(core.sources[0].encoding, Some(Encoding::Utf16Le));
    let start = Multiline::Start(Pattern::new(r"^\[").unwrap());
    assert_eq!(core.sources[0].framing.rule().multiline, start);
    assert_eq!(config.upload.encryption, Encryption::SseKms { key: "alias/k".into() });
}

/// Only the order: that the names are those of `PARSERS` in etl/core/src/parse.rs, no test here can see.
#[test]
fn the_formats_are_sorted_and_differ() {
    assert!(FORMATS.is_sorted_by(|former, next| former < next), "{FORMATS:?}");
}

#[test]
fn a_byte_order_mark_and_the_line_ends_of_windows_are_no_mistakes() {
    let text = format!("\u{feff}{}", MINIMAL.replace('\n', "\r\n"));
    assert_eq!(messages(parse(&text)), [""; 0]);
    let text = text.replace("bucket = 'my-logs'", "bucket = 'my-logs'\r\npath_style = 1");
    assert_eq!(
        messages(parse(&text)),
        ["agent.toml:3:14: upload.path_style: expected true or false, found 1"]
    );
}

#[test]
fn the_limits_are_ones_that_the_core_accepts() {
    let limits = [
        "chunk = { bytes_max = '64KiB', raw_bytes_max = '1MiB', age_max = '1s', event_hold = '10ms', level = 1 }\nspool.bytes_max = '1MiB'",
        "chunk = { bytes_max = '1GiB', raw_bytes_max = '4GiB', age_max = '1d', event_hold = '1m', level = 19 }\nspool.bytes_max = '1024TiB'",
    ];
    for limit in limits {
        let settings = parse(&format!("{limit}\n{MINIMAL}")).unwrap().core_settings();
        assert!(settings.checked().is_ok(), "{limit}");
    }
}

#[test]
fn a_file_belongs_to_the_first_source_that_takes_it() {
    let text = format!(
        "{MINIMAL}\n[[source]]\nname = 'web'\ninclude = ['/srv/*/log', '/var/log/nginx/**/*.log']\nexclude = ['*.bak', '/srv/old']\n\
         [[source]]\nname = 'rest'\ninclude = ['/srv', '/var/log']"
    );
    let config = parse(&text).unwrap();
    let name =
        |path: &str| config.source_of(Path::new(path)).map(|index| config.sources[index].name.to_string());
    let check = |path: &str, expect: Option<&str>| assert_eq!(name(path).as_deref(), expect, "{path}");
    check("/srv/a/log", Some("web"));
    check("/srv/a/log/deep/x", Some("web"));
    check("/srv/a/b/log", Some("rest"));
    check("/srv/a/log/x.bak", Some("rest"));
    check("/srv/old/log/x", Some("rest"));
    check("/var/log/nginx/access.log", Some("web"));
    check("/var/log/nginx/a/b/access.log", Some("web"));
    check("/var/log/nginx/access.log.1", Some("rest"));
    check("/var/logs", None);
    check("/etc/passwd", None);
    let inputs = ["/var/log/app.log", "/srv/*/log", "/var/log/nginx/**/*.log", "/srv", "/var/log"];
    assert_eq!(config.inputs(), inputs.map(std::path::PathBuf::from));
}

#[test]
fn files_in_conf_d_add_sources_and_tables_in_the_order_of_their_names() {
    let (result, _folder) = load(&[
        ("agent.toml", MINIMAL),
        ("conf.d/20-b.toml", "[[source]]\nname = 'b'\ninclude = ['/b']\n"),
        ("conf.d/10-a.toml", "[chunk]\nlevel = 5\n[[source]]\nname = 'a'\ninclude = ['/a']\n"),
        ("conf.d/.#a.toml", "no"),
        ("conf.d/a.toml~", "no"),
    ]);
    let config = result.unwrap();
    let names: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
    assert_eq!((names, config.chunk.level), (vec!["app", "a", "b"], 5));
}

#[test]
fn a_table_in_two_files_is_refused_with_both_places() {
    let (result, folder) = load(&[
        ("agent.toml", MINIMAL),
        (
            "conf.d/x.toml",
            "\n[upload]\nprefix = 'x'\n[[source]]\nname = 'app'\ninclude = ['/a']\nmax_line_bytes = 5\n",
        ),
    ]);
    let expect = [
        "conf.d/x.toml:2:1: upload: expected it in one file only, found a second one; it is already at agent.toml:1:1",
        "conf.d/x.toml:5:8: source[0].name: expected a name of its own, such as \"nginx\", of letters, digits, '.', '_' and '-', found \"app\"; another source has this name",
        "conf.d/x.toml:7:18: source[0].max_line_bytes: expected a size from 1KiB to 1MiB, such as \"8MiB\", found 5",
    ];
    assert_eq!(messages_in(result, &folder), expect);
}

#[test]
fn a_file_that_cannot_be_read_is_named_alone() {
    let (result, folder) = load(&[("other.toml", "")]);
    let expect = [
        "agent.toml: expected a readable file of at most 1024 KiB, in UTF-8, found No such file or directory (os error 2)",
    ];
    assert_eq!(messages_in(result, &folder), expect);
    fs::write(folder.path().join("agent.toml"), b"# fine\nhost = \xff").unwrap();
    let expect =
        ["agent.toml:2:8: expected a readable file of at most 1024 KiB, in UTF-8, found other bytes"];
    assert_eq!(messages_in(Config::load(&folder.path().join("agent.toml")), &folder), expect);
    fs::write(folder.path().join("agent.toml"), " ".repeat((1 << 20) + 1)).unwrap();
    let expect = ["agent.toml: expected a readable file of at most 1024 KiB, in UTF-8, found more"];
    assert_eq!(messages_in(Config::load(&folder.path().join("agent.toml")), &folder), expect);
}

/// The sample with its bucket set.
fn sample() -> String {
    SAMPLE.replace("#bucket", "bucket")
}

/// The sample with every setting that it shows set, but for those that exclude each other.
fn whole_sample() -> String {
    let is_alone = |line: &&str| !line.starts_with("mode = ") && !line.starts_with("continue = ");
    let lines: Vec<String> = shown_sample().lines().filter(is_alone).map(String::from).collect();
    lines.join("\n")
}

/// The sample with every setting that it shows set.
fn shown_sample() -> String {
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting.to_owned(),
        _ => line.to_owned(),
    };
    let lines: Vec<String> = SAMPLE.lines().map(uncommented).collect();
    lines.join("\n").replace("encryption = \"bucket\"", "encryption = \"sse-kms\"")
}

#[test]
fn the_sample_loads_and_so_does_all_that_it_shows() {
    assert_eq!(messages(parse(&sample())), [""; 0]);
    assert_eq!(messages(parse(&whole_sample())), [""; 0]);
}

#[test]
fn the_sample_shows_every_setting() {
    let (mut shown, mut table) = (Vec::new(), String::new());
    for line in shown_sample().lines() {
        if let Some(header) = line.strip_prefix('[') {
            table = header.trim_matches(['[', ']']).to_owned();
            shown.push(table.clone());
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            shown.push(format!("{table}.{name}"));
        }
    }
    let missing: Vec<String> =
        Config::setting_names().into_iter().filter(|name| !shown.contains(name)).collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn the_defaults_in_the_sample_are_the_defaults() {
    let config = parse(&sample()).unwrap();
    let host = format!("host = \"{}\"", config.agent.host);
    let lines: Vec<&str> = SAMPLE.lines().map(|line| line.strip_prefix('#').unwrap_or(line)).collect();
    let resolved = config.to_toml();
    let settings =
        resolved.lines().filter(|line| !line.is_empty() && !line.starts_with('#') && *line != host);
    for setting in settings {
        assert!(lines.contains(&setting), "{setting}");
    }
}

#[test]
fn what_check_prints_of_a_sound_configuration_loads_to_the_same() {
    let (result, folder) = load(&[("agent.toml", &whole_sample())]);
    let mut config = result.unwrap();
    let mut printed = Vec::new();
    assert_eq!(check(&folder.path().join("agent.toml"), &mut printed).unwrap(), EXIT_SOUND);
    let printed = String::from_utf8(printed).unwrap();
    assert!(!printed.contains("fleet-7"), "the external id is printed: {printed}");
    assert!(!format!("{config:?}").contains("fleet-7"));
    assert_eq!(config.upload.assume_role.as_ref().unwrap().external_id.as_ref().unwrap().reveal(), "fleet-7");
    config.upload.assume_role.as_mut().unwrap().external_id = None;
    assert_eq!(parse(&printed).unwrap(), config);
}

#[test]
fn check_counts_files_states_the_ceiling_and_warns() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["a.log", "b.log", "b.bak"] {
        fs::write(at(name), "2026-09-21 10:00:00 hello\n").unwrap();
    }
    let text = format!(
        "agent.state_dir = '{0}/none'\nchunk.level = 19\nupload = {{ bucket = 'logs-1', endpoint = 'http://127.0.0.1:9000' }}\n\
         [[source]]\nname = 'app'\ninclude = ['{0}/*.log', '{0}/*.none']\n[[source]]\nname = 'rest'\ninclude = ['{0}']\nexclude = ['*.bak']",
        folder.path().display()
    );
    fs::create_dir(at("etc")).unwrap();
    fs::write(at("etc/agent.toml"), text).unwrap();
    let mut printed = Vec::new();
    assert_eq!(check(Path::new(&at("etc/agent.toml")), &mut printed).unwrap(), EXIT_SOUND);
    let printed = String::from_utf8(printed).unwrap();
    let expected = [
        "# source app: 2 files now\n",
        // The configuration itself lies in the folder.
        "# source rest: 1 file now\n",
        "# memory: at most ",
        "one a source: 2\n",
        "*.none matches no file; ",
        "# warning: agent.state_dir: ",
        "# warning: chunk.level: 19 takes",
        "# warning: heartbeat: chunks go to upload.endpoint",
        "# warning: upload.endpoint: lines travel unencrypted",
    ];
    for part in expected {
        assert!(printed.contains(part), "{part:?} is not in {printed}");
    }
}

#[test]
fn check_lists_the_problems_of_a_wrong_configuration() {
    let (_, folder) =
        load(&[("agent.toml", "[chunk]\nlevel = 99\n[[source]]\nname = 's'\ninclude = ['/a']\n")]);
    let mut printed = Vec::new();
    assert_eq!(check(&folder.path().join("agent.toml"), &mut printed).unwrap(), EXIT_WRONG);
    let printed = String::from_utf8(printed).unwrap().replace(&folder.path().display().to_string(), "");
    let expect = "/agent.toml: upload.bucket: expected the bucket's name, found nothing\n\
        /agent.toml:2:9: chunk.level: expected a whole number from 1 to 19, found 99\n\
        2 problems; nothing was started or changed\n";
    assert_eq!(printed, expect);
}

#[test]
fn the_ceiling_grows_with_sources_uploads_files_and_level_only() {
    let total =
        |text: &str, files| parse(&format!("{text}\n{MINIMAL}")).unwrap().memory_ceiling(files).total();
    let plain = total("", 1);
    assert!(plain < 30 << 20, "{plain}");
    assert!(total("", 10_000) < 70 << 20);
    assert_eq!(total("chunk.bytes_max = '512MiB'\nspool.bytes_max = '1TiB'", 1), plain);
    assert!(total("chunk.level = 19", 1) > plain);
    let patterned = format!("{MINIMAL}multiline.start = 'x'\n");
    assert!(parse(&patterned).unwrap().memory_ceiling(1).total() > plain);
}

/// Text that looks like a configuration, and often is none.
fn configuration_like() -> impl Strategy<Value = String> {
    let names: Vec<String> = Config::setting_names()
        .iter()
        .flat_map(|name| [name.clone(), name.rsplit('.').next().unwrap().into()])
        .collect();
    let name = prop_oneof![4 => proptest::sample::select(names), 1 => "[a-z_.\"-]{0,12}"];
    let value = proptest::sample::select(vec![
        "1",
        "-1",
        "0x7fff_ffff_ffff_ffff",
        "1e400",
        "nan",
        "true",
        "''",
        "'off'",
        "\"8MiB\"",
        "'99999999999999TiB'",
        "'1h 1m'",
        "'é'",
        "\"\\u0000\"",
        "[]",
        "['/a']",
        "[[1], {a = 1}]",
        "{}",
        "{bucket = 'abc'}",
        "1979-05-27",
        "'''",
        "\"",
        "[",
        "{",
        "",
        "'s3://a/b'",
        "'/[a'",
        "'127.0.0.1:1'",
        "'arn:aws:iam::1:role/x'",
    ]);
    let line = (name, value, 0..6u8).prop_map(|(name, value, kind)| match kind {
        0 => format!("[{name}]"),
        1 => format!("[[{name}]]"),
        2 => "[[source]]".into(),
        _ => format!("{name} = {value}"),
    });
    proptest::collection::vec(line, 0..30).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in prop_oneof![configuration_like(), any::<String>(), "[\\PC\n]*"]) {
        match parse(&text) {
            Ok(config) => prop_assert!(config.core_settings().checked().is_ok()),
            Err(problems) => prop_assert!(!problems.is_empty()),
        }
    }

    #[test]
    fn a_damaged_sample_is_told_from_a_sound_one(at in 0..SAMPLE.len(), length in 0..40usize, put in "[\\PC\n]{0,6}") {
        let mut text = whole_sample();
        let start = text.floor_char_boundary(at);
        let end = text.floor_char_boundary((start + length).min(text.len()));
        text.replace_range(start..end, &put);
        match parse(&text) {
            Ok(config) => {
                let mut again = parse(&config.to_toml()).unwrap();
                if let (Some(role), Some(former)) = (&mut again.upload.assume_role, &config.upload.assume_role) {
                    role.external_id.clone_from(&former.external_id);
                }
                prop_assert_eq!(again, config);
            }
            Err(problems) => {
                let lines = text.split('\n').count();
                prop_assert!(problems.iter().all(|problem| problem.position.is_none_or(|place| place.line <= lines)));
            }
        }
    }
}
