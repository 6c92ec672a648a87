//! What alerts remember: it fits its notes whatever is attacked, and what does not fit is told.

use super::*;
use headrig_etl::alerts::telling::HEARD_NOTE;

const HOUR: i64 = 3600;

/// Figures of batches in which these hosts' sources were heard and nothing else.
fn heard(sites: impl IntoIterator<Item = String>) -> Figures {
    Figures { sites: sites.into_iter().map(|host| (host, "nginx".into())).collect(), ..Figures::default() }
}

fn bytes(runner: &Runner, note: &str) -> usize {
    runner.notes.read(note).unwrap().map_or(0, |(_, bytes)| bytes.len())
}

#[test]
fn an_attack_under_long_names_is_told_and_the_state_fits_its_note() {
    let runner = Runner::default();
    // In JSON each of these letters is two.
    let name = |number: i64| format!("{number:05}{}", "\"".repeat(115));
    for batch in 0..3 {
        let attack = (0..4_000).fold(String::new(), |mut text, number| {
            let (time, name) = (time(batch * 60 + number % 60), name(batch * 4_000 + number));
            writeln!(
                text,
                "<38>1 {time} web-1 sshd 7 - - Failed password for {name} from 192.0.2.7 port 22 ssh2"
            )
            .unwrap();
            text
        });
        let told = runner.batch(&format!("{batch:064x}"), &attack);
        assert_eq!(names(&told).contains(&"brute_force"), batch == 0, "{told:?}");
        assert!(bytes(&runner, NOTE) < NOTE_BYTES_MAX);
    }
}

#[test]
fn of_many_sources_that_report_in_turn_the_one_that_stops_is_told() {
    let runner = Runner::default();
    let host = |number: i64| format!("web-{number:03}");
    for hour in 0..24 {
        for turn in 0..4 {
            let sites = (0..600).filter(|at| at % 4 == turn && (*at != 77 || hour < 20)).map(host);
            let came = START + hour * HOUR + turn * 600;
            let told = runner.came(&[Came::Batch(&format!("{hour}-{turn}"), &heard(sites))], came).unwrap();
            assert_eq!(names(&told), [""; 0], "{hour}");
        }
    }
    let told = runner.came(&[Came::Time], START + 26 * HOUR + 600).unwrap();
    let groups: Vec<&str> = told.iter().map(|notice| notice.group.as_str()).collect();
    assert_eq!(groups, ["host=web-077 source=nginx"]);
    assert_eq!(told[0].text, "nothing came from web-077 (nginx) for 7h, and it came regularly before");
    assert_eq!(names(&runner.came(&[Came::Time], START + 28 * HOUR).unwrap()), [""; 0]);
}

#[test]
fn of_more_sources_than_fit_those_that_were_heard_for_longer_stay_and_it_is_told_once() {
    let runner = Runner::default();
    for hour in 0..24 {
        let known = heard((0..50).filter(|at| *at != 7 || hour < 20).map(|at| format!("known-{at}")));
        // A fleet whose hosts live for an hour, and are of no use to be listened for.
        let number = if hour == 0 { 0 } else { 9_000 };
        let new = (0..number).map(|number| format!("node-{hour}-{number}.eu-central-1.compute.internal"));
        let new = heard(new);
        let at = START + hour * HOUR;
        let (one, other) = (format!("{hour}-known"), format!("{hour}-new"));
        let told = runner.came(&[Came::Batch(&one, &known), Came::Batch(&other, &new)], at).unwrap();
        let own = if hour == 1 { vec!["alerts"] } else { vec![] };
        assert_eq!(names(&told), own, "{hour}: {told:?}");
        assert!(bytes(&runner, HEARD_NOTE) <= NOTE_BYTES_MAX);
    }
    let told = runner.came(&[Came::Time], START + 26 * HOUR).unwrap();
    let groups: Vec<&str> = told.iter().map(|notice| notice.group.as_str()).collect();
    assert_eq!(groups, ["host=known-7 source=nginx"]);
}

#[test]
fn two_alerts_of_silence_do_not_change_what_the_other_hears() {
    let own = "[[alert]]\nname = 'quick'\nfigure = 'silence'\nwindow = '30m'\nmatch.source = 'nginx'";
    let settings = parse(own).unwrap();
    // One comes every two hours: to the quick alert it was never regular. The other comes every five minutes.
    for (every, expect) in [(120, &[("silence", 367)][..]), (5, &[("quick", 35), ("silence", 365)])] {
        let (notes, ears) = (MemoryNotes::default(), Ears::default());
        let mut told = Vec::new();
        let silent_from = 24 * 60;
        for minute in 0..48 * 60 {
            let id = format!("b{minute}");
            let figures = heard(["web-1".to_owned()]);
            let is_heard = minute <= silent_from && minute % every == 0;
            let came = if is_heard { Came::Batch(&id, &figures) } else { Came::Time };
            let now = UnixMicros::from_seconds(START + minute * 60);
            let notices = take_in(&settings.alerts, &[came], &notes, &ears, now).unwrap();
            told.extend(notices.into_iter().map(|notice| (notice.alert, minute - silent_from)));
        }
        let told: Vec<(&str, i64)> = told.iter().map(|(alert, at)| (alert.as_str(), *at)).collect();
        let expect: Vec<(&str, i64)> = expect.to_vec();
        assert_eq!(told.len(), expect.len(), "{told:?}");
        for ((alert, at), (expected, by)) in told.iter().zip(expect) {
            assert!(*alert == expected && (1..=by).contains(at), "{told:?}");
        }
    }
}

#[test]
fn what_a_batch_left_out_and_what_was_forgotten_is_told_once_a_day() {
    let runner = Runner::default();
    let too_much = Figures { left_out: 77, ..Figures::default() };
    let told = runner.figures("b1", &too_much);
    assert_eq!(names(&told), ["alerts"]);
    assert!(told[0].text.contains("77 counts"), "{}", told[0].text);
    assert_eq!(names(&runner.figures("b2", &too_much)), [""; 0]);
    for note in [NOTE, HEARD_NOTE] {
        let runner = Runner::default();
        runner.notes.write(note, None, b"{\"cells\": 7").unwrap();
        let told = runner.batch("b1", &failures("192.0.2.7", 0, 25, 10));
        assert_eq!(names(&told), ["alerts", "brute_force"]);
        assert!(told.iter().any(|notice| notice.text.contains(&format!("`{note}`"))), "{told:?}");
        assert_eq!(names(&runner.batch("b2", &success("192.0.2.9", 0))), [""; 0]);
    }
}

#[test]
fn more_than_is_named_is_said_to_be_in_the_runs_log() {
    let runner = Runner::default();
    let attack: String = (1..40).map(|host| failures(&format!("192.0.2.{host}"), 0, 25, 10)).collect();
    runner.batch("b", &attack);
    let heard = runner.ears.heard.borrow();
    assert!(heard[0].1.contains("\nand 26 more; the run that found them lists them"), "{}", heard[0].1);
}

#[test]
fn a_name_in_braces_that_a_visitor_chose_stays_as_it_is() {
    let settings = parse("[[alert]]\nname = 'mine'\nmatch.event_type = 'auth_failure'\ngroup_by = ['user_name', 'src_ip']\nthreshold = 1\nmessage = '{user_name} from {src_ip} {window}'").unwrap();
    let line = failures("192.0.2.7", 0, 1, 1).replace("u0", "{src_ip}{window}");
    let told = Runner::default();
    let (notes, ears) = (&told.notes, &told.ears);
    let now = UnixMicros::from_seconds(START + 600);
    let notices =
        take_in(&settings.alerts, &[Came::Batch("b", &figures(&settings, &line))], notes, ears, now).unwrap();
    assert_eq!(notices[0].text, "{src_ip}{window} from 192.0.2.7 10m");
}
