//! How a compaction takes the layout for itself, and how it changes it.
//!
//! What it does not know: which files there are, and what becomes of them. docs/decisions/0011-compaction.md has the
//! steps between.

use super::{ProtocolError, is_conflict, retry_conflicts};
use crate::{
    LedgerError,
    layout::{Day, Layout},
    port::Ledger,
};
use headrig_contract::ContentHash;

/// Begins a compaction that closes the days before `day`, and returns the layout that it is to plan by. Whoever began
/// one before can switch nothing any more; runs that have written rows of closed days run again.
///
/// # Errors
/// What kept the ledger from it; to call it again is right.
pub fn begin_compaction<L: Ledger>(ledger: &L, day: Day) -> Result<Layout, ProtocolError> {
    retry_conflicts(|| {
        let present = ledger.layout()?;
        let next = present.begun(day);
        ledger.swap_layout(present.reading(), &next)?;
        Ok(next)
    })
}

/// Sends readers and writers to the generations that are listed in that object, which were made of what lay in the lake
/// under the layout `planned_by`, and returns the layout as it is then.
///
/// # Errors
/// [`LedgerError::Conflict`] when rows were committed meanwhile that the generations lack, or another compaction has
/// begun: plan anew. A call whose answer was lost may be repeated; it knows its own work again.
pub fn switch_layout<L: Ledger>(
    ledger: &L,
    planned_by: &Layout,
    generations: ContentHash,
) -> Result<Layout, ProtocolError> {
    let next = planned_by.switched(generations);
    match ledger.swap_layout(planned_by.reading(), &next) {
        Ok(()) => Ok(next),
        Err(error) if is_conflict(&error) => {
            let found = ledger.layout()?;
            if found.is_that_of(&next) {
                return Ok(found);
            }
            Err(LedgerError::layout_conflict(planned_by.reading(), Some(&found)).into())
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Faulty, MemoryLedger};

    #[test]
    fn a_switch_whose_answer_was_lost_is_known_again_and_another_is_refused() {
        let ledger = Faulty::new(MemoryLedger::new(), [(3, Fault::After)]);
        let begun = begin_compaction(&ledger, Day(9)).unwrap();
        let (ours, others) = (ContentHash::of(b"ours"), ContentHash::of(b"others"));
        assert!(switch_layout(&ledger, &begun, ours).unwrap_err().is_retryable());
        let switched = switch_layout(&ledger, &begun, ours).unwrap();
        assert_eq!(switched, begun.switched(ours));
        let refused = switch_layout(&ledger, &begun, others).unwrap_err();
        assert!(matches!(refused, ProtocolError::Ledger(LedgerError::Conflict { .. })), "{refused}");
    }

    #[test]
    fn who_begins_shuts_out_whoever_began_before() {
        let ledger = MemoryLedger::new();
        let first = begin_compaction(&ledger, Day(9)).unwrap();
        let second = begin_compaction(&ledger, Day(7)).unwrap();
        assert_eq!(second.closed_before, Day(9), "days stay closed");
        assert!(switch_layout(&ledger, &first, ContentHash::of(b"x")).is_err());
        assert!(switch_layout(&ledger, &second, ContentHash::of(b"x")).is_ok());
    }
}
