//! `start_at = "end"`: nothing old, and everything new once.

use crate::site::{Site, numbered};
use headrig_agent::settings::StartAt;
use proptest::prelude::*;
use std::{collections::BTreeMap, fs};

fn site() -> Site {
    let mut site = Site::new();
    site.settings.sources[0].start_at = StartAt::End;
    site
}

fn once(lines: &str) -> BTreeMap<String, usize> {
    lines.lines().map(|line| (line.to_owned(), 1)).collect()
}

#[test]
fn what_is_old_is_skipped_and_counted_and_what_is_new_is_read() {
    let mut site = site();
    let old = numbered("old", 0..500);
    site.append("app.log", &old);
    site.append("quiet.log", &old[..168]);
    site.append("half.log", "whole\nhalf");
    site.append("empty.log", "");
    site.append("old.log", &old);
    site.compress("old.log");
    let archive = fs::metadata(site.path("old.log.gz")).unwrap().len();
    let mut agent = site.agent();
    site.work(&mut agent);
    assert_eq!(agent.core().skipped().0, old.len() as u64 + 168 + 6 + archive);
    let states: BTreeMap<String, &str> = agent
        .core()
        .file_statuses()
        .map(|file| (file.path.file_name().unwrap().to_string_lossy().into_owned(), file.state))
        .collect();
    assert_eq!((states["app.log"], states["old.log.gz"]), ("idle", "skipped"));

    site.append("app.log", numbered("new", 0..10));
    site.append("half.log", " and the rest\n");
    site.append("empty.log", "first\n");
    site.append("later.log", numbered("later", 0..5));
    site.wait(&mut agent, 5);
    drop(agent);
    site.drain();
    let expect = [numbered("new", 0..10), "half and the rest\nfirst\n".into(), numbered("later", 0..5)];
    assert_eq!(site.lines(), once(&expect.concat()));
    assert!(site.strands().iter().any(|(begins, _)| *begins == old.len() as u64));
    let agent = site.agent();
    assert_eq!(agent.core().skipped().0, old.len() as u64 + 168 + 6 + archive, "for as long as the state is");
}

#[test]
fn a_file_that_comes_while_the_agent_is_down_is_read_from_its_beginning() {
    let mut site = site();
    site.append("app.log", numbered("old", 0..100));
    let mut agent = site.agent();
    assert!(agent.core().is_meeting());
    site.step(&mut agent);
    assert!(!agent.core().is_meeting());
    drop(agent);
    site.append("app.log", numbered("new", 0..10));
    site.append("later.log", numbered("later", 0..10));
    site.drain();
    assert_eq!(site.lines(), once(&[numbered("new", 0..10), numbered("later", 0..10)].concat()));
}

#[test]
fn a_source_that_has_nothing_at_first_is_met_all_the_same() {
    let mut site = site();
    let mut agent = site.agent();
    site.work(&mut agent);
    drop(agent);
    site.append("app.log", numbered("new", 0..10));
    site.drain();
    assert_eq!(site.lines(), once(&numbered("new", 0..10)));
}

#[test]
fn old_files_are_known_when_they_are_rotated_and_compressed() {
    let mut site = site();
    site.append("app.log", numbered("old", 0..200));
    let mut agent = site.agent();
    site.work(&mut agent);
    drop(agent);
    // All of it happens while the agent is down.
    site.append("app.log", numbered("new", 0..10));
    site.rename("app.log", "app.log.1");
    site.compress("app.log.1");
    site.append("app.log", numbered("next", 0..10));
    site.drain();
    assert_eq!(site.lines(), once(&[numbered("new", 0..10), numbered("next", 0..10)].concat()));
}

#[test]
fn a_file_that_begins_anew_is_read_from_its_new_beginning() {
    let mut site = site();
    site.append("app.log", numbered("old", 0..200));
    site.append("other.log", numbered("old", 0..200));
    let mut agent = site.agent();
    site.step(&mut agent);
    // One before it was looked into, the other after.
    fs::write(site.path("app.log"), numbered("anew", 0..5)).unwrap();
    site.work(&mut agent);
    fs::write(site.path("other.log"), numbered("again", 0..5)).unwrap();
    site.wait(&mut agent, 5);
    drop(agent);
    site.drain();
    assert_eq!(site.lines(), once(&[numbered("anew", 0..5), numbered("again", 0..5)].concat()));
}

#[test]
fn a_last_line_longer_than_the_limit_is_cut_where_it_was() {
    let mut site = site();
    site.settings.sources[0].line_bytes_max = 70 << 10;
    site.append("app.log", "x".repeat(100 << 10));
    site.append("near.log", format!("old\n{}", "y".repeat(66 << 10)));
    let mut agent = site.agent();
    site.work(&mut agent);
    drop(agent);
    site.append("app.log", "z\nnew\n");
    site.append("near.log", "\n");
    site.drain();
    let expect = format!("z\nnew\n{}\n", "y".repeat(66 << 10));
    assert_eq!(site.lines(), once(&expect));
}

#[test]
fn a_source_that_shipped_from_the_beginning_has_no_old_files_any_more() {
    let mut site = Site::new();
    site.append("app.log", numbered("one", 0..10));
    site.drain();
    site.settings.sources[0].start_at = StartAt::End;
    site.append("later.log", numbered("two", 0..10));
    site.drain();
    assert_eq!(site.lines(), once(&[numbered("one", 0..10), numbered("two", 0..10)].concat()));
}

#[test]
fn of_a_source_under_a_new_name_known_files_go_on() {
    let mut site = site();
    site.append("app.log", numbered("old", 0..10));
    let mut agent = site.agent();
    site.work(&mut agent);
    drop(agent);
    site.append("app.log", numbered("new", 0..10));
    site.append("later.log", numbered("later", 0..10));
    site.settings.sources[0].name = "renamed".parse().unwrap();
    site.drain();
    assert_eq!(site.lines(), once(&numbered("new", 0..10)));
}

#[test]
fn a_state_of_many_old_files_is_recorded_in_few_steps() {
    let mut site = site();
    for number in 0..600 {
        site.append(&format!("{number}.log"), numbered(&format!("old {number}"), 0..3));
    }
    let mut agent = site.agent();
    site.step(&mut agent);
    assert_eq!(site.recovered().old_files.len(), 600);
    for _ in 0..300 {
        site.step(&mut agent);
    }
    assert_eq!(site.recovered().strands.len(), 0, "not one by one");
    site.work(&mut agent);
    let recovered = site.recovered();
    assert_eq!((recovered.strands.len(), recovered.old_files.len()), (600, 0));
    assert_eq!(recovered.files.len(), 600);
}

#[derive(Clone, Debug)]
enum Deed {
    Append(usize, u32),
    Rotate(usize),
    Compress(usize),
    /// The agent looks and does so many things; then it is killed, or goes on.
    Run {
        steps: usize,
        killed: bool,
    },
    Outage(bool),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        4 => (0..3usize, 1..60u32).prop_map(|(log, lines)| Deed::Append(log, lines)),
        2 => (0..3usize).prop_map(Deed::Rotate),
        1 => (0..3usize).prop_map(Deed::Compress),
        4 => (0..20usize, any::<bool>()).prop_map(|(steps, killed)| Deed::Run { steps, killed }),
        1 => any::<bool>().prop_map(Deed::Outage),
    ];
    proptest::collection::vec(deed, 0..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// From the moment on at which the sources are met, whatever stops the agent.
    #[test]
    fn every_new_line_is_shipped_once(old in proptest::collection::vec(0..80u32, 3), deeds in deeds()) {
        let mut site = site();
        let name = |log: usize| format!("app-{log}.log");
        for (log, lines) in old.iter().enumerate() {
            site.append(&name(log), numbered(&format!("old {log}"), 0..*lines));
        }
        let mut agent = site.agent();
        site.step(&mut agent);
        let mut written = [0; 3];
        for deed in deeds {
            match deed {
                Deed::Append(log, lines) => {
                    site.append(&name(log), numbered(&format!("new {log}"), written[log]..written[log] + lines));
                    written[log] += lines;
                }
                Deed::Rotate(log) => {
                    let (path, rotated) = (name(log), format!("{}.1", name(log)));
                    if site.path(&path).exists() && !site.path(&rotated).exists() {
                        site.rename(&path, &rotated);
                    }
                }
                Deed::Compress(log) => {
                    let rotated = format!("{}.1", name(log));
                    if site.path(&rotated).exists() && !site.path(&format!("{rotated}.gz")).exists() {
                        site.compress(&rotated);
                    }
                }
                Deed::Run { steps, killed } => {
                    if killed {
                        drop(agent);
                        agent = site.agent();
                    } else {
                        site.now = site.now.saturating_add_micros(2_000_000);
                        site.scan(&mut agent);
                    }
                    for _ in 0..steps {
                        site.step(&mut agent);
                    }
                }
                Deed::Outage(is_outage) => site.is_outage = is_outage,
            }
        }
        drop(agent);
        site.drain();
        let lines = site.lines();
        for (log, count) in written.into_iter().enumerate() {
            for line in numbered(&format!("new {log}"), 0..count).lines() {
                prop_assert_eq!(lines.get(line), Some(&1), "{}", line);
            }
        }
        prop_assert!(lines.values().all(|count| *count == 1));
    }
}
