//! Alerts: from lines to what people are told, once for each incident, whatever becomes of batches and runs.

mod built_in;
mod racing;
mod remembering;

use crate::support::{Part, chunk, run};
use headrig_contract::{UnixMicros, chunk::Codec};
use headrig_etl::{
    Settings,
    alerts::{
        Figures, Notice, State,
        telling::{Came, Figure, NOTE, take_in},
    },
    config::parse,
};
use headrig_notices::{CallError, MemoryNotes, NOTE_BYTES_MAX, NoteBook, Notifier};
use std::{cell::RefCell, fmt::Write, sync::LazyLock};

/// 2026-09-21T14:00:00Z, in seconds.
const START: i64 = 1_790_000_000 / 3600 * 3600;

static BUILT_IN: LazyLock<Settings> = LazyLock::new(|| parse("").unwrap());

/// Hears what people are told; fails as often as it is to.
#[derive(Default)]
struct Ears {
    heard: RefCell<Vec<(String, String)>>,
    fails: RefCell<usize>,
}

impl Notifier for Ears {
    fn tell(&self, subject: &str, text: &str) -> Result<(), CallError> {
        let mut fails = self.fails.borrow_mut();
        if *fails > 0 {
            *fails -= 1;
            return Err(CallError::Unavailable { action: "tell", reason: "nobody is there".into() });
        }
        self.heard.borrow_mut().push((subject.into(), text.into()));
        Ok(())
    }
}

/// Who runs batches, with a memory.
#[derive(Default)]
struct Runner {
    notes: MemoryNotes,
    ears: Ears,
}

impl Runner {
    /// Takes in a batch of these lines, a while after the last of them was written.
    fn batch(&self, id: &str, text: &str) -> Vec<Notice> {
        self.figures(id, &figures(&BUILT_IN, text))
    }

    fn figures(&self, id: &str, figures: &Figures) -> Vec<Notice> {
        self.came(&[Came::Batch(id, figures)], START + 86_400).unwrap()
    }

    fn came(&self, came: &[Came<'_>], seconds: i64) -> Result<Vec<Notice>, CallError> {
        take_in(&BUILT_IN.alerts, came, &self.notes, &self.ears, UnixMicros::from_seconds(seconds))
    }

    fn messages(&self) -> usize {
        self.ears.heard.borrow().len()
    }
}

fn figures(settings: &Settings, text: &str) -> Figures {
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(1, 0, text)]]);
    run(settings, &[("k", &bytes)]).unwrap().batch.figures
}

fn names(notices: &[Notice]) -> Vec<&str> {
    let mut names: Vec<&str> = notices.iter().map(|notice| notice.alert.as_str()).collect();
    names.sort_unstable();
    names
}

fn time(second: i64) -> String {
    let time = jiff::Timestamp::from_second(START + second).unwrap();
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `count` failed logins from an address, `every` seconds from `from` on.
fn failures(address: &str, from: i64, count: i64, every: i64) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let time = time(from + number * every);
        writeln!(
            text,
            "<38>1 {time} web-1 sshd 7 - - Failed password for u{} from {address} port 22 ssh2",
            number % 7
        )
        .unwrap();
        text
    })
}

fn success(address: &str, at: i64) -> String {
    format!("<38>1 {} web-1 sshd 7 - - Accepted password for bob from {address} port 22 ssh2\n", time(at))
}

fn requests(from: i64, count: i64, status: impl Fn(i64) -> u32) -> String {
    (0..count).fold(String::new(), |mut text, number| {
        let time =
            jiff::Timestamp::from_second(START + from + number).unwrap().strftime("%d/%b/%Y:%H:%M:%S +0000");
        writeln!(
            text,
            "192.0.2.{} - - [{time}] \"GET / HTTP/1.1\" {} 10 \"-\" \"-\"",
            number % 200,
            status(number)
        )
        .unwrap();
        text
    })
}

#[test]
fn an_attack_is_told_once_and_again_when_it_was_quiet_for_the_cooldown() {
    let runner = Runner::default();
    assert_eq!(names(&runner.batch("b1", &failures("192.0.2.7", 0, 19, 10))), [""; 0]);
    let told = runner.batch("b2", &failures("192.0.2.7", 190, 10, 10));
    assert_eq!(names(&told), ["brute_force"]);
    assert!(told[0].text.contains("29 failed logins from 192.0.2.7 within 10m"), "{}", told[0].text);
    // It goes on for three hours, and nobody is told again.
    for hour in 0..6 {
        let more = runner.batch(&format!("c{hour}"), &failures("192.0.2.7", 1800 * hour + 300, 30, 10));
        assert_eq!(names(&more), [""; 0], "{hour}");
    }
    assert_eq!(names(&runner.batch("b3", &failures("192.0.2.8", 600, 25, 10))), ["brute_force"]);
    let later = runner.batch("b4", &failures("192.0.2.7", 5 * 3600, 25, 10));
    assert_eq!(names(&later), ["brute_force"]);
    assert_eq!(runner.messages(), 3);
}

#[test]
fn addresses_that_were_redacted_are_not_one_attacker() {
    let redacting = parse("[[rule]]\nname = 'a'\nredact = { what = ['ipv4'] }").unwrap();
    let text = failures("192.0.2.7", 0, 40, 1);
    for (settings, expect) in [(&*BUILT_IN, true), (&redacting, false)] {
        let told = Runner::default().figures("b1", &figures(settings, &text));
        assert_eq!(names(&told).contains(&"brute_force"), expect, "{told:?}");
    }
}

#[test]
fn an_attack_over_several_batches_is_told_once_in_whatever_order_they_come() {
    let parts: Vec<Figures> =
        (0..4).map(|part| figures(&BUILT_IN, &failures("192.0.2.7", part * 80, 8, 10))).collect();
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
        let runner = Runner::default();
        let told: Vec<Notice> =
            order.iter().flat_map(|part| runner.figures(&format!("b{part}"), &parts[*part])).collect();
        assert_eq!(names(&told), ["brute_force"], "{order:?}");
    }
}

#[test]
fn what_a_retry_or_a_zombie_brings_again_tells_nothing_and_counts_for_nothing() {
    let runner = Runner::default();
    let half = figures(&BUILT_IN, &failures("192.0.2.7", 0, 12, 10));
    for _ in 0..3 {
        assert_eq!(names(&runner.figures("b1", &half)), [""; 0]);
    }
    assert_eq!(names(&runner.figures("b2", &half)), ["brute_force"]);
    assert_eq!(names(&runner.figures("b2", &half)), [""; 0]);
    assert_eq!(runner.messages(), 1);
}

#[test]
fn the_parts_of_a_batch_add_up_to_the_batch() {
    let (one, other) = (failures("192.0.2.7", 0, 15, 10), failures("192.0.2.7", 150, 15, 10));
    let mut parts = figures(&BUILT_IN, &one);
    parts.merge(&figures(&BUILT_IN, &other));
    assert_eq!(parts, figures(&BUILT_IN, &(one + &other)));
}

#[test]
fn a_login_behind_many_failures_is_told_of_and_one_before_them_is_not() {
    let runner = Runner::default();
    let told = runner.batch("b1", &(failures("192.0.2.7", 0, 15, 20) + &success("192.0.2.7", 900)));
    assert!(names(&told).contains(&"login_after_failures"), "{told:?}");
    assert_eq!(told[0].severity.as_str(), "critical");
    let told = runner.batch("b2", &(success("192.0.2.9", 0) + &failures("192.0.2.9", 1200, 15, 20)));
    assert!(!names(&told).contains(&"login_after_failures"), "{told:?}");
    let told = runner.batch("b3", &(failures("192.0.2.10", 0, 15, 20) + &success("192.0.2.11", 900)));
    assert!(!names(&told).contains(&"login_after_failures"), "{told:?}");
}

#[test]
fn a_share_of_failed_requests_is_told_of_and_a_few_are_not() {
    let runner = Runner::default();
    assert_eq!(
        names(&runner.batch("b1", &requests(0, 300, |number| if number % 40 == 0 { 503 } else { 200 }))),
        [""; 0]
    );
    assert_eq!(names(&runner.batch("b2", &requests(3600, 8, |_| 503))), [""; 0]);
    let told = runner.batch("b3", &requests(7200, 300, |number| if number % 10 == 0 { 503 } else { 200 }));
    assert_eq!(names(&told), ["http_5xx"]);
    assert!(told[0].text.starts_with("10.0 % of the requests to web-1 (nginx)"), "{}", told[0].text);
}

#[test]
fn errors_are_held_against_the_past_of_their_source() {
    let lines = |from: i64, count: i64, error_every: i64| {
        (0..count).fold(String::new(), |mut text, number| {
            let level = if number % error_every == 0 { "ERROR" } else { "INFO" };
            writeln!(text, "{} {level} step {number}", time(from + number)).unwrap();
            text
        })
    };
    // A source that is new, and one that always has as many errors, is nobody's news.
    let runner = Runner::default();
    for hour in 0..8 {
        let told = runner.batch(&format!("b{hour}"), &lines(hour * 1800, 600, 5));
        assert_eq!(names(&told), [""; 0], "{hour}");
    }
    // One that had few has many.
    let runner = Runner::default();
    for hour in 0..8 {
        assert_eq!(names(&runner.batch(&format!("b{hour}"), &lines(hour * 1800, 600, 300))), [""; 0]);
    }
    assert_eq!(names(&runner.batch("jump", &lines(8 * 1800, 600, 5))), ["errors_jump"]);
    // The same within one batch: the first import of a log.
    let all: String =
        (0..8).map(|hour| lines(hour * 1800, 600, 300)).collect::<String>() + &lines(8 * 1800, 600, 5);
    assert_eq!(names(&Runner::default().batch("all", &all)), ["errors_jump"]);
}

#[test]
fn a_source_that_was_heard_regularly_and_falls_silent_is_told_of_once() {
    let runner = Runner::default();
    let text = "2026-09-21T14:00:00Z INFO x\n";
    let heard = figures(&BUILT_IN, text);
    let hour = 3600;
    for at in 0..20 {
        let told = runner.came(&[Came::Batch(&format!("b{at}"), &heard)], START + at * hour).unwrap();
        assert_eq!(names(&told), [""; 0]);
    }
    let tick = |at: i64| runner.came(&[Came::Time], START + at * hour).unwrap();
    assert_eq!(names(&tick(24)), [""; 0]);
    let told = tick(26);
    assert_eq!(names(&told), ["silence"]);
    assert!(told[0].text.contains("web-1 (nginx) for 7h"), "{}", told[0].text);
    assert_eq!(names(&tick(48)), [""; 0]);
    // What came once, long ago, is no source to wait for.
    let once = Runner::default();
    once.came(&[Came::Batch("b", &heard)], START).unwrap();
    assert_eq!(names(&once.came(&[Came::Time], START + 100 * hour).unwrap()), [""; 0]);
}

#[test]
fn what_the_runner_sees_is_told_once_until_it_was_quiet() {
    let runner = Runner::default();
    let lost = |at: i64| {
        runner.came(&[Came::Seen(Figure::BytesLost, "host=web-1", "77 bytes of a.log")], START + at).unwrap()
    };
    let told = lost(0);
    assert_eq!(told[0].text, "lines were gone before they could be read: 77 bytes of a.log");
    assert_eq!(names(&lost(1800)), [""; 0]);
    assert_eq!(names(&lost(1800 + 7200)), ["bytes_lost"]);
}

#[test]
fn what_could_not_be_told_is_told_the_next_time() {
    let runner = Runner::default();
    *runner.ears.fails.borrow_mut() = 1;
    let attack = figures(&BUILT_IN, &failures("192.0.2.7", 0, 25, 10));
    assert!(runner.came(&[Came::Batch("b1", &attack)], START + 600).is_err());
    assert_eq!(names(&runner.came(&[Came::Batch("b1", &attack)], START + 700).unwrap()), [""; 0]);
    let heard = runner.ears.heard.borrow();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0, "headrig alert: high brute_force");
    assert!(heard[0].1.starts_with("high brute_force: 25 failed logins from 192.0.2.7"), "{}", heard[0].1);
}

#[test]
fn history_is_listed_and_wakes_nobody() {
    let runner = Runner::default();
    let attack = figures(&BUILT_IN, &failures("192.0.2.7", 0, 25, 10));
    let told = runner.came(&[Came::Batch("b1", &attack)], START + 30 * 86_400).unwrap();
    assert_eq!((names(&told), runner.messages()), (vec!["brute_force"], 0));
}

#[test]
fn whatever_is_attacked_the_state_fits_its_note() {
    let runner = Runner::default();
    for batch in 0..6_i64 {
        let attack: String = (0..6_000_i64)
            .map(|number| {
                let address = format!("2001:db8:{batch:x}:{number:x}::ffff:ffff:ffff");
                failures(&address, batch * 600 + number % 500, 1 + i64::from(number % 100 == 0) * 20, 1)
            })
            .collect();
        runner.batch(&format!("{batch:064x}"), &attack);
        let (_, bytes) = runner.notes.read(NOTE).unwrap().unwrap();
        assert!(bytes.len() < NOTE_BYTES_MAX, "{} bytes", bytes.len());
        let state: State = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(serde_json::to_vec(&state).unwrap(), bytes);
    }
    assert!(runner.messages() > 0);
}

#[test]
fn lines_of_the_future_do_not_make_the_present_late() {
    let runner = Runner::default();
    let future =
        "<38>1 2150-01-01T00:00:00Z web-1 sshd 7 - - Failed password for u from 192.0.2.99 port 22 ssh2\n";
    runner.batch("b0", future);
    assert_eq!(names(&runner.batch("b1", &failures("192.0.2.7", 0, 12, 10))), [""; 0]);
    runner.batch("b2", future);
    assert_eq!(names(&runner.batch("b3", &failures("192.0.2.7", 120, 12, 10))), ["brute_force"]);
}
