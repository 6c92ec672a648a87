//! Objects to pieces: a chunk's segments, or windows over the plain bytes of an object no agent made.
//!
//! Memory is one block or one window, whatever the object says of itself.

use super::{
    BatchError, BatchRun, Member, ObjectError,
    events::{Framed, Piece},
};
use crate::{
    Counts, ObjectReport, StreamReport,
    conditions::Site,
    lake::{Origin, OriginId, Outlet, SiteId},
    parse::{Context, StreamOrigin},
    settings::ForeignLimits,
};
use headrig_contract::{
    ByteLength, ByteOffset, ContentHash, Generation, SourceName, StreamId,
    chunk::{ChunkReader, ForeignReader, Layout, Provenance, Segment, SegmentEdges},
    framing::{Encoding, Framing, Lines},
};
use jiff::tz::TimeZone;
use rustc_hash::FxHashMap;
use std::{io::Read, sync::Arc};

/// The window over a foreign object's plain bytes: no event of it is longer, longer lines are cut.
pub(super) const WINDOW_BYTES: usize = 1 << 20;
/// The host and source of objects whose key does not tell.
const UNKNOWN: &str = "unknown";

/// An object on its way through the run.
struct Object {
    chunk: Arc<str>,
    report: ObjectReport,
    /// The plain bytes seen; the report counts those that rows cover.
    bytes_seen: u64,
    /// Streams by their place in the report, each with the origin of its rows.
    streams: FxHashMap<(StreamId, Generation), (usize, OriginId)>,
}

/// What the pieces of a block or of a foreign object share.
struct Setting<'c> {
    site: SiteId,
    source: &'c str,
    hint: &'c str,
    framing: Framing,
    read_at: headrig_contract::UnixMicros,
    zone: &'c TimeZone,
}

/// A stretch of plain bytes with its place.
struct Stretch<'b> {
    segment: &'b Segment,
    bytes: &'b [u8],
    text: Option<&'b str>,
}

impl BatchRun<'_> {
    pub(super) fn read_object(
        &mut self,
        member: &Member,
        bytes: &[u8],
        outlet: &mut Outlet<'_>,
    ) -> Result<ObjectReport, BatchError> {
        let found = ContentHash::of(bytes);
        if found != member.hash {
            return Err(unreadable(member)(ObjectError::Hash { expected: member.hash, found }));
        }
        let mut object = Object::new(member, bytes);
        // The buffer and the framing outlive the object for their memory; an error ends the run anyway.
        let (mut raw, mut framed) = (std::mem::take(&mut self.raw), std::mem::take(&mut self.framed));
        match Layout::of(bytes) {
            Layout::ChunkGzip | Layout::ChunkZstd => {
                self.read_chunk(member, bytes, &mut object, (&mut raw, &mut framed), outlet)?;
            }
            layout => {
                self.read_foreign(member, layout, bytes, &mut object, (&mut raw, &mut framed), outlet)?
            }
        }
        (self.raw, self.framed) = (raw, framed);
        check_conservation(member, &object)?;
        Ok(object.report)
    }

    fn read_chunk(
        &mut self,
        member: &Member,
        bytes: &[u8],
        object: &mut Object,
        (raw, framed): (&mut Vec<u8>, &mut Framed),
        outlet: &mut Outlet<'_>,
    ) -> Result<(), BatchError> {
        let mut reader = ChunkReader::new(bytes);
        while let Some(provenance) =
            reader.next_block(raw).map_err(|error| unreadable(member)(error.into()))?
        {
            provenance.segments.iter().try_for_each(check_place).map_err(unreadable(member))?;
            self.read_block(&provenance, raw, object, framed).map_err(unreadable(member))?;
            self.relieve(outlet)?;
        }
        Ok(())
    }

    fn read_block(
        &mut self,
        provenance: &Provenance,
        raw: &[u8],
        object: &mut Object,
        framed: &mut Framed,
    ) -> Result<(), ObjectError> {
        let framing = self.framings.of(&provenance.framing)?;
        let text = whole_text(&framing, raw);
        let setting = Setting {
            site: self.logs.origins.site(provenance.host.as_str(), provenance.source.as_str()),
            source: provenance.source.as_str(),
            hint: &provenance.format_hint,
            framing,
            read_at: provenance.read_at,
            zone: self.settings.zone_of(Some(&provenance.source)),
        };
        let mut at = 0;
        for segment in &provenance.segments {
            let range = at..at + segment.length.0 as usize;
            at = range.end;
            let bytes = &raw[range.clone()];
            framed.frame(&setting.framing, bytes, segment.offset, segment.edges.starts_mid_line);
            let text = text.and_then(|text| text.get(range));
            self.take_stretch(&Stretch { segment, bytes, text }, &setting, object, framed);
        }
        Ok(())
    }

    fn read_foreign(
        &mut self,
        member: &Member,
        layout: Layout,
        bytes: &[u8],
        object: &mut Object,
        (window, framed): (&mut Vec<u8>, &mut Framed),
        outlet: &mut Outlet<'_>,
    ) -> Result<(), BatchError> {
        let fail =
            |error: std::io::Error| unreadable(member)(ObjectError::Decompress { reason: error.to_string() });
        let host = member.key.labelled("host").unwrap_or(UNKNOWN);
        let source = member.key.labelled("source").unwrap_or(UNKNOWN);
        let mut setting = Setting {
            site: self.logs.origins.site(host, source),
            source,
            hint: "",
            framing: Framing::default(),
            read_at: member.modified,
            zone: self.settings.zone_of(source.parse::<SourceName>().ok().as_ref()),
        };
        let mut segment = foreign_segment(member);
        let mut reader = ForeignReader::new(layout, bytes).map_err(fail)?;
        window.clear();
        loop {
            // A cut never leaves a full window, so there is always room, and too little read is the end.
            let room = (WINDOW_BYTES - window.len()) as u64;
            let ended = (reader.by_ref().take(room).read_to_end(window).map_err(fail)? as u64) < room;
            let plain = segment.offset.0 + window.len() as u64;
            check_bomb(&self.settings.foreign, plain, bytes.len() as u64).map_err(unreadable(member))?;
            if segment.offset == ByteOffset(0) {
                setting.framing = Framing::default().in_encoding(Encoding::of_head(window));
            }
            framed.frame(&setting.framing, window, segment.offset, segment.edges.starts_mid_line);
            let lines = setting.framing.lines(segment.offset);
            let used =
                if ended { window.len() } else { cut_window(window, lines, framed, &mut segment.edges) };
            if used > 0 {
                segment.length = ByteLength(used as u64);
                let text = whole_text(&setting.framing, &window[..used]);
                self.take_stretch(
                    &Stretch { segment: &segment, bytes: &window[..used], text },
                    &setting,
                    object,
                    framed,
                );
                self.relieve(outlet)?;
            }
            if ended {
                return Ok(());
            }
            window.drain(..used);
            segment.offset = segment.offset.plus(segment.length);
            segment.edges =
                SegmentEdges { starts_mid_line: segment.edges.ends_mid_line, ..SegmentEdges::default() };
        }
    }

    fn take_stretch(
        &mut self,
        stretch: &Stretch<'_>,
        setting: &Setting<'_>,
        object: &mut Object,
        framed: &Framed,
    ) {
        let Stretch { segment, bytes, text } = stretch;
        let (at, origin) = self.stream_of(segment, setting.site, object);
        if self.rules.is_active() || self.watch.is_active() {
            let (host, source) = self.logs.origins.site_names(setting.site);
            let site = Site { host, source, path: &segment.path };
            self.rules.enter(&site);
            self.watch.enter(&site);
        }
        let piece = Piece {
            bytes,
            text: *text,
            lines: setting.framing.lines(segment.offset),
            stream: (segment.stream, segment.generation),
            offset: segment.offset,
            edges: segment.edges,
            origin,
            site: setting.site,
            from: StreamOrigin { source: setting.source, path: &segment.path, hint: setting.hint },
            context: Context::new(setting.read_at, segment.modified, setting.zone),
        };
        let counts = self.take_piece(&piece, framed, &mut object.report);
        object.bytes_seen += bytes.len() as u64;
        object.report.counts.add(&counts);
        object.report.streams[at].counts.add(&counts);
    }

    /// The segment's stream in the object's report, and the origin of its rows: a new one for each path.
    fn stream_of(&mut self, segment: &Segment, site: SiteId, object: &mut Object) -> (usize, OriginId) {
        let key = (segment.stream, segment.generation);
        let streams = &mut object.report.streams;
        if let Some((at, origin)) = object.streams.get(&key)
            && streams[*at].path == segment.path
            && self.logs.origins.site_of(*origin) == site
        {
            return (*at, *origin);
        }
        let origin = self.logs.origins.add(Origin {
            site,
            path: segment.path.clone(),
            chunk: object.chunk.clone(),
            stream: segment.stream.to_string().into(),
            generation: segment.generation,
        });
        let known = object.streams.get(&key).map(|(at, _)| *at);
        let at = known.unwrap_or_else(|| {
            let (stream, generation) = key;
            streams.push(StreamReport {
                stream,
                generation,
                path: segment.path.clone(),
                counts: Counts::default(),
            });
            streams.len() - 1
        });
        streams[at].path = segment.path.clone();
        object.streams.insert(key, (at, origin));
        (at, origin)
    }
}

impl Object {
    fn new(member: &Member, bytes: &[u8]) -> Self {
        Self {
            chunk: member.hash.to_string().into(),
            report: ObjectReport { bytes_in: bytes.len() as u64, ..ObjectReport::default() },
            bytes_seen: 0,
            streams: FxHashMap::default(),
        }
    }
}

fn foreign_segment(member: &Member) -> Segment {
    Segment {
        stream: StreamId::of_foreign_object(member.hash),
        path: member.key.as_str().into(),
        generation: Generation(0),
        offset: ByteOffset(0),
        length: ByteLength(0),
        modified: member.modified,
        edges: SegmentEdges::default(),
    }
}

/// All of `bytes` as text, where they are UTF-8: validated once; where that fails, event by event.
fn whole_text<'b>(framing: &Framing, bytes: &'b [u8]) -> Option<&'b str> {
    match framing.rule().encoding {
        Encoding::Utf8 => simdutf8::basic::from_utf8(bytes).ok(),
        Encoding::Utf16Le | Encoding::Utf16Be => None,
    }
}

/// Takes the unfinished last event off a full window that more bytes follow, and returns how many bytes
/// are left; cuts the event, or the line, that fills the window alone.
fn cut_window(window: &[u8], lines: Lines, framed: &mut Framed, edges: &mut SegmentEdges) -> usize {
    match framed.events.as_mut_slice() {
        [only] if framed.head == 0 => {
            if let Some(end) = lines.last_end(window) {
                only.end = end;
            } else {
                (edges.ends_mid_line, edges.cut) = (true, true);
            }
            only.end
        }
        [.., last] => {
            let used = last.start;
            framed.events.pop();
            used
        }
        [] => {
            edges.ends_mid_line = !lines.is_terminated(window);
            edges.cut = edges.ends_mid_line;
            window.len()
        }
    }
}

/// The lake's columns are signed, as Parquet's readers want them.
fn check_place(segment: &Segment) -> Result<(), ObjectError> {
    let Segment { offset, length, generation, .. } = segment;
    let fits = i64::try_from(offset.plus(*length).0).is_ok() && i32::try_from(generation.0).is_ok();
    if fits { Ok(()) } else { Err(ObjectError::Place { offset: *offset, generation: generation.0 }) }
}

fn check_bomb(limits: &ForeignLimits, plain: u64, stored: u64) -> Result<(), ObjectError> {
    let by_ratio = stored.saturating_mul(limits.ratio_max).max(limits.ratio_from_bytes);
    let allowed = by_ratio.min(limits.raw_bytes_max);
    if plain > allowed { Err(ObjectError::Bomb { allowed, stored }) } else { Ok(()) }
}

fn check_conservation(member: &Member, Object { report, bytes_seen, .. }: &Object) -> Result<(), BatchError> {
    let Counts { rows, events, bytes_raw, dropped, sampled_out, .. } = report.counts;
    let fail = |expected, total, found| {
        Err(BatchError::Conservation { key: member.key.clone(), expected, total, found })
    };
    if bytes_raw != *bytes_seen {
        return fail("the bytes of rows", *bytes_seen, bytes_raw);
    }
    if rows + dropped + sampled_out != events {
        return fail("rows and events dropped by rules", events, rows + dropped + sampled_out);
    }
    if report.tally.rows() != rows {
        return fail("rows by level and event type", rows, report.tally.rows());
    }
    Ok(())
}

fn unreadable(member: &Member) -> impl Fn(ObjectError) -> BatchError {
    |reason| BatchError::Object { key: member.key.clone(), reason }
}
