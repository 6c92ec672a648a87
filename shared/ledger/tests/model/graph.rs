//! That everything comes to its end: from every state that was reached, however much had gone wrong by then,
//! whatever happens next leads to an end if only nothing more goes wrong, and every such end is a good one.
//!
//! Stateright checks `eventually` along single paths and misses joins, so the steps without faults are kept as
//! a graph of their own. If that graph has no cycle, every path in it ends; and where a path ends, nothing is
//! left to be done, which must mean that every file is done or quarantined.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

#[derive(Debug, Default)]
pub(crate) struct Graph {
    states: Mutex<HashMap<u64, Node>>,
}

#[derive(Debug, Default)]
struct Node {
    is_settled: bool,
    next: Vec<u64>,
}

impl Graph {
    pub(crate) fn reach(&self, state: u64, is_settled: bool) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.entry(state).or_default().is_settled = is_settled;
    }

    pub(crate) fn lead(&self, from: u64, to: u64) {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.entry(from).or_default().next.push(to);
    }

    /// Looks at the whole graph, and returns how many of its states are ends.
    pub(crate) fn assert_everything_settles(&self) -> usize {
        let states = self.states.lock().unwrap();
        let mut before: HashMap<u64, Vec<u64>> = HashMap::new();
        for (from, node) in states.iter() {
            node.next.iter().for_each(|to| before.entry(*to).or_default().push(*from));
        }
        let mut open: HashMap<u64, usize> =
            states.iter().map(|(state, node)| (*state, node.next.len())).collect();
        let ends: Vec<u64> =
            states.iter().filter(|(_, node)| node.next.is_empty()).map(|(state, _)| *state).collect();
        let stuck = ends.iter().filter(|end| !states[end].is_settled).count();
        assert_eq!(
            stuck,
            0,
            "in so many of {} states nothing is left to do and not all is done",
            states.len()
        );
        // Backward from the ends: a state all of whose steps lead to an end leads to one itself.
        let mut leading = ends.clone();
        let mut settling = 0;
        while let Some(state) = leading.pop() {
            settling += 1;
            for from in before.remove(&state).unwrap_or_default() {
                let left = open.get_mut(&from).unwrap();
                *left -= 1;
                if *left == 0 {
                    leading.push(from);
                }
            }
        }
        assert_eq!(settling, states.len(), "the others may go in circles for ever");
        ends.len()
    }
}
