//! Pieces to rows: frames a piece's events, has them parsed, and gives each its place in both tables.
//!
//! A piece is a run of bytes of one stream. Invariant: its rows' lengths, and the terminator of a line
//! whose text stands in an earlier piece, and those of events that a rule dropped, add up to the piece.

use super::BatchRun;
use crate::{
    Counts, Event, EventType, ObjectReport, TsSource,
    lake::{DAY_MICROS, Observation, OriginId, Place, SiteId},
    parse::{Context, Formats, StreamFormat, StreamOrigin},
    rules::{At, Verdict},
};
use headrig_contract::{
    ByteLength, ByteOffset, Generation, StreamId, UnixMicros,
    chunk::SegmentEdges,
    framing::{Framing, Lines},
};
use rustc_hash::FxHashMap;
use std::{borrow::Cow, ops::Range};

/// Events that a stream's format is found from.
const SAMPLE_EVENTS: usize = 64;
/// The first instant past the years that the lake has partitions for, 1970 to 2200.
const TS_END: UnixMicros = UnixMicros(84_371 * DAY_MICROS);
/// The attribute of rows that hold part of a line.
const LINE_PART: &str = "line_part";

/// A run of bytes of one stream.
pub(super) struct Piece<'p> {
    pub(super) bytes: &'p [u8],
    /// The same as text, where all of it is UTF-8.
    pub(super) text: Option<&'p str>,
    /// How they fall into lines, and lines into text.
    pub(super) lines: Lines,
    pub(super) stream: (StreamId, Generation),
    /// Where the bytes begin in the stream.
    pub(super) offset: ByteOffset,
    pub(super) edges: SegmentEdges,
    pub(super) origin: OriginId,
    pub(super) site: SiteId,
    /// Where the stream comes from, for its format.
    pub(super) from: StreamOrigin<'p>,
    pub(super) context: Context<'p>,
}

/// How a piece falls into events.
#[derive(Default)]
pub(super) struct Framed {
    /// The bytes at its beginning that belong to a line of an earlier piece.
    pub(super) head: usize,
    /// The events after them.
    pub(super) events: Vec<Range<usize>>,
}

/// The formats of the batch's streams.
pub(super) type Streams = FxHashMap<(StreamId, Generation), StreamState>;

/// What is known of a stream.
pub(super) struct StreamState {
    format: StreamFormat,
    /// The events that the format was found from.
    sampled: usize,
}

impl Framed {
    /// Frames `bytes`, which begin at `offset` of their stream.
    pub(super) fn frame(
        &mut self,
        framing: &Framing,
        bytes: &[u8],
        offset: ByteOffset,
        starts_mid_line: bool,
    ) {
        let head = if starts_mid_line { framing.lines(offset).end(bytes, 0) } else { 0 };
        let events = framing.events(&bytes[head..], offset.plus(ByteLength(head as u64)));
        self.head = head;
        self.events.clear();
        self.events.extend(events.map(|event| head + event.start..head + event.end));
    }
}

impl Piece<'_> {
    fn text(&self, range: &Range<usize>) -> Cow<'_, str> {
        match self.text.and_then(|text| text.get(range.clone())) {
            Some(text) => Cow::Borrowed(text),
            None => self.lines.from(range.start).text(&self.bytes[range.clone()]),
        }
    }
}

impl BatchRun<'_> {
    /// Makes rows of the events of `piece`.
    pub(super) fn take_piece(
        &mut self,
        piece: &Piece<'_>,
        framed: &Framed,
        report: &mut ObjectReport,
    ) -> Counts {
        let mut counts = Counts::default();
        self.take_head(piece, framed.head, &mut counts, report);
        if framed.events.is_empty() {
            return counts;
        }
        let format =
            stream_format(&mut self.streams, &self.settings.formats, piece, &framed.events).format.clone();
        let cut = piece.edges.cut.then_some(framed.events.len() - 1);
        let mut event = Event::default();
        for (at, range) in framed.events.iter().enumerate() {
            if let Some(text) = piece.text.and_then(|text| text.get(range.clone())) {
                format.parse(without_terminator(text), &piece.context, &mut event);
                self.take_event(&mut event, piece, range, text, cut == Some(at), &mut counts, report);
            } else {
                let text = piece.text(range);
                let mut event = Event::default();
                format.parse(without_terminator(&text), &piece.context, &mut event);
                self.take_event(&mut event, piece, range, &text, cut == Some(at), &mut counts, report);
            }
        }
        counts
    }

    /// The rest of a line that an earlier piece begins: a row of its own, or nothing but a terminator.
    fn take_head(&mut self, piece: &Piece<'_>, head: usize, counts: &mut Counts, report: &mut ObjectReport) {
        if head == 0 || piece.lines.is_terminator(&piece.bytes[..head]) {
            counts.bytes_raw += head as u64;
            report.gaps.add(piece.stream, piece.offset, piece.offset.plus(ByteLength(head as u64)));
            return;
        }
        let text = piece.text(&(0..head));
        // Half a line must not be taken for a whole one: it is dated as any line that says nothing.
        let mut event = Event::default();
        StreamFormat::default().parse("", &piece.context, &mut event);
        event.attribute(LINE_PART, "continued");
        self.push(&mut event, piece, &(0..head), &text, 0, counts, report);
    }

    #[expect(clippy::too_many_arguments, reason = "the inner step of one loop, called twice in it")]
    fn take_event<'t>(
        &mut self,
        event: &mut Event<'t>,
        piece: &Piece<'_>,
        range: &Range<usize>,
        text: &'t str,
        cut: bool,
        counts: &mut Counts,
        report: &mut ObjectReport,
    ) {
        if cut {
            event.attribute(LINE_PART, "cut");
        }
        let lines = piece.lines.from(range.start).count(&piece.bytes[range.clone()]);
        self.push(event, piece, range, text, lines, counts, report);
    }

    #[expect(clippy::too_many_arguments, reason = "an event with all that is known of it")]
    fn push<'t>(
        &mut self,
        event: &mut Event<'t>,
        piece: &Piece<'_>,
        range: &Range<usize>,
        text: &'t str,
        lines: u64,
        counts: &mut Counts,
        report: &mut ObjectReport,
    ) {
        if !(UnixMicros(0)..TS_END).contains(&event.ts) {
            event.ts = piece.context.read_at().clamp(UnixMicros(0), UnixMicros(TS_END.0 - 1));
            event.ts_source = TsSource::Read;
        }
        let length = ByteLength(range.len() as u64);
        let offset = piece.offset.plus(ByteLength(range.start as u64));
        let keeps_raw = self.settings.raw_always || event.event_type == EventType::Unparsed;
        let mut raw = keeps_raw.then(|| Cow::Borrowed(without_terminator(text)));
        let at = At { strand: piece.stream, offset };
        let verdict = self.rules.apply(event, without_terminator(text), &mut raw, at);
        counts.take(event, verdict, lines, length);
        if verdict != Verdict::Drop {
            self.metrics.observe(event, &Observation { site: piece.site, lines, bytes: length.0 });
            if self.watch.is_active() {
                self.watch.observe(event, without_terminator(text));
            }
        }
        if verdict == Verdict::Keep {
            self.logs.push(event, &Place { origin: piece.origin, offset, length, lines }, raw.as_deref());
            report.tally.count(event.level, event.event_type);
        } else {
            report.gaps.add(piece.stream, offset, offset.plus(length));
        }
    }
}

impl Counts {
    fn take(&mut self, event: &Event<'_>, verdict: Verdict, lines: u64, length: ByteLength) {
        self.bytes_raw += length.0;
        self.lines += lines;
        self.events += 1;
        match verdict {
            Verdict::Keep => {
                self.rows += 1;
                self.unparsed += u64::from(event.event_type == EventType::Unparsed);
            }
            Verdict::Drop => {
                self.dropped += 1;
                self.dropped_lines += lines;
            }
            Verdict::SampleOut => self.sampled_out += 1,
        }
    }
}

/// The state of the piece's stream. The format is found from the first events; where they were few, again
/// from a piece that has more of them.
fn stream_format<'s>(
    streams: &'s mut Streams,
    formats: &Formats,
    piece: &Piece<'_>,
    events: &[Range<usize>],
) -> &'s StreamState {
    let sampled = events.len().min(SAMPLE_EVENTS);
    let find = || {
        let sample: Vec<Cow<'_, str>> = events[..sampled].iter().map(|range| piece.text(range)).collect();
        let sample = sample.iter().map(|text| without_terminator(text));
        let format = StreamFormat::of_stream(formats, &piece.from, sample);
        StreamState { format, sampled }
    };
    let state = streams.entry(piece.stream).or_insert_with(find);
    if state.sampled < sampled {
        let found = find();
        *state = StreamState { format: found.format.after(&state.format), sampled };
    }
    state
}

fn without_terminator(text: &str) -> &str {
    let Some(line) = text.strip_suffix('\n') else {
        return text;
    };
    line.strip_suffix('\r').unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partitions_end_with_the_year_2200() {
        assert_eq!(TS_END.utc_date(), (2201, 1, 1));
    }

    #[test]
    fn one_terminator_is_taken_off() {
        let cases = [("a\r\n", "a"), ("a\n", "a"), ("a\r", "a\r"), ("a\n\n", "a\n"), ("\r\n", ""), ("", "")];
        for (text, expect) in cases {
            assert_eq!(without_terminator(text), expect, "{text:?}");
        }
    }
}
