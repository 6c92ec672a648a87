//! The agent's core against a machine made of values: writes, rotations, truncations and compressions in any
//! order, a power cut at any step. Every line that was not destroyed before it could be read is in the
//! bucket once; none is there twice.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

mod world;

use headrig_agent::core::{Event, Tails};
use headrig_contract::chunk::ChunkReader;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use world::{Machine, Moment};

const LOG: &str = "/log/app.log";
/// The steps after which a run of the agent that does not end would be one that never does.
const STEPS_MAX: usize = 10_000;
/// What every new log begins with: equal first lines.
const BANNER: &[u8] = b"started\n";

#[derive(Clone, Debug)]
enum Step {
    /// Whole lines of this length to the log.
    Append { lines: usize, length: usize },
    /// A line in two writes, with a look in between.
    HalfLine,
    /// Several lines that belong together.
    Trace,
    /// app.log.1 -> app.log.2, app.log -> app.log.1, a new app.log.
    Rotate,
    /// The same, after which app.log.2 becomes app.log.2.gz.
    RotateAndCompress,
    /// app.log is copied to app.log.1 and truncated.
    CopyTruncate,
    /// The same, while the agent looks at the half copy and the whole one.
    SlowCopyTruncate,
    /// Uploads fail for a while.
    Outage(u32),
    /// Every action takes long from here on, or short again.
    Slow(bool),
    /// What is in app.log is destroyed.
    Truncate,
    /// The oldest rotated file goes.
    DeleteOldest,
    /// app.log goes, and comes again.
    Recreate,
    /// The clock goes on.
    Wait,
    /// The agent looks and works until it is done, or until the power fails at the n-th step.
    Run { power_cut: Option<(usize, Moment)> },
    /// The agent works a few steps only, and something else happens meanwhile.
    Work(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let moment = prop_oneof![Just(Moment::Before), Just(Moment::Middle), Just(Moment::After)];
    let step = prop_oneof![
        5 => (1..30usize, prop_oneof![1..60usize, 900..3_000usize]).prop_map(|(lines, length)| Step::Append { lines, length }),
        1 => Just(Step::HalfLine),
        1 => Just(Step::Trace),
        2 => Just(Step::Rotate),
        2 => Just(Step::RotateAndCompress),
        2 => Just(Step::CopyTruncate),
        2 => Just(Step::SlowCopyTruncate),
        1 => (1..4u32).prop_map(Step::Outage),
        1 => any::<bool>().prop_map(Step::Slow),
        1 => Just(Step::Truncate),
        1 => Just(Step::DeleteOldest),
        1 => Just(Step::Recreate),
        2 => Just(Step::Wait),
        4 => proptest::option::of((0..12usize, moment)).prop_map(|power_cut| Step::Run { power_cut }),
        2 => (1..4usize).prop_map(Step::Work),
    ];
    proptest::collection::vec(step, 1..40)
}

struct Story {
    machine: Machine,
    lines_written: u64,
    /// Lines that were on no file any more before the agent was known to have them.
    maybe_lost: BTreeSet<Vec<u8>>,
}

impl Story {
    fn new() -> Self {
        let mut machine = Machine::new();
        machine.disk.create(LOG, BANNER, [machine.now; 2], false);
        Self { machine, lines_written: 0, maybe_lost: BTreeSet::new() }
    }

    fn line(&mut self, length: usize) -> Vec<u8> {
        self.lines_written += 1;
        let mut line = format!("line {:06} ", self.lines_written).into_bytes();
        line.resize(line.len().max(length), b'x');
        line.push(b'\n');
        line
    }

    fn append(&mut self, bytes: &[u8]) {
        let now = self.machine.now;
        if let Some(file) = self.machine.disk.file(LOG) {
            file.bytes.extend_from_slice(bytes);
            file.modified = now;
        }
    }

    /// Empties the log, and returns what was in it.
    fn truncate(&mut self) -> Vec<u8> {
        self.machine.disk.file(LOG).map(|file| std::mem::take(&mut file.bytes)).unwrap_or_default()
    }

    fn destroyed(&mut self, bytes: &[u8]) {
        self.maybe_lost.extend(bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
    }

    fn shift(&mut self, compress: bool) {
        self.delete("/log/app.log.2");
        self.delete("/log/app.log.2.gz");
        self.machine.disk.rename("/log/app.log.1", "/log/app.log.2");
        if compress && let Some(plain) = self.machine.disk.remove("/log/app.log.2") {
            // gzip keeps the modification time.
            let now = self.machine.now;
            self.machine.disk.create("/log/app.log.2.gz", &plain.bytes, [now, plain.modified], true);
        }
    }

    /// Only of logs of at least a KiB: a shorter copy that is seen before the truncation is a log of its own.
    fn slow_copy_truncate(&mut self) {
        let bytes = self.machine.disk.file(LOG).map(|file| file.bytes.clone()).unwrap_or_default();
        if bytes.len() < 1024 {
            return self.act(&Step::CopyTruncate);
        }
        // The agent is up to date when the copy begins.
        self.machine.step_micros = 1_000;
        self.run(None);
        self.machine.now = self.machine.now.saturating_add_micros(3_000_000);
        self.run(None);
        self.shift(false);
        for part in [0, 1, bytes.len() / 3, bytes.len()] {
            let now = self.machine.now;
            match self.machine.disk.file("/log/app.log.1") {
                Some(copy) => (copy.bytes, copy.modified) = (bytes[..part].to_vec(), now),
                None => self.machine.disk.create("/log/app.log.1", &bytes[..part], [now; 2], false),
            }
            self.run(None);
        }
        if let Some(file) = self.machine.disk.file(LOG) {
            file.bytes.clear();
        }
        self.append(b"");
        self.run(None);
    }

    fn delete(&mut self, path: &str) {
        if let Some(inode) = self.machine.disk.remove(path) {
            self.destroyed(&inode.bytes);
        }
    }

    fn act(&mut self, step: &Step) {
        let now = self.machine.now;
        match *step {
            Step::Append { lines, length } => {
                let bytes: Vec<u8> = (0..lines).flat_map(|_| self.line(length)).collect();
                self.append(&bytes);
            }
            Step::HalfLine => {
                let line = self.line(40);
                self.append(&line[..20]);
                self.run(None);
                self.append(&line[20..]);
            }
            Step::Trace => {
                self.append(b"2026-09-21 10:00:00 ERROR boom\n");
                let line = self.line(30);
                self.append(&[b"\tat ", line.as_slice()].concat());
            }
            Step::Rotate | Step::RotateAndCompress => {
                self.shift(matches!(step, Step::RotateAndCompress));
                self.machine.disk.rename(LOG, "/log/app.log.1");
                self.machine.disk.create(LOG, BANNER, [now; 2], false);
            }
            Step::CopyTruncate => {
                self.shift(false);
                let bytes = self.truncate();
                self.machine.disk.create("/log/app.log.1", &bytes, [now; 2], false);
                self.append(b"");
            }
            Step::SlowCopyTruncate => self.slow_copy_truncate(),
            Step::Outage(uploads) => self.machine.uploads_failing = uploads,
            Step::Slow(slow) => self.machine.step_micros = if slow { 400_000 } else { 1_000 },
            Step::Truncate => {
                let bytes = self.truncate();
                self.destroyed(&bytes);
                self.append(b"");
            }
            Step::DeleteOldest => self.delete("/log/app.log.2"),
            Step::Recreate => {
                self.delete(LOG);
                self.machine.disk.create(LOG, BANNER, [now; 2], false);
            }
            Step::Wait => self.machine.now = now.saturating_add_micros(70_000_000),
            Step::Run { power_cut } => self.run(power_cut),
            Step::Work(steps) => {
                self.machine.scan();
                for _ in 0..steps {
                    self.machine.step(None);
                }
            }
        }
        // No two writes at the same microsecond.
        self.machine.now = self.machine.now.saturating_add_micros(10);
    }

    fn run(&mut self, power_cut: Option<(usize, Moment)>) {
        self.machine.scan();
        for number in 0..STEPS_MAX {
            match power_cut {
                Some((at, moment)) if at == number => {
                    self.machine.step(Some(moment));
                    return self.machine.crash(Tails::Leave);
                }
                _ if self.machine.step(None) => {}
                _ => return,
            }
        }
        panic!("the agent found something to do for {STEPS_MAX} steps");
    }

    /// A clean last run to the end of all files.
    fn finish(&mut self) {
        self.machine.crash(Tails::Take);
        (self.machine.uploads_failing, self.machine.step_micros) = (0, 1_000);
        for _ in 0..4 {
            self.machine.now = self.machine.now.saturating_add_micros(10_000_000);
            self.run(None);
        }
        self.machine.tell(Event::Finish);
        while self.machine.step(None) {}
        assert!(self.machine.core().is_drained());
    }

    fn check(&self) {
        let mut strands: BTreeMap<(String, u32), BTreeMap<u64, Vec<u8>>> = BTreeMap::new();
        for bytes in self.machine.bucket.values() {
            let (mut reader, mut raw) = (ChunkReader::new(bytes), Vec::new());
            while let Some(provenance) = reader.next_block(&mut raw).unwrap() {
                let mut rest = raw.as_slice();
                for segment in &provenance.segments {
                    let (head, tail) = rest.split_at(segment.length.0 as usize);
                    rest = tail;
                    let runs = strands.entry((segment.stream.to_string(), segment.generation.0)).or_default();
                    assert!(
                        runs.insert(segment.offset.0, head.to_vec()).is_none(),
                        "two segments at one offset"
                    );
                }
            }
        }
        let mut found: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
        for (strand, runs) in &strands {
            let mut bytes = Vec::new();
            for (offset, run) in runs {
                assert_eq!(*offset, bytes.len() as u64, "strand {strand:?} has a gap or an overlap");
                bytes.extend_from_slice(run);
            }
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                *found.entry(line.strip_prefix(b"\tat ").unwrap_or(line).to_vec()).or_default() += 1;
            }
        }
        let lost: BTreeSet<u64> = self.maybe_lost.iter().filter_map(|line| number_of(line)).collect();
        let mut numbers: BTreeMap<u64, usize> = BTreeMap::new();
        for (line, count) in &found {
            number_of(line).into_iter().for_each(|number| *numbers.entry(number).or_default() += count);
        }
        for number in 1..=self.lines_written {
            let count = numbers.get(&number).copied().unwrap_or(0);
            assert!(count <= 1, "line {number} was shipped {count} times");
            assert!(count == 1 || lost.contains(&number), "line {number} was lost");
        }
    }
}

fn number_of(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?;
    text.split_once("line ")?.1.get(..6)?.parse().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_shipped_once_whatever_happens_to_files_and_power(steps in steps()) {
        let mut story = Story::new();
        steps.iter().for_each(|step| story.act(step));
        story.finish();
        story.check();
    }
}
