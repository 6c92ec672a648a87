//! `headrig wake`: ends the rest of a batch that waits to be tried again.
//!
//! The change is the protocol's own, one conditional write, which any number of writers may share. Invariant: only a
//! sealed batch is changed, and one that does not rest stays as it is.

use super::{Answer, Engine, Fields, Mistake, OpenLake, Verdict, records::BatchView, subject::Subject, time};
use crate::{args::WakeArguments, clock::now};
use anyhow::Result;
use headrig_ledger::{Batch, BatchState, ProtocolError, protocol};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Wake {
    dry_run: bool,
    /// Whether it may be run now; with `dry_run`, whether it could.
    awake: bool,
    /// Until when it would have rested; none where it did not rest.
    rested_until: Option<String>,
    /// Why it is left as it is.
    reason: Option<String>,
    /// None where there is none of that id.
    batch: Option<BatchView>,
}

/// Wakes the batch that the arguments name.
pub(crate) fn wake(lake: &OpenLake, arguments: &WakeArguments) -> Result<Answer> {
    let name = &arguments.batch;
    let expected = || Mistake(format!("expected a batch's id, 64 hexadecimal digits, found {name:?}"));
    let id = Subject::parse(name, lake)?.batch().ok_or_else(expected)?;
    let found = lake.ledger().batch(id)?;
    let told = |wake: Wake| {
        let verdict = if wake.awake { Verdict::Well } else { Verdict::Amiss };
        Answer::new(wake.text(name, lake.engine()), &wake, verdict)
    };
    let left = |reason: String, batch: Option<&Batch>| Wake {
        dry_run: arguments.dry_run,
        awake: false,
        rested_until: None,
        reason: Some(reason),
        batch: batch.map(BatchView::from),
    };
    let Some(batch) = found else {
        return told(left(format!("the ledger has no batch {name}; `headrig ls batches` lists them"), None));
    };
    let BatchState::Sealed { not_before } = batch.state else {
        let reason = format!("is {}, and only a sealed batch rests", batch.state.phase().as_str());
        return told(left(reason, Some(&batch)));
    };
    let awake = match arguments.dry_run {
        true => Ok(batch.clone()),
        false => protocol::wake(&&*lake.ledger_to_write()?, id, now()),
    };
    match awake {
        Ok(awake) => told(Wake {
            dry_run: arguments.dry_run,
            awake: true,
            rested_until: (not_before > now()).then(|| time(not_before)),
            reason: None,
            batch: Some((&awake).into()),
        }),
        Err(ProtocolError::Refused { .. }) => {
            told(left("was started by somebody else meanwhile".into(), Some(&batch)))
        }
        Err(error) => Err(error.into()),
    }
}

impl Wake {
    fn text(&self, name: &str, engine: Engine) -> String {
        let mut fields = Fields::new();
        fields.add("batch", name);
        fields.add("left", self.reason.clone().unwrap_or_default());
        if self.awake {
            let rested = self.rested_until.as_ref().map(|until| format!("rested until {until}"));
            let (mine, done) = match self.dry_run {
                true => ("would be", "can be woken"),
                false => ("is", "woken"),
            };
            fields.add(done, rested.unwrap_or_else(|| "it does not rest".into()));
            let next = match engine {
                Engine::Local => {
                    "run by a `headrig local` that goes on, or else by the next one over this lake"
                }
                Engine::Sink => {
                    "started by the next sweep, within a minute, as soon as there is room for a run"
                }
            };
            fields.add("next", format!("{mine} {next}"));
        }
        fields.text()
    }
}
