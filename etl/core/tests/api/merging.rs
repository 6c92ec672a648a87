//! Files of one partition made one: the same rows, once, sorted, whatever the files were.

use crate::support::{Collected, Part, Row, chunk, member, rows_of};
use bytes::Bytes;
use headrig_contract::chunk::Codec;
use headrig_etl::{
    BatchRun, LakeFile, Settings, Table,
    compact::{Footer, Input, merge},
};
use std::collections::BTreeMap;

const LEVELS: [&str; 3] = ["INFO", "WARN", "ERROR"];

/// The files of a batch of its own stream: lines of an application and of a web server, out of order.
fn batch(id: &str, number: u64, lines: u64) -> Vec<LakeFile> {
    let line = |n: u64| {
        let second = (n * 7919 + number * 13) % 60;
        match n % 3 {
            0 => format!(
                "10.0.{number}.{n} - - [21/Sep/2026:14:13:{second:02} +0000] \"GET /{n}?b={number} HTTP/1.1\" 200 {n}\n"
            ),
            1 => format!(
                "2026-09-21T14:13:{second:02}Z {} k{n}=v{n} n={number}\n",
                LEVELS[(n % 9 / 3) as usize]
            ),
            _ => format!("nothing that anybody knows {n} of {number}\n"),
        }
    };
    let text: String = (0..lines).map(line).collect();
    let bytes = chunk(Codec::Zstd, &[vec![Part::new(number, 100 * number, text)]]);
    let settings = Settings::default();
    let (mut run, mut sink) = (BatchRun::new(id, &settings), Collected::default());
    run.object(&member(id, &bytes), &bytes, &mut sink).unwrap();
    run.finish(&mut sink).unwrap();
    sink.0
}

fn by_partition(batches: &[Vec<LakeFile>]) -> BTreeMap<String, Vec<LakeFile>> {
    let mut partitions: BTreeMap<String, Vec<LakeFile>> = BTreeMap::new();
    for file in batches.iter().flatten() {
        let partition = file.path.rsplit_once('/').unwrap().0.to_owned();
        partitions.entry(partition).or_default().push(file.clone());
    }
    partitions
}

fn table(path: &str) -> Table {
    if path.starts_with("logs/") { Table::Logs } else { Table::Metrics }
}

fn merged(partition: &str, files: &[LakeFile]) -> LakeFile {
    let open = |file: &LakeFile| Input::open(table(partition), Bytes::from(file.bytes.clone())).unwrap();
    let bytes = merge("c0", &files.iter().map(open).collect::<Vec<_>>()).unwrap();
    LakeFile {
        path: format!("{partition}/c0.parquet"),
        bytes,
        rows: files.iter().map(|file| file.rows).sum(),
    }
}

fn sorted(mut rows: Vec<Row>) -> Vec<Row> {
    rows.sort();
    rows
}

#[test]
fn a_merged_file_has_every_row_once_and_sorted() {
    let batches = [batch("a0", 1, 300), batch("b0", 2, 40), batch("c0", 3, 1)];
    let partitions = by_partition(&batches);
    assert!(partitions.len() >= 5, "{:?}", partitions.keys());
    for (partition, files) in partitions {
        let one = merged(&partition, &files);
        let rows = rows_of(&one);
        let sorted_by = if table(&partition) == Table::Logs { "ts" } else { "minute" };
        let times: Vec<i64> = rows.iter().map(|row| row[sorted_by].parse().unwrap()).collect();
        assert!(times.is_sorted(), "{partition}");
        assert_eq!(sorted(rows), sorted(files.iter().flat_map(rows_of).collect()), "{partition}");
    }
}

#[test]
fn the_footer_tells_each_batchs_share_also_after_merging_again() {
    let batches = [batch("a0", 1, 90), batch("b0", 2, 60), batch("c0", 3, 30)];
    for (partition, files) in by_partition(&batches) {
        let pair = merged(&partition, &files[..files.len() - 1]);
        let again = merged(&partition, &[pair, files[files.len() - 1].clone()]);
        let footer = Footer::read(table(&partition), &Bytes::from(again.bytes.clone())).unwrap();
        let mut lines = 0;
        for file in &files {
            let own = Footer::read(table(&partition), &Bytes::from(file.bytes.clone())).unwrap();
            let (id, share) = own.shares().iter().next().unwrap();
            assert_eq!((footer.shares().of_batch(id), share.rows), (share, file.rows), "{partition} {id}");
            assert!(share.lines >= share.rows, "{partition} {id}");
            lines += share.lines;
        }
        assert_eq!((footer.shares().sum().rows, footer.shares().sum().lines), (again.rows, lines));
        assert_eq!(footer.shares().iter().count(), files.len());
        assert_eq!(footer.raw_bytes(), files.iter().map(|file| raw_bytes(&partition, file)).sum::<u64>());
    }
}

fn raw_bytes(partition: &str, file: &LakeFile) -> u64 {
    let column = if table(partition) == Table::Logs { "length" } else { "bytes" };
    rows_of(file).iter().map(|row| row[column].parse::<u64>().unwrap()).sum()
}

#[test]
fn the_same_files_give_the_same_bytes() {
    let make = || by_partition(&[batch("a0", 1, 90), batch("b0", 2, 60)]);
    for ((partition, files), (_, same)) in make().into_iter().zip(make()) {
        assert!(merged(&partition, &files).bytes == merged(&partition, &same).bytes, "{partition}");
    }
}

#[test]
fn rows_of_the_same_time_keep_the_order_of_the_inputs() {
    let batches = [batch("a0", 1, 400), batch("b0", 2, 400)];
    for (partition, files) in by_partition(&batches).into_iter().filter(|(path, _)| path.starts_with("logs/"))
    {
        let rows = rows_of(&merged(&partition, &files));
        for pair in rows.windows(2).filter(|pair| pair[0]["ts"] == pair[1]["ts"]) {
            let place = |row: &Row| (row["path"].clone(), row["offset"].parse::<u64>().unwrap());
            assert!(place(&pair[0]) < place(&pair[1]), "{partition}");
        }
    }
}

#[test]
fn what_is_not_this_tables_file_is_refused() {
    let files = batch("a0", 1, 30);
    let logs = Bytes::from(files.iter().find(|file| file.path.starts_with("logs/")).unwrap().bytes.clone());
    assert!(Input::open(Table::Metrics, logs.clone()).is_err());
    assert!(Input::open(Table::Logs, logs.slice(..logs.len() - 1)).is_err());
    assert!(Input::open(Table::Logs, Bytes::new()).is_err());
    assert!(Input::open(Table::Logs, logs).is_ok());
}
