//! The steps, cut short after each and within each, beside a reader that reads by listing the folder.

use super::*;
use headrig_contract::{ContentHash, ObjectKey, UnixMicros};
use headrig_etl::{BatchRun, LakeFile, LakeSink, Member, RowSpan, Settings, read_spans};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tempfile::TempDir;

const PATH: &str = "logs/year=2026/month=09/day=21/level=info/event_type=http_access";
/// Lines of each batch.
const LINES: u64 = 40;

struct FolderSink<'f>(&'f Path);

impl LakeSink for FolderSink<'_> {
    fn write(&mut self, file: LakeFile) -> io::Result<()> {
        let path = self.0.join(&file.path);
        fs::create_dir_all(path.parent().unwrap())?;
        fs::write(path, file.bytes)
    }
}

/// A row by its bytes, as readers tell rows apart.
type Place = (String, i64);

/// A lake of some batches, one of which is not settled, and a file that nobody knows.
struct Lake(TempDir);

impl Lake {
    fn of_batches(batches: u64) -> Self {
        let lake = Self(TempDir::new().unwrap());
        (0..batches).for_each(|batch| lake.load(batch));
        fs::create_dir(lake.root().join("scratch")).unwrap();
        fs::write(lake.root().join(PATH).join("note.txt"), "by hand").unwrap();
        lake
    }

    fn root(&self) -> &Path {
        self.0.path()
    }

    fn scratch(&self) -> PathBuf {
        self.root().join("scratch")
    }

    fn load(&self, batch: u64) {
        let line = |n: u64| {
            format!(
                "10.0.0.1 - - [21/Sep/2026:14:{:02}:{:02} +0000] \"GET /{batch}/{n} HTTP/1.1\" 200 9\n",
                n % 60,
                batch % 60
            )
        };
        let bytes = (0..LINES).map(line).collect::<String>().into_bytes();
        let settings = Settings::default();
        let id = format!("{batch:04x}");
        let key = ObjectKey::parse(&format!("host=h/source=s/{id}.log")).unwrap();
        let member = Member { key, hash: ContentHash::of(&bytes), modified: UnixMicros(0) };
        let (mut run, mut sink) = (BatchRun::new(&id, &settings), FolderSink(self.root()));
        run.object(&member, &bytes, &mut sink).unwrap();
        run.finish(&mut sink).unwrap();
    }

    /// The partition with a plan over all but the last batch, `unsettled`.
    fn planned(&self, unsettled: u64) -> Partition {
        let mut partition = Partition::list(Table::Logs, self.root(), PATH).unwrap();
        let last = format!("{unsettled:04x}");
        partition.choose(|batch| Ok(batch != last)).unwrap();
        assert_eq!(partition.take_unreadable(), []);
        partition
    }

    /// Every row of the partition, as a reader sees it that lists the folder and opens the files; none where a file
    /// is gone before it is opened, which such a reader is told of.
    fn rows(&self) -> Option<Vec<Place>> {
        let mut rows = Vec::new();
        for entry in fs::read_dir(self.root().join(PATH)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "parquet") {
                let take = |row: RowSpan<'_>| rows.push((row.stream.to_owned(), row.offset));
                read_spans(File::open(path).ok()?, take).unwrap();
            }
        }
        rows.sort();
        Some(rows)
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = fs::read_dir(self.root().join(PATH)).unwrap().map(Result::unwrap);
        entries
            .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
            .collect()
    }

    /// What a run does from whatever it finds.
    fn compact(&self, unsettled: u64) {
        clear(&self.scratch()).unwrap();
        let partition = self.planned(unsettled);
        let steps = partition.steps();
        if !steps.is_empty() {
            partition.perform(&steps, &self.scratch().join("0")).unwrap().remove().unwrap();
        }
    }
}

#[test]
fn whatever_step_a_run_is_cut_short_after_readers_see_every_row_once_and_the_next_run_ends_it() {
    let whole = Lake::of_batches(5);
    whole.compact(4);
    let (expect, files) = (whole.rows().unwrap(), whole.files());
    assert_eq!(expect.len() as u64, 5 * LINES);
    assert_eq!(files.len(), 3, "one of four batches, the unsettled one's, the note: {:?}", files.keys());
    let number = Lake::of_batches(5).planned(4).steps().len();
    assert!(number >= 6);
    for cut in 0..=number {
        let lake = Lake::of_batches(5);
        let partition = lake.planned(4);
        for step in &partition.steps()[..cut] {
            partition.step(step, &lake.scratch().join("0")).unwrap();
            assert_eq!(lake.rows().as_ref(), Some(&expect), "after {step:?}");
        }
        lake.compact(4);
        assert_eq!(lake.rows().as_ref(), Some(&expect), "cut after {cut}");
        assert!(lake.files() == files, "cut after {cut} steps it comes to other files");
        assert_eq!(fs::read_dir(lake.scratch()).unwrap().count(), 0, "cut after {cut}");
    }
}

#[test]
fn a_run_that_is_cut_short_within_a_step_is_begun_anew() {
    let whole = Lake::of_batches(5);
    whole.compact(4);
    let torn_merge = |lake: &Lake| {
        let partition = lake.planned(4);
        for step in partition.steps().iter().take(2) {
            partition.step(step, &lake.scratch().join("0")).unwrap();
        }
        let file = fs::read_dir(lake.scratch().join("0")).unwrap().next().unwrap().unwrap().path();
        let length = fs::metadata(&file).unwrap().len();
        File::options().write(true).open(file).unwrap().set_len(length / 2).unwrap();
    };
    let half_removed = |lake: &Lake| {
        let partition = lake.planned(4);
        partition.perform(&partition.steps(), &lake.scratch().join("0")).unwrap();
        fs::remove_file(lake.scratch().join("0/0001-000.parquet")).unwrap();
    };
    for cut in [&torn_merge as &dyn Fn(&Lake), &half_removed] {
        let lake = Lake::of_batches(5);
        cut(&lake);
        assert_eq!(lake.rows(), whole.rows());
        lake.compact(4);
        assert!(lake.files() == whole.files());
    }
}

#[test]
fn a_second_run_finds_nothing_to_do_and_late_rows_are_taken_in() {
    let lake = Lake::of_batches(4);
    lake.compact(9);
    let files = lake.files();
    assert_eq!(lake.planned(9).steps(), []);
    lake.load(7);
    lake.compact(7);
    assert_eq!(lake.files().len(), files.len() + 1, "the late batch is not settled yet");
    lake.compact(9);
    assert_eq!((lake.files().len(), lake.rows().unwrap().len() as u64), (2, 5 * LINES));
}

#[test]
fn a_reader_that_goes_on_meanwhile_sees_every_row_once_or_is_told_to_look_again() {
    let lake = Arc::new(Lake::of_batches(12));
    let expect = lake.rows().unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let reader = {
        let (lake, ended, expect) = (lake.clone(), ended.clone(), expect.clone());
        thread::spawn(move || {
            let mut looks = 0;
            while !ended.load(Ordering::Relaxed) {
                if let Some(rows) = lake.rows() {
                    assert_eq!(rows, expect);
                    looks += 1;
                }
            }
            looks
        })
    };
    for unsettled in 0..12 {
        // Each time one batch more becomes settled, so that each run has something to do.
        clear(&lake.scratch()).unwrap();
        let mut partition = Partition::list(Table::Logs, lake.root(), PATH).unwrap();
        partition.choose(|batch| Ok(u64::from_str_radix(batch, 16).unwrap() <= unsettled)).unwrap();
        let steps = partition.steps();
        if !steps.is_empty() {
            partition.perform(&steps, &lake.scratch().join("0")).unwrap();
            // The reader may still list what was switched from, as in the command, which waits.
            thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    ended.store(true, Ordering::Relaxed);
    assert!(reader.join().unwrap() > 0);
    assert_eq!(lake.rows(), Some(expect));
}

#[test]
fn a_damaged_file_stays_and_so_do_its_rows() {
    let lake = Lake::of_batches(3);
    let path = lake.root().join(PATH).join("0001-000.parquet");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let mut partition = Partition::list(Table::Logs, lake.root(), PATH).unwrap();
    partition.choose(|_| Ok(true)).unwrap();
    let left = partition.take_unreadable();
    assert_eq!(left.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["0001-000.parquet"]);
    partition.perform(&partition.steps(), &lake.scratch().join("0")).unwrap();
    assert_eq!(fs::read(&path).unwrap().len(), bytes.len() - 3);

    // Damage between a sound head and a sound footer is found in the middle of the work.
    let lake = Lake::of_batches(3);
    let path = lake.root().join(PATH).join("0001-000.parquet");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 3;
    bytes[4..middle].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    let before = lake.files();
    let partition = lake.planned(9);
    let failure = partition.perform(&partition.steps(), &lake.scratch().join("0")).unwrap_err();
    assert!(matches!(failure, Failure::Input(_)), "{failure:?}");
    assert!(lake.files() == before);
}

#[test]
fn a_folder_within_a_partition_keeps_all_of_it_as_it_is() {
    let lake = Lake::of_batches(3);
    fs::create_dir(lake.root().join(PATH).join("more")).unwrap();
    let mut partition = Partition::list(Table::Logs, lake.root(), PATH).unwrap();
    partition.choose(|_| Ok(true)).unwrap();
    assert_eq!(partition.steps(), []);
    assert_eq!(partition.take_unreadable().len(), 1);
}

#[test]
fn what_cannot_be_done_is_told_by_its_step_its_path_and_what_helps() {
    // An input that somebody removed by hand is no matter of the disk: the partition stays.
    let lake = Lake::of_batches(3);
    let partition = lake.planned(9);
    fs::remove_file(lake.root().join(PATH).join("0001-000.parquet")).unwrap();
    match partition.perform(&partition.steps(), &lake.scratch().join("0")).unwrap_err() {
        Failure::Input(reason) => assert!(reason.starts_with("0001-000.parquet: "), "{reason}"),
        Failure::Disk(error) => panic!("{error:#}"),
    }
    assert!(!lake.scratch().join("0").exists(), "the run's next partition would stumble over it");
    // One that stays as it is cannot be linked, and one that cannot be made says why.
    let lake = Lake::of_batches(3);
    let partition = lake.planned(9);
    fs::remove_file(lake.root().join(PATH).join("note.txt")).unwrap();
    let next = lake.scratch().join("missing/0");
    for (next, expect) in [(lake.scratch().join("0"), "linking"), (next, "making")] {
        let Failure::Disk(error) = partition.perform(&partition.steps(), &next).unwrap_err() else {
            panic!("a disk's failure was taken for an input's");
        };
        let message = format!("{error:#}");
        assert!(message.starts_with("leave the lake's files to headrig and run again"), "{message}");
        assert!(message.contains(expect) && message.contains(lake.root().to_str().unwrap()), "{message}");
    }
    let full = disk("writing", Path::new("/lake/x"), ErrorKind::StorageFull.into());
    let Failure::Disk(error) = full else { panic!("{full:?}") };
    assert!(format!("{error:#}").starts_with("free space and run again; nothing is lost: writing /lake/x: "));
}
