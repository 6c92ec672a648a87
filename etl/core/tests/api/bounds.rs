//! Memory is bounded by writing files early; the rows stay the same.

use crate::support::{Part, Row, chunk, rows, run};
use headrig_contract::chunk::Codec;
use headrig_etl::Settings;

fn sorted_rows(settings: &Settings, object: &[u8]) -> (usize, Vec<Row>) {
    let outcome = run(settings, &[("k", object)]).unwrap();
    let mut rows = rows(&outcome.files, "logs/");
    rows.sort();
    (outcome.files.len(), rows)
}

fn lines(count: u32, line: impl Fn(u32) -> String) -> Vec<Part> {
    let text: String = (0..count).map(line).collect();
    vec![Part::new(1, 0, text)]
}

#[test]
fn a_tiny_limit_gives_more_files_with_the_same_rows() {
    let blocks: Vec<Vec<Part>> = (0..20)
        .map(|block| {
            let text: String = (0..200)
                .map(|n| {
                    format!(
                        "2026-09-{:02}T14:13:20Z {} n={n}\n",
                        1 + (block + n) % 4,
                        ["INFO", "ERROR"][n % 2]
                    )
                })
                .collect();
            vec![Part::new(block as u64, 0, text)]
        })
        .collect();
    let object = chunk(Codec::Zstd, &blocks);
    let (few, rows) = sorted_rows(&Settings::default(), &object);
    let (many, same) = sorted_rows(&Settings { arrow_bytes_max: 20_000, ..Settings::default() }, &object);
    assert!(many > 3 * few, "{many} files against {few}");
    assert_eq!((rows.len(), rows), (4000, same));
}

#[test]
fn files_of_one_partition_are_numbered() {
    let object = chunk(Codec::Zstd, &[lines(10, |n| format!("a{n}\n")), vec![Part::new(2, 0, "b\n")]]);
    let outcome = run(&Settings { arrow_bytes_max: 0, ..Settings::default() }, &[("k", &object)]).unwrap();
    let names: Vec<_> = outcome.files.iter().filter_map(|file| file.path.rsplit('/').next()).collect();
    assert_eq!(names, ["b0-000.parquet", "b0-001.parquet", "b0-000.parquet"]);
}
