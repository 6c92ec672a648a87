//! The sink on paper time: every second chunks arrive and batches are sealed, every few seconds runs are started
//! as the admission allows, and runs end when their bytes are read. All through the real protocol, over SQLite.

use crate::{
    Setup,
    bill::{Books, GLUE_SECONDS_MIN},
};
use headrig_contract::{ByteLength, ContentHash, ObjectKey, UnixMicros};
use headrig_ledger::{
    Batch, BatchPhase, BatchSize, Claim, FileFacts, Ledger, LineCounts, Outcome, Policy, SqliteLedger,
    admission::{RunLimits, UnderWay, plan_starts},
    protocol,
};
use std::collections::BTreeMap;

/// The largest batch: DynamoDB's transactions allow no 500. More files go into one run as several batches.
const BATCH_FILES_MAX: usize = 50;
/// How often runs are started: the Lambda does so at each batch of messages, at least every few seconds.
const START_EVERY_SECONDS: u64 = 5;
/// A clock that is not at zero.
const EPOCH_SECONDS: i64 = 1_800_000_000;

/// Sizes to try.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    chunk_bytes: f64,
    batch_files: usize,
    /// Sealed batches that a run waits for, as long as none has waited for `max_wait`.
    batches_together: usize,
}

impl Case {
    pub(crate) fn new(chunk_mb: f64, files_together: usize) -> Self {
        let batch_files = files_together.min(BATCH_FILES_MAX);
        Self { chunk_bytes: chunk_mb * 1e6, batch_files, batches_together: files_together / batch_files }
    }
}

pub(crate) struct Paper {
    setup: Setup,
    case: Case,
    policy: Policy,
    ledger: SqliteLedger,
    /// The fleet's hosts by the moment, as a part of the time in which each fills a chunk, at which they do.
    phases: Vec<f64>,
    next_file: u64,
    next_run: u64,
    /// What ends when, in seconds: run and batches.
    ending: BTreeMap<(u64, u64), Vec<Batch>>,
    books: Books,
    /// Writes of this second by shard of the pending index, and those to a single key for sealed batches.
    pending_writes: Vec<u64>,
    sealed_writes: u64,
}

impl Paper {
    pub(crate) fn new(setup: Setup, case: Case) -> Self {
        let mut phases: Vec<f64> =
            (0..setup.hosts).map(|host| (scatter(host) >> 11) as f64 / (1_u64 << 53) as f64).collect();
        phases.sort_by(f64::total_cmp);
        let policy = Policy {
            batch_size: BatchSize::new(case.batch_files).expect("at most BATCH_FILES_MAX files"),
            batches_per_run_max: Policy::cloud().batches_per_run_max.max(case.batches_together),
            ..Policy::cloud()
        };
        let ledger = SqliteLedger::in_memory().expect("memory is at hand");
        let pending_writes = vec![0; usize::try_from(setup.shards).unwrap_or(usize::MAX)];
        Self {
            setup,
            case,
            policy,
            ledger,
            phases,
            next_file: 0,
            next_run: 0,
            ending: BTreeMap::new(),
            books: Books::default(),
            pending_writes,
            sealed_writes: 0,
        }
    }

    /// Lets the time pass, and returns the books of its second half.
    pub(crate) fn run(mut self) -> Books {
        let seconds = self.setup.minutes * 60;
        for second in 0..seconds {
            if second == seconds / 2 {
                self.books = Books { backlog_before: self.backlog(), ..Books::default() };
            }
            self.second(second);
        }
        self.books.seconds = seconds - seconds / 2;
        self.books.backlog = self.backlog();
        let oldest = self.ledger.counts().expect("memory does not fail").oldest_pending;
        self.books.oldest_minutes =
            oldest.map_or(0.0, |oldest| at(seconds).micros_since(oldest) as f64 / 60e6);
        self.books
    }

    fn second(&mut self, second: u64) {
        self.pending_writes.fill(0);
        self.sealed_writes = 0;
        self.end_runs(second);
        self.ingest(second);
        self.seal(second);
        if second.is_multiple_of(START_EVERY_SECONDS) {
            self.start_runs(second);
        }
        let busiest = self.pending_writes.iter().copied().max().unwrap_or(0);
        self.books.busiest_pending_key = self.books.busiest_pending_key.max(busiest);
        self.books.busiest_sealed_key = self.books.busiest_sealed_key.max(self.sealed_writes);
    }

    fn ingest(&mut self, second: u64) {
        let arrived = self.arrivals(second);
        let facts: Vec<_> = (0..arrived).map(|number| self.facts(self.next_file + number)).collect();
        self.next_file += arrived;
        protocol::ingest(&self.ledger, &facts, at(second)).expect("memory does not fail");
        facts.iter().for_each(|file| self.touch_pending(file.hash));
        // The item, and its place in the index of what is pending.
        self.write(arrived, 2 * arrived);
        self.books.files += arrived;
        self.books.tb_come += arrived as f64 * self.plain_bytes() / 1e12;
    }

    fn seal(&mut self, second: u64) {
        let sealed = protocol::seal_ready(&self.ledger, at(second), &self.policy, false);
        for batch in sealed.expect("memory does not fail") {
            let members = batch.members.len() as u64;
            batch.members.iter().for_each(|member| self.touch_pending(*member));
            self.sealed_writes += 1;
            // A transaction over the members, each moving in the index, and the batch, which comes into it.
            self.write(1, 4 * members + 2 * batch_units(members) + 1);
        }
    }

    fn start_runs(&mut self, second: u64) {
        let job_runs = protocol::runs_under_way(&self.ledger).expect("memory does not fail");
        let runs_max = usize::try_from(self.setup.runs_max).unwrap_or(usize::MAX);
        let limits = RunLimits { job_runs_max: runs_max, account_runs_max: runs_max };
        let sealed = self.ledger.batches(BatchPhase::Sealed, None, usize::MAX).expect("memory does not fail");
        let together = self.case.batches_together;
        let is_overdue = sealed.first().is_some_and(|batch| {
            at(second).micros_since(batch.sealed_at) as f64 > self.policy.max_wait.as_secs_f64() * 1e6
        });
        // Where several batches are wanted in a run, the admission is asked for groups instead of batches.
        let groups = if is_overdue { sealed.len().div_ceil(together) } else { sealed.len() / together };
        let per_run =
            Policy { batches_per_run_max: self.policy.batches_per_run_max / together, ..self.policy };
        for groups in plan_starts(groups, UnderWay { job_runs, other_runs: 0 }, limits, &per_run) {
            self.start(second, groups * together);
        }
    }

    fn start(&mut self, second: u64, batches: usize) {
        let batches = protocol::start_together(&self.ledger, at(second), &self.policy, batches)
            .expect("memory does not fail");
        self.next_run += 1;
        for batch in &batches {
            let claim = self.claim_of(batch, self.next_run);
            protocol::record_run(&self.ledger, batch.id, &claim, at(second)).expect("the batch is starting");
            // Started, with its place in the index moved, and the run noted.
            self.write(2, 2 * batch_units(batch.members.len() as u64) + 2);
            self.sealed_writes += 1;
        }
        let files: usize = batches.iter().map(|batch| batch.members.len()).sum();
        let plain_bytes = files as f64 * self.plain_bytes();
        let run_seconds =
            self.setup.run_overhead_s + plain_bytes / 1e6 / (self.setup.mb_per_core_s * self.setup.cores);
        self.books.runs += 1;
        self.books.files_run += files as u64;
        self.books.run_seconds += run_seconds;
        self.books.dpu_seconds_billed += run_seconds.max(GLUE_SECONDS_MIN) * self.setup.dpus;
        self.books.tb_run += plain_bytes / 1e12;
        self.ending.insert((second + run_seconds.ceil() as u64, self.next_run), batches);
    }

    fn end_runs(&mut self, second: u64) {
        while let Some(entry) = self.ending.first_entry().filter(|entry| entry.key().0 <= second) {
            let ((_, run), batches) = entry.remove_entry();
            for batch in batches {
                let claim = self.claim_of(&batch, run);
                protocol::claim(&self.ledger, batch.id, &claim, at(second), &self.policy)
                    .expect("nobody else claims");
                let done = Outcome::Done(LineCounts::default());
                let outcomes: Vec<_> = batch.members.iter().map(|member| (*member, done.clone())).collect();
                protocol::commit(&self.ledger, batch.id, &claim, &outcomes, at(second))
                    .expect("the run owns it");
                // The claim, its place moved; then a transaction over the members, the batch and a tally, the
                // former moving in the index.
                let (members, batch) = (batch.members.len() as u64, batch_units(batch.members.len() as u64));
                self.write(2, (batch + 2) + (4 * members + 2 * batch + 2 + 2));
            }
        }
    }

    fn write(&mut self, calls: u64, units: u64) {
        self.books.write_calls += calls;
        self.books.write_units += units;
    }

    fn touch_pending(&mut self, file: ContentHash) {
        let [first, second, ..] = *file.as_bytes();
        let shards = self.pending_writes.len();
        self.pending_writes[usize::from(u16::from_le_bytes([first, second])) % shards] += 1;
    }

    /// How many hosts fill a chunk in that second.
    fn arrivals(&self, second: u64) -> u64 {
        let host_bytes_per_second = self.setup.mb_per_host_day * 1e6 / 86_400.0;
        let interval_seconds = self.plain_bytes() / host_bytes_per_second;
        let before = |moment: f64| {
            let (rounds, phase) = ((moment / interval_seconds).floor(), (moment / interval_seconds).fract());
            rounds as u64 * self.setup.hosts + self.phases.partition_point(|place| *place < phase) as u64
        };
        before((second + 1) as f64) - before(second as f64)
    }

    fn plain_bytes(&self) -> f64 {
        self.case.chunk_bytes * self.setup.ratio
    }

    fn facts(&self, number: u64) -> FileFacts {
        FileFacts {
            hash: ContentHash::of(&number.to_le_bytes()),
            key: ObjectKey::parse(&format!("chunk-{number}")).expect("a plain key"),
            size: ByteLength(self.case.chunk_bytes as u64),
        }
    }

    fn claim_of(&self, batch: &Batch, run: u64) -> Claim {
        Claim { attempt: batch.attempt, run: format!("jr_{run}").parse().expect("a plain run id") }
    }

    fn backlog(&self) -> u64 {
        let counts = self.ledger.counts().expect("memory does not fail");
        counts.pending + counts.batched
    }
}

fn at(second: u64) -> UnixMicros {
    UnixMicros::from_seconds(EPOCH_SECONDS.saturating_add_unsigned(second))
}

/// A number of its own for each host, the same every time (splitmix64).
fn scatter(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// How many write units a batch's item costs: it has some 700 bytes without its members.
const fn batch_units(members: u64) -> u64 {
    (700 + 32 * members).div_ceil(1024)
}
