use super::*;

const DAY_MICROS: i64 = 86_400_000_000;

fn candidate(name: &str, mebibytes: u64) -> Candidate {
    Candidate { name: name.into(), begins: UnixMicros(0), rows: 0, raw_bytes: mebibytes << 20 }
}

fn inputs(groups: &[Group]) -> Vec<Vec<&str>> {
    groups.iter().map(|group| group.inputs.iter().map(String::as_str).collect()).collect()
}

#[test]
fn small_files_fill_groups_and_large_ones_stay() {
    let files = [("d", 40), ("a", 50), ("big", 64), ("c", 60), ("b", 30), ("e", 1)];
    let groups = plan(files.map(|(name, size)| candidate(name, size)).to_vec());
    assert_eq!(inputs(&groups), [["a", "b"].as_slice(), &["c", "d", "e"]]);
}

#[test]
fn files_of_the_same_time_come_together() {
    let file = |name: &str, begins| Candidate { begins: UnixMicros(begins), ..candidate(name, 60) };
    let groups = plan(vec![file("a", 4), file("b", 1), file("c", 3), file("d", 2)]);
    assert_eq!(inputs(&groups), [["b", "d"], ["c", "a"]]);
}

#[test]
fn a_plan_is_the_same_whatever_the_order_of_the_listing() {
    let mut files: Vec<Candidate> =
        (0..40).map(|number| candidate(&format!("{number:02}"), number % 7)).collect();
    let groups = plan(files.clone());
    files.reverse();
    assert_eq!(plan(files), groups);
}

#[test]
fn what_was_compacted_is_left_alone_until_more_comes() {
    assert_eq!(plan(vec![candidate("compact", 3)]), []);
    assert_eq!(plan(Vec::new()), []);
    let again = plan(vec![candidate("compact", 3), candidate("late", 1)]);
    assert_eq!(inputs(&again), [["compact", "late"]]);
}

#[test]
fn many_empty_files_make_groups_of_a_bounded_number() {
    let files: Vec<Candidate> = (0..1_100).map(|number| candidate(&format!("{number:04}"), 0)).collect();
    let sizes: Vec<usize> = plan(files).iter().map(|group| group.inputs.len()).collect();
    assert_eq!(sizes, [INPUTS_MAX, INPUTS_MAX, 1_100 - 2 * INPUTS_MAX]);
}

#[test]
fn the_steps_of_very_many_files_take_no_time() {
    // Comparing each file with each would take minutes here.
    let files: Vec<String> = (0..200_000).map(|number| format!("{number:06}")).collect();
    let (go, stay) = files.split_at(150_000);
    let groups = plan(go.iter().map(|name| candidate(name, 0)).collect());
    let number = groups.len();
    let steps = steps(&files, groups);
    let kept = steps.iter().filter_map(|step| match step {
        Step::Keep(name) => Some(name),
        _ => None,
    });
    assert!(kept.eq(stay));
    assert_eq!(steps.len(), number + stay.len() + 5);
}

#[test]
fn rows_of_next_to_nothing_have_their_weight() {
    let rows = TARGET_BYTES / ROW_BYTES / 2;
    let file = |name: &str| Candidate { name: name.into(), begins: UnixMicros(0), rows, raw_bytes: rows };
    assert_eq!(plan(vec![file("a"), file("b")]), []);
}

#[test]
fn other_inputs_give_another_name() {
    let of = |names: [&str; 2]| Group::of(names.map(str::to_owned).to_vec());
    assert_eq!(of(["a", "b"]), of(["a", "b"]));
    assert_ne!(of(["a", "b"]).name(), of(["a", "c"]).name());
    assert_ne!(of(["a", "b"]).name(), of(["ab", ""]).name());
}

#[test]
fn names_are_those_that_headrig_gives_and_no_others() {
    let id = ContentHash::of(b"x").to_string();
    let compacted = format!("compact-{id}.parquet");
    assert_eq!(FileName::parse(&compacted), Some(FileName::Compacted { id: &id }));
    assert_eq!(FileName::parse("b0-012.parquet"), Some(FileName::OfBatch { batch: "b0", number: 12 }));
    assert_eq!(FileName::parse("b0-1234.parquet"), Some(FileName::OfBatch { batch: "b0", number: 1234 }));
    for wrong in [
        "b0-12.parquet",
        "b0-0012.parquet",
        "compact-b0.parquet",
        "compact-000.parquet",
        "-000.parquet",
        "xy-000.parquet",
        "b0-000.parquet.tmp",
    ] {
        assert_eq!(FileName::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_day_is_closed_once_it_ended_so_long_ago() {
    let now = UnixMicros(20_000 * DAY_MICROS + DAY_MICROS / 2);
    let closed = |days: i32, age_micros| {
        is_closed(&format!("logs/{}/level=info", date_path(20_000 + days)), now, age_micros)
    };
    assert!(!closed(0, 0) && closed(-1, 0) && !closed(1, 0));
    assert!(closed(-1, DAY_MICROS / 2) && !closed(-1, DAY_MICROS / 2 + 1));
    assert!(!is_closed("logs/level=info", now, 0) && !is_closed("", now, 0));
}

#[test]
fn every_file_goes_into_the_next_folder_once_and_the_switch_comes_after_all_of_them() {
    let files: Vec<String> = ["a", "b", "big", "stranger"].map(str::to_owned).to_vec();
    let group = Group::of(vec!["a".into(), "b".into()]);
    let steps = steps(&files, vec![group.clone()]);
    let expect = [
        Step::Make,
        Step::Merge(group),
        Step::Keep("big".into()),
        Step::Keep("stranger".into()),
        Step::Settle,
        Step::Switch,
        Step::SettleSwitch,
        Step::Remove,
    ];
    assert_eq!(steps, expect);
    assert_eq!(super::steps(&files, Vec::new()), []);
}
