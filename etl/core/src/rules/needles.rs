//! Looks for many texts at once in many others: the secrets of one event in its columns.
//!
//! A few are looked for one after the other, which is quickest. More go by an automaton, so that the time is that of the
//! text whatever their number: a line may hold hundreds of secrets and two hundred thousand attributes.

use aho_corasick::{
    Anchored,
    automaton::{Automaton, StateID},
    nfa::noncontiguous::NFA,
};
use std::ops::Range;

/// Needles that are looked for one after the other.
const FEW_MAX: usize = 8;
/// A needle of fewer bytes is found only where it stands alone: a user `al` is not all of `also`.
const ANYWHERE_BYTES_MIN: usize = 4;

/// What is looked for.
pub(super) enum Needles<'n> {
    Few(&'n [String]),
    Many(Box<NFA>, StateID),
}

impl<'n> Needles<'n> {
    /// Looks for `needles`, none of them empty. None where they are too large together.
    pub(super) fn new(needles: &'n [String]) -> Option<Self> {
        if needles.len() <= FEW_MAX {
            return Some(Self::Few(needles));
        }
        let automaton = NFA::new(needles).ok()?;
        let start = automaton.start_state(Anchored::No).ok()?;
        Some(Self::Many(Box::new(automaton), start))
    }

    /// Adds to `spans` where they are in `text`.
    pub(super) fn find(&self, text: &str, spans: &mut Vec<Range<usize>>) {
        match self {
            Self::Few(needles) => {
                for needle in *needles {
                    let found = text.match_indices(needle.as_str()).map(|(at, _)| at..at + needle.len());
                    spans.extend(found.filter(|span| is_found(text, span)));
                }
            }
            Self::Many(automaton, start) => find_all(automaton, *start, text, spans),
        }
    }
}

fn find_all(automaton: &NFA, start: StateID, text: &str, spans: &mut Vec<Range<usize>>) {
    let (mut state, first) = (start, spans.len());
    for (at, byte) in text.bytes().enumerate() {
        state = automaton.next_state(Anchored::No, state, byte);
        if !automaton.is_match(state) {
            continue;
        }
        // Those that end here come with the longest first, which holds the others unless it has to stand alone.
        for which in 0..automaton.match_len(state) {
            let length = automaton.pattern_len(automaton.match_pattern(state, which));
            let span = at + 1 - length..at + 1;
            if is_found(text, &span) {
                join(spans, first, span);
                break;
            }
        }
    }
}

/// Adds a span that ends behind all others from `first` on: those it overlaps become one with it, so that their number is
/// bounded by the text's length.
fn join(spans: &mut Vec<Range<usize>>, first: usize, mut span: Range<usize>) {
    while let Some(last) = spans[first..].last().filter(|last| last.end > span.start) {
        span.start = span.start.min(last.start);
        spans.pop();
    }
    spans.push(span);
}

fn is_found(text: &str, span: &Range<usize>) -> bool {
    span.len() >= ANYWHERE_BYTES_MIN || stands_alone(text, span)
}

fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let before = text[..span.start].chars().next_back();
    let behind = text[span.end..].chars().next();
    !before.is_some_and(char::is_alphanumeric) && !behind.is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `text` with a mark for each byte that is found.
    fn marked(needles: &[&str], text: &str) -> String {
        let needles: Vec<String> = needles.iter().map(|needle| (*needle).to_owned()).collect();
        let (mut spans, mut bytes) = (Vec::new(), text.as_bytes().to_vec());
        Needles::new(&needles).unwrap().find(text, &mut spans);
        spans.into_iter().flatten().for_each(|at| bytes[at] = b'#');
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn many_are_found_where_few_are() {
        // None of these is in the texts: they make the few many.
        let others = ["QQQ1", "QQQ2", "QQQ3", "QQQ4", "QQQ5", "QQQ6", "QQQ7", "QQQ8"];
        for (needles, text, expect) in [
            (&["abcd"][..], "xabcdx abc abcd", "x####x abc ####"),
            (&["abcd", "cdef", "bc"], "abcdef bc xbc", "###### ## xbc"),
            (&["aaaa", "aaaaa", "aaaaaa"], "aaaaaaaaaa aaa", "########## aaa"),
            (&["al", "-1", "1"], "also al x-1 -1 1", "also ## x-# ## #"),
            (&["größe"], "die größe.", "die #######."),
            (&["tail"], "the tail", "the ####"),
        ] {
            assert_eq!(marked(needles, text), expect, "{needles:?}");
            let many: Vec<&str> = needles.iter().chain(&others).copied().collect();
            assert_eq!(marked(&many, text), expect, "{many:?}");
        }
    }

    #[test]
    fn needles_within_needles_take_no_memory_of_their_number() {
        let needles: Vec<String> = (4..500).map(|length| "a".repeat(length)).collect();
        let mut spans = Vec::new();
        Needles::new(&needles).unwrap().find(&"a".repeat(100_000), &mut spans);
        assert_eq!((spans.len(), spans[0].clone()), (1, 0..100_000));
    }
}
