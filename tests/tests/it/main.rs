//! End to end: the real binary, real files, what comes out held against what went in.
//!
//! One binary, so that the harness is linked once. Each test has a temporary folder of its own and may run
//! beside any other.

/// What was shipped is not shipped again, whatever rotation does to the file it was in.
mod again;
/// Alerts are told once, by the run that loads what they are about.
mod alerts;
/// Bad input is told, named and survived; what is good beside it arrives.
mod bad_input;
/// Copies are told from logs that only begin alike.
mod copies;
/// Real logs that nobody here wrote: nothing lost, little unparsed, levels and times as their authors say.
mod corpora;
/// `--follow`: lines are taken up as they are written, and a signal ends the run in good order.
mod follow;
/// kill -9 at random moments: every line once all the same.
mod kill;
/// Between the bucket and the lake something breaks and comes right again: every line once all the same.
mod mended;
/// The commands that look at a lake, beside its writer or alone, and the one that puts objects back.
mod operator;
/// A reader that shares no code with the writer finds the same rows.
mod query;
/// Rules drop, sample and redact, and all of it is accounted for.
mod rules;
/// What a source's settings come to in the lake.
mod sources;
/// The command line: help, versions, and mistakes told before anything is done.
mod usage;
