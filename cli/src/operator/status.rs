//! `headrig status`: how far everything is, at a glance.

use super::{
    Answer, Fields, OpenLake, Verdict, bytes, count,
    records::{BatchView, CountsView},
    table, time,
    writing::age,
};
use crate::clock::now;
use anyhow::Result;
use headrig_contract::{AgentId, ByteLength, ChunkSeq, HostName, UnixMicros};
use headrig_ledger::{
    Batch, BatchPhase, Counts, FileCursor, FilePhase, FileRecord, Ledger,
    fleet::{Agent, KeptFleet, Presence},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Batches under way that are named; their number is always told.
const BATCHES_SHOWN_MAX: usize = 20;
/// Agents of a fleet that are shown to people; `--json` has all.
const AGENTS_SHOWN_MAX: usize = 50;
/// Files read at once when agents are counted.
const FILES_PAGE: usize = 1_000;
/// Files that are read at most to find the agents: a glance is to stay one.
const FILES_READ_MAX: usize = 1_000_000;

#[derive(Debug, Serialize)]
struct Status {
    lake: String,
    writer: Option<String>,
    files: Files,
    oldest_pending: Option<String>,
    batches: Batches,
    lines: CountsView,
    under_way: Vec<BatchView>,
    agents: Vec<AgentView>,
    agents_complete: bool,
    /// What the sweep knows of the agents; none of a local lake, whose agents are known by their chunks.
    fleet: Option<FleetView>,
}

#[derive(Debug, Serialize)]
struct FleetView {
    /// Up to when the sweep has listened for them.
    heard_until: Option<String>,
    missing: usize,
    agents: Vec<AgentStanding>,
}

/// How the agent on a host stands.
#[derive(Debug, Serialize)]
pub(super) struct AgentStanding {
    host: String,
    state: &'static str,
    /// When it was last heard, or retired.
    noticed: String,
}

#[derive(Debug, Serialize)]
struct Files {
    pending: u64,
    batched: u64,
    done: u64,
    quarantined: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct Batches {
    sealed: u64,
    starting: u64,
    running: u64,
    exhausted: u64,
    committed: u64,
    split: u64,
}

#[derive(Debug, Serialize)]
struct AgentView {
    agent: String,
    host: String,
    source: String,
    chunks: u64,
    bytes: u64,
    last_seq: u64,
    last_chunk: String,
}

/// What the ledger knows of one agent's chunks of one source.
#[derive(Debug)]
struct Seen {
    host: String,
    chunks: u64,
    bytes: ByteLength,
    last: ChunkSeq,
    at: UnixMicros,
}

type Agents = BTreeMap<(AgentId, String), Seen>;

/// Shows the lake's state.
pub(crate) fn status(lake: &OpenLake) -> Result<Answer> {
    let ledger = lake.ledger();
    let counts = ledger.counts()?;
    let under_way = under_way(&ledger)?;
    let fleet = lake.fleet().map(|book| anyhow::Ok(book.read()?.1)).transpose()?;
    // To read every file of a table is no glance, and the sweep knows the agents better.
    let (agents, agents_complete) = if fleet.is_some() { (Agents::new(), false) } else { agents(&ledger)? };
    let writer = lake.writer();
    let mut text = text(lake, &counts, &under_way, now());
    text += &match &fleet {
        Some(fleet) => fleet_text(fleet, now()),
        None => agents_text(&agents, agents_complete, now()),
    };
    if counts.quarantined > 0 {
        text += &format!(
            "\n{} quarantined: `headrig ls --state quarantined {}` names them, `headrig replay` puts them back\n",
            count(counts.quarantined),
            lake.options
        );
    }
    let value = Status {
        lake: lake.name.clone(),
        writer,
        files: Files {
            pending: counts.pending,
            batched: counts.batched,
            done: counts.done,
            quarantined: counts.quarantined,
            bytes: counts.bytes.0,
        },
        oldest_pending: counts.oldest_pending.map(time),
        batches: Batches {
            sealed: counts.sealed,
            starting: counts.starting,
            running: counts.running,
            exhausted: counts.exhausted,
            committed: counts.committed,
            split: counts.split,
        },
        lines: CountsView::from(&counts.lines),
        under_way: under_way.iter().map(BatchView::from).collect(),
        agents: agents.iter().map(AgentView::of).collect(),
        agents_complete,
        fleet: fleet.as_ref().map(FleetView::of),
    };
    Answer::new(text, &value, Verdict::Well)
}

/// Batches that are running, starting, given up or waiting, in this order.
fn under_way<L: Ledger>(ledger: &L) -> Result<Vec<Batch>> {
    let mut found = Vec::new();
    for phase in [BatchPhase::Running, BatchPhase::Starting, BatchPhase::Exhausted, BatchPhase::Sealed] {
        found.extend(ledger.batches(phase, None, BATCHES_SHOWN_MAX - found.len())?);
    }
    Ok(found)
}

/// The agents whose chunks the ledger knows, by the chunks' keys; and whether all files were looked at.
fn agents<L: Ledger>(ledger: &L) -> Result<(Agents, bool)> {
    let (mut agents, mut read) = (Agents::new(), 0);
    for phase in FilePhase::ALL {
        let mut after = None;
        loop {
            let page = ledger.files(phase, after, FILES_PAGE)?;
            page.iter().for_each(|file| note(&mut agents, file));
            read += page.len();
            after = page.last().map(|file| FileCursor { since: file.since, hash: file.hash });
            if page.len() < FILES_PAGE {
                break;
            }
            if read >= FILES_READ_MAX {
                return Ok((agents, false));
            }
        }
    }
    Ok((agents, true))
}

fn note(agents: &mut Agents, file: &FileRecord) {
    let Some((agent, seq)) = file.key.chain_place() else { return };
    let label = |name| file.key.labelled(name).unwrap_or("unknown").to_owned();
    let seen = agents.entry((agent, label("source"))).or_insert_with(|| Seen {
        host: label("host"),
        chunks: 0,
        bytes: ByteLength(0),
        last: seq,
        at: file.first_seen,
    });
    seen.chunks += 1;
    seen.bytes.0 += file.size.0;
    seen.last = seen.last.max(seq);
    seen.at = seen.at.max(file.first_seen);
}

impl FleetView {
    fn of(kept: &KeptFleet) -> Self {
        Self {
            heard_until: (kept.heard_until.0 > 0).then(|| time(kept.heard_until)),
            missing: kept.fleet.missing(),
            agents: kept.fleet.agents().map(|(host, agent)| AgentStanding::of(host, agent)).collect(),
        }
    }
}

impl AgentStanding {
    pub(super) fn of(host: &HostName, agent: &Agent) -> Self {
        let (host, state) = (host.to_string(), agent.presence.as_str());
        Self { host, state, noticed: time(agent.noticed) }
    }
}

impl AgentView {
    fn of(((agent, source), seen): (&(AgentId, String), &Seen)) -> Self {
        Self {
            agent: agent.to_string(),
            host: seen.host.clone(),
            source: source.clone(),
            chunks: seen.chunks,
            bytes: seen.bytes.0,
            last_seq: seen.last.0,
            last_chunk: time(seen.at),
        }
    }
}

fn text(lake: &OpenLake, counts: &Counts, under_way: &[Batch], now: UnixMicros) -> String {
    let mut fields = Fields::new();
    fields.add("lake", lake.name.clone());
    fields.add("writer", lake.writer().unwrap_or_else(|| "none".into()));
    fields.add("rows", format!("{} of {} lines", count(counts.lines.rows), count(counts.lines.lines)));
    fields.add("files", by_state(&files_by_state(counts), &format!(" ({})", bytes(counts.bytes))));
    let waits = |since| format!("{}, since {}", age(since, now), time(since));
    fields.add("oldest pending", counts.oldest_pending.map_or_else(|| "none".into(), waits));
    fields.add("batches", by_state(&batches_by_state(counts), ""));
    let mut text = fields.text();
    if !under_way.is_empty() {
        let rows = under_way.iter().map(|batch| under_way_row(batch, now));
        let head =
            ["batch under way", "state", ">files", ">attempt", ">failures", "changed", "run or last failure"];
        text += &format!("\n{}", table(&head, rows));
    }
    text
}

fn agents_text(agents: &Agents, agents_complete: bool, now: UnixMicros) -> String {
    let mut text = String::new();
    if !agents.is_empty() {
        let rows = agents.iter().map(|((agent, source), seen)| {
            let ago = format!("{} ago", age(seen.at, now));
            let (chunks, last) = (count(seen.chunks), seen.last.0.to_string());
            vec![agent.to_string(), seen.host.clone(), source.clone(), chunks, bytes(seen.bytes), last, ago]
        });
        let head = ["agent", "host", "source", ">chunks", ">bytes", ">last number", "last chunk"];
        text += &format!("\n{}", table(&head, rows));
    }
    if !agents_complete {
        text += &format!("agents: of the first {} files only\n", count(FILES_READ_MAX as u64));
    }
    text
}

/// Those that are missing come first: they are what somebody looks for.
fn fleet_text(kept: &KeptFleet, now: UnixMicros) -> String {
    let mut agents: Vec<_> = kept.fleet.agents().collect();
    agents.sort_by_key(|(host, agent)| {
        (agent.presence != Presence::Missing, agent.presence == Presence::Gone, *host)
    });
    let heard = match kept.heard_until {
        UnixMicros(0) => "no sweep has listened for them yet".into(),
        until => format!("{} missing, as of {} ago", kept.fleet.missing(), age(until, now)),
    };
    let mut text = format!("\nagents: {} known, {heard}\n", count(agents.len() as u64));
    if !agents.is_empty() {
        let rows = agents.iter().take(AGENTS_SHOWN_MAX).map(|(host, agent)| {
            vec![host.to_string(), agent.presence.as_str().into(), format!("{} ago", age(agent.noticed, now))]
        });
        text += &table(&["host", "state", "last noticed"], rows);
    }
    if agents.len() > AGENTS_SHOWN_MAX {
        text += &format!("and {} more; --json has all\n", count((agents.len() - AGENTS_SHOWN_MAX) as u64));
    }
    text
}

fn under_way_row(batch: &Batch, now: UnixMicros) -> Vec<String> {
    let run = batch.state.run().map(ToString::to_string);
    vec![
        batch.id.to_string(),
        batch.state.phase().as_str().into(),
        batch.members.len().to_string(),
        batch.attempt.to_string(),
        batch.failures.to_string(),
        format!("{} ago", age(batch.changed, now)),
        run.or_else(|| batch.failure.clone()).unwrap_or_default(),
    ]
}

fn files_by_state(counts: &Counts) -> [(&'static str, u64); 4] {
    FilePhase::ALL.map(|phase| (phase.as_str(), *counts.clone().of_files(phase)))
}

fn batches_by_state(counts: &Counts) -> [(&'static str, u64); 6] {
    BatchPhase::ALL.map(|phase| (phase.as_str(), *counts.clone().of_batches(phase)))
}

/// `7 done, 1 quarantined`: what there is none of is left out.
fn by_state(states: &[(&str, u64)], behind: &str) -> String {
    let there = states.iter().filter(|(_, number)| *number > 0);
    let told: Vec<_> = there.map(|(state, number)| format!("{} {state}", count(*number))).collect();
    if told.is_empty() { "none".into() } else { told.join(", ") + behind }
}
