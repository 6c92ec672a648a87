//! `headrig retire`: the agent on a host comes no more, and its silence is no alarm.
//!
//! It changes the note in which the sweep keeps the fleet, over the version that was read, as the sink's function does.

use super::{Answer, Fields, Mistake, OpenLake, Verdict, status::AgentStanding, writing::age};
use crate::{args::RetireArguments, clock::now};
use anyhow::{Result, ensure};
use headrig_contract::HostName;
use headrig_ledger::fleet::{Agent, change_kept};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Retirement {
    dry_run: bool,
    /// Whether it is not expected any more; with `dry_run`, whether it would not be.
    retired: bool,
    /// How the agent stood before; none where there was none.
    was: Option<AgentStanding>,
}

/// Retires the agent on the host that the arguments name.
pub(crate) fn retire(lake: &OpenLake, arguments: &RetireArguments) -> Result<Answer> {
    let name = &arguments.host;
    let host: HostName = name.parse().map_err(|error| Mistake(format!("{error}")))?;
    let Some(book) = lake.fleet() else {
        let reason = "nobody watches the agents of a local lake; name a pipeline in AWS with --table";
        return Err(Mistake(reason.into()).into());
    };
    let was: Option<Agent> = book.read()?.1.fleet.agent(&host).copied();
    if was.is_some() && !arguments.dry_run {
        let write = |version, kept: &_| book.write(version, kept);
        let is_done = change_kept(|| book.read(), write, |kept| kept.retire(&host, now()))?;
        ensure!(is_done, "a sweep wrote at the same moment, again and again; try again");
    }
    let retirement = Retirement {
        dry_run: arguments.dry_run,
        retired: was.is_some(),
        was: was.as_ref().map(|agent| AgentStanding::of(&host, agent)),
    };
    let mut fields = Fields::new();
    fields.add("host", name.as_str());
    match was {
        Some(agent) => {
            let heard =
                format!("{}, last noticed {} ago", agent.presence.as_str(), age(agent.noticed, now()));
            fields.add("was", heard);
            let told =
                if arguments.dry_run { "would not be expected any more" } else { "is not expected any more" };
            fields.add("now", format!("{told}, until it is heard again"));
        }
        None => fields.add("left", "no agent was ever heard there; `headrig status` names the hosts"),
    }
    let verdict = if retirement.retired { Verdict::Well } else { Verdict::Amiss };
    Answer::new(fields.text(), &retirement, verdict)
}
