//! What `headrig verify` found, and how it is told.

use crate::operator::{Answer, Engine, Fields, OpenLake, Verdict, bytes, count, time};
use anyhow::Result;
use headrig_contract::{ByteLength, UnixMicros};
use serde::Serialize;

/// Problems and notes that are named; more are counted.
const NAMED_MAX: usize = 1_000;

/// What kind of thing is wrong; the names are stable, docs/operations/operator.md has them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    ObjectMissing,
    ObjectTooLarge,
    ObjectOtherBytes,
    ObjectDamaged,
    ObjectUnknown,
    ObjectMisnamed,
    ChainGap,
    ChainForked,
    ChainBroken,
    BytesDoubled,
    RowsMissing,
    RowsDoubled,
    RowsUnexpected,
    CountsDiffer,
    MetricsDiffer,
    LakeFileUncommitted,
    LakeFileStray,
    LakeFileDamaged,
    AccountDamaged,
    /// No problem: a file that is set aside, as `headrig ls` has it.
    Quarantined,
    /// No problem by itself: bytes of a log between others that no object holds.
    NeverShipped,
}

/// One thing that was found.
#[derive(Debug, Serialize)]
struct Finding {
    kind: Kind,
    subject: String,
    finding: String,
    action: &'static str,
}

/// What was looked at, and what was found.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    pub(super) lake: String,
    pub(super) writer: Option<String>,
    /// Only what came since then was looked at; none where everything was.
    pub(super) since: Option<String>,
    #[serde(skip)]
    engine: Engine,
    pub(super) checked: Checked,
    /// What came or changed while it was looked at, and was left out.
    pub(super) under_way: UnderWay,
    problems: Vec<Finding>,
    problems_unnamed: u64,
    notes: Vec<Finding>,
    notes_unnamed: u64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Checked {
    pub(super) objects: u64,
    pub(super) object_bytes: u64,
    pub(super) chains: u64,
    pub(super) files: u64,
    pub(super) batches: u64,
    pub(super) lake_files: u64,
    pub(super) rows: u64,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct UnderWay {
    pub(super) objects: u64,
    pub(super) batches: u64,
}

impl Findings {
    /// None yet of the lake, looked at `since` then.
    pub(super) fn of(lake: &OpenLake, since: Option<UnixMicros>) -> Self {
        Self {
            lake: lake.name.clone(),
            writer: lake.writer(),
            since: since.map(time),
            engine: lake.engine(),
            checked: Checked::default(),
            under_way: UnderWay::default(),
            problems: Vec::new(),
            problems_unnamed: 0,
            notes: Vec::new(),
            notes_unnamed: 0,
        }
    }

    pub(super) fn add(&mut self, kind: Kind, subject: impl Into<String>, finding: impl Into<String>) {
        let (named, unnamed) = match kind {
            Kind::Quarantined | Kind::NeverShipped => (&mut self.notes, &mut self.notes_unnamed),
            _ => (&mut self.problems, &mut self.problems_unnamed),
        };
        if named.len() < NAMED_MAX {
            let (subject, finding) = (subject.into(), finding.into());
            named.push(Finding { kind, subject, finding, action: kind.action(self.engine) });
        } else {
            *unnamed += 1;
        }
    }

    pub(super) fn answer(&self) -> Result<Answer> {
        let verdict = if self.problems.is_empty() { Verdict::Well } else { Verdict::Amiss };
        Answer::new(self.text(), self, verdict)
    }

    fn text(&self) -> String {
        let Checked { objects, object_bytes, chains, files, batches, lake_files, rows } = self.checked;
        let mut fields = Fields::new();
        fields.add("lake", self.lake.clone());
        fields.add("writer", self.writer.clone().unwrap_or_else(|| "none".into()));
        fields.add("since", self.since.clone().unwrap_or_default());
        fields.add("bucket", format!("{} objects, {}", count(objects), bytes(ByteLength(object_bytes))));
        fields.add("chains", count(chains));
        fields.add("ledger", format!("{} files, {} batches", count(files), count(batches)));
        fields.add("tables", format!("{} rows in {} files", count(rows), count(lake_files)));
        let UnderWay { objects, batches } = self.under_way;
        if objects + batches > 0 {
            let text = format!("{} objects, {} batches: left out", count(objects), count(batches));
            fields.add("under way", text);
        }
        fields.add("notes", count(self.notes.len() as u64 + self.notes_unnamed));
        fields.add("problems", count(self.problems.len() as u64 + self.problems_unnamed));
        let mut text = fields.text();
        for (findings, unnamed) in
            [(&self.notes, self.notes_unnamed), (&self.problems, self.problems_unnamed)]
        {
            for Finding { kind, subject, finding, .. } in findings {
                text += &format!("\n{}: {subject}\n    {finding}\n", kind.name());
            }
            if unnamed > 0 {
                text += &format!("and {} more\n", count(unnamed));
            }
        }
        text + &self.actions()
    }

    /// What to do, once for each kind of problem.
    fn actions(&self) -> String {
        let mut told: Vec<Kind> = Vec::new();
        let mut text = "\nwhat to do\n".to_owned();
        for problem in &self.problems {
            if !told.contains(&problem.kind) {
                told.push(problem.kind);
                text += &format!("    {}: {}\n", problem.kind.name(), problem.action);
            }
        }
        if told.is_empty() { "\nall adds up\n".into() } else { text }
    }
}

impl Kind {
    fn name(self) -> String {
        serde_json::to_value(self).ok().and_then(|name| name.as_str().map(Into::into)).unwrap_or_default()
    }

    const fn action(self, engine: Engine) -> &'static str {
        match self {
            Self::ObjectUnknown if matches!(engine, Engine::Sink) => {
                "a sweep takes it in when it comes by; if it stays, the function's log says why it is refused"
            }
            Self::LakeFileUncommitted if matches!(engine, Engine::Sink) => {
                "if the batch is split or unknown, remove the files, which nobody will: their rows are counted twice"
            }
            Self::ObjectTooLarge if matches!(engine, Engine::Sink) => {
                "set HEADRIG_OBJECT_BYTES_MAX as the sink's function has it, and verify again; what is larger is quarantined there"
            }
            Self::ObjectTooLarge => "split it: it is larger than what `headrig local` loads",
            Self::ObjectMissing => {
                "put the object back from a copy; rows that were made of it stay in the lake"
            }
            Self::ObjectOtherBytes | Self::ObjectDamaged => {
                "put the object that has this hash in its place; rows that were made of it are not touched"
            }
            Self::ObjectUnknown => "run `headrig local` over this lake: it takes in what the ledger lacks",
            Self::ObjectMisnamed => "find out who renamed it; its rows are right by its content",
            Self::ChainGap => {
                "look for the chunks in the spool of that agent, or in a copy of the bucket; their lines are in no table"
            }
            Self::ChainForked | Self::ChainBroken | Self::BytesDoubled => {
                "an agent went on from an older copy of its state: its lines may be there twice; never restore agent.db from a backup"
            }
            Self::RowsMissing => {
                "put the batch's lake files back from a copy; the lines themselves are in the object (`zstdcat`)"
            }
            Self::RowsDoubled | Self::RowsUnexpected => {
                "move the files away that headrig did not write there: each file of the lake is written once, by its batch"
            }
            Self::CountsDiffer | Self::MetricsDiffer => {
                "compare with a copy of the lake; if no file was changed by hand, report it: this is a bug"
            }
            Self::LakeFileUncommitted => {
                "run `headrig local` over this lake: it finishes the batch, or takes its files away"
            }
            Self::LakeFileStray => "move it out of the tables: whoever queries them reads it too",
            Self::LakeFileDamaged => "put the file back from a copy",
            Self::AccountDamaged => {
                "put the account back from a copy: without it nobody can tell what rules dropped from what is missing"
            }
            Self::Quarantined => {
                "`headrig ls --state quarantined` has the reasons, `headrig replay` puts it back"
            }
            Self::NeverShipped => {
                "bytes that were gone before they could be read, or whose object is missing"
            }
        }
    }
}
