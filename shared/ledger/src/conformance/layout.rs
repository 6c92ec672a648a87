//! What every ledger must do with the lake's layout.

use super::{claim, expect_conflict, outcomes, running, sealed, state};
use crate::{
    batch::Batch,
    error::LedgerError,
    file::{FileState, Outcome},
    layout::{Day, Epoch, Layout, Placed, Reading},
    port::Ledger,
};
use headrig_contract::{ContentHash, UnixMicros};

const DAY: Day = Day(20_000);

/// The layout's part of [`super::check`].
pub(super) fn check<L: Ledger>(make: impl Fn() -> L) {
    a_layout_that_was_never_changed_is_the_default(&make());
    a_layout_is_changed_as_it_was_read(&make());
    commits_with_rows_of_closed_days_are_counted_and_hold_off_a_switch(&make());
    a_commit_under_another_layout_is_refused_as_a_whole(&make());
    rows_of_open_days_are_let_in_whatever_the_layout(&make());
}

fn read<L: Ledger>(ledger: &L) -> Layout {
    ledger.layout().expect("the layout can be read")
}

fn swapped<L: Ledger>(ledger: &L, next: Layout) -> Layout {
    ledger.swap_layout(read(ledger).reading(), &next).expect("a swap of the present layout succeeds");
    assert_eq!(read(ledger), next, "a layout comes back as it was written");
    next
}

fn begun<L: Ledger>(ledger: &L) -> Layout {
    swapped(ledger, read(ledger).begun(DAY))
}

/// A batch of that one file, on its way to be committed, and what it comes to.
fn committing<L: Ledger>(ledger: &L, number: u8) -> (Batch, Batch, Vec<(ContentHash, Outcome)>) {
    let running = running(ledger, &sealed(ledger, &[number]));
    let outcomes = outcomes(&running);
    let next = running.commit(&claim(1), &outcomes, UnixMicros(4_000)).expect("its owner may commit");
    (running, next, outcomes)
}

fn commit<L: Ledger>(ledger: &L, number: u8, placed: &Placed) -> Result<(), LedgerError> {
    let (running, next, outcomes) = committing(ledger, number);
    ledger.commit_placed(running.version, &next, &outcomes, placed)
}

fn a_layout_that_was_never_changed_is_the_default<L: Ledger>(ledger: &L) {
    assert_eq!(read(ledger), Layout::default());
    commit(ledger, 1, &read(ledger).placed([DAY])).expect("all days are open");
    commit(ledger, 2, &read(ledger).placed([Day(-1)])).expect("those before 1970, too");
    assert_eq!(read(ledger), Layout::default(), "a commit alone makes no layout");
}

fn a_layout_is_changed_as_it_was_read<L: Ledger>(ledger: &L) {
    let first = begun(ledger);
    expect_conflict(ledger.swap_layout(Layout::default().reading(), &first), "an epoch that is gone");
    let late = Reading { late: 1, ..first.reading() };
    expect_conflict(ledger.swap_layout(late, &first.begun(DAY)), "late commits that never came");
    assert_eq!(read(ledger), first);
    let second = swapped(ledger, first.switched(ContentHash::of(b"a list")));
    swapped(ledger, second.switched(ContentHash::of(b"another list")));
    expect_conflict(ledger.swap_layout(first.reading(), &second), "a swap that was done");
}

fn commits_with_rows_of_closed_days_are_counted_and_hold_off_a_switch<L: Ledger>(ledger: &L) {
    let layout = begun(ledger);
    for number in 1..=4 {
        commit(ledger, number, &layout.placed([DAY, Day(DAY.0 - 1)])).expect("the layout is as it was read");
    }
    let late = Layout { late: 4, ..layout };
    assert_eq!(read(ledger), late);
    let next = layout.switched(ContentHash::of(b"a list"));
    expect_conflict(ledger.swap_layout(layout.reading(), &next), "commits that it has not seen");
    swapped(ledger, Layout { late: 4, ..next });
}

fn a_commit_under_another_layout_is_refused_as_a_whole<L: Ledger>(ledger: &L) {
    let old = Layout::default();
    let begun = begun(ledger);
    for (number, read_by) in [(1, old), (2, begun)] {
        let layout = swapped(ledger, read(ledger).switched(ContentHash::of(&[number])));
        let (running, next, outcomes) = committing(ledger, number);
        let placed = read_by.placed([Day(DAY.0 - 1)]);
        let refused = ledger.commit_placed(running.version, &next, &outcomes, &placed);
        let found = match refused {
            Err(LedgerError::Overtaken { expected, found }) if expected == read_by.epoch => found,
            other => panic!("expected a commit that was overtaken, found {other:?}"),
        };
        assert!(found.is_none_or(|found: Epoch| found == layout.epoch), "{found:?}");
        assert_eq!(ledger.batch(next.id).expect("reading"), Some(running.clone()));
        assert_eq!(state(ledger, running.members[0]), FileState::Batched { batch: running.id });
        assert_eq!(read(ledger), layout);
        let placed = layout.placed([Day(DAY.0 - 1)]);
        ledger.commit_placed(running.version, &next, &outcomes, &placed).expect("written where it is now");
    }
    assert_eq!(read(ledger).late, 2);
}

fn rows_of_open_days_are_let_in_whatever_the_layout<L: Ledger>(ledger: &L) {
    let old = read(ledger);
    let layout = begun(ledger);
    commit(ledger, 1, &old.placed([DAY, Day(DAY.0 + 1)])).expect("its days are open");
    commit(ledger, 2, &old.placed([])).expect("it has no rows");
    commit(ledger, 3, &Placed::default()).expect("it says nothing of rows");
    assert_eq!(read(ledger), layout);
}
