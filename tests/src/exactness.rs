//! The oracle: every byte that was written is in exactly one chunk and in exactly one row.
//!
//! The one exception is the contract's: where a line was cut before its terminator, the terminator alone
//! makes no row.
//!
//! It knows only the bytes of the original files. Which stream or generation a file became is the
//! agent's business; that some stream holds exactly these bytes, and no other stream anything, is not.

use crate::{
    bucket::Bucket,
    lake::{Lake, Row, Span, StreamKey},
};
use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;

/// What was found when all was well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact {
    /// Rows in the lake.
    pub rows: u64,
    /// Bytes that they stand for.
    pub bytes: u64,
}

/// Checks that `lake` holds exactly the files of these contents: in its chunks byte by byte, and in its
/// rows interval by interval.
///
/// # Errors
/// At the first byte that is missing, doubled or another.
pub fn check<B: AsRef<[u8]>>(lake: &Lake, contents: &[B]) -> Result<Exact> {
    let bucket = Bucket::read(lake)?;
    check_contents(&bucket, contents)?;
    let spans = lake.spans()?;
    check_spans(&bucket, &spans)?;
    Ok(Exact {
        rows: spans.len() as u64,
        bytes: bucket.streams.values().map(|stream| stream.bytes.len() as u64).sum(),
    })
}

/// Checks, beyond [`check`], that each row's text is that of its bytes.
///
/// # Errors
/// At the first row whose `raw` is not its line.
pub fn check_text(lake: &Lake) -> Result<Vec<Row>> {
    let (bucket, rows) = (Bucket::read(lake)?, lake.rows()?);
    for row in &rows {
        let bytes = bytes_of(&bucket, row.span)?;
        let line = String::from_utf8_lossy(bytes.trim_ascii_end()).into_owned();
        match &row.raw {
            Some(raw) => ensure!(raw.trim_end() == line.trim_end(), "expected raw {line:?}, found {raw:?}"),
            None => ensure!(row.event_type != "unparsed", "a row that no parser took lacks raw: {line:?}"),
        }
    }
    Ok(rows)
}

/// The bytes that a row stands for.
///
/// # Errors
/// When no chunk holds them.
pub fn bytes_of(bucket: &Bucket, span: Span) -> Result<&[u8]> {
    let (from, length) = (span.offset.0 as usize, span.length.0 as usize);
    match bucket.streams.get(&span.stream).and_then(|stream| stream.bytes.get(from..from + length)) {
        Some(bytes) => Ok(bytes),
        None => bail!("no chunk holds the bytes of {span:?}"),
    }
}

fn check_contents<B: AsRef<[u8]>>(bucket: &Bucket, contents: &[B]) -> Result<()> {
    let mut expected: Vec<&[u8]> =
        contents.iter().map(AsRef::as_ref).filter(|bytes| !bytes.is_empty()).collect();
    for (key, stream) in &bucket.streams {
        let Some(at) = expected.iter().position(|bytes| *bytes == stream.bytes) else {
            bail!(
                "stream {key:?} of {:?} holds what no file had: {}",
                stream.paths,
                nearest(&stream.bytes, &expected)
            );
        };
        expected.swap_remove(at);
    }
    let missing: Vec<String> = expected.iter().map(|bytes| described(bytes)).collect();
    ensure!(missing.is_empty(), "files without a stream: {missing:?}");
    Ok(())
}

/// Checks that `spans` are those of the bucket's bytes, each byte once.
///
/// # Errors
/// At the first byte without a row, or with two.
pub fn check_spans(bucket: &Bucket, spans: &[Span]) -> Result<()> {
    let mut by_stream: BTreeMap<StreamKey, Vec<Span>> = BTreeMap::new();
    for span in spans {
        ensure!(
            bucket.chunks.contains(&span.chunk),
            "row of chunk {}, which is not in the bucket",
            span.chunk
        );
        by_stream.entry(span.stream).or_default().push(*span);
    }
    for (key, stream) in &bucket.streams {
        let mut spans = by_stream.remove(key).unwrap_or_default();
        spans.sort_unstable();
        check_stream(&stream.bytes, &spans)
            .with_context(|| format!("stream {key:?} of {:?}", stream.paths))?;
    }
    ensure!(by_stream.is_empty(), "rows of streams that no chunk holds: {:?}", by_stream.keys());
    Ok(())
}

fn check_stream(bytes: &[u8], spans: &[Span]) -> Result<()> {
    let mut at = 0;
    for span in spans {
        let start = usize::try_from(span.offset.0)?;
        ensure!(start >= at, "bytes {start} to {at} are in two rows");
        ensure!(is_cut_terminator(bytes, at, start), "bytes {at} to {start} are in no row");
        ensure!(span.length.0 > 0, "a row of no bytes at {start}");
        at = start + usize::try_from(span.length.0)?;
    }
    ensure!(at <= bytes.len(), "a row ends at {at}, beyond the {} bytes shipped", bytes.len());
    ensure!(
        is_cut_terminator(bytes, at, bytes.len()),
        "the bytes from {at} to the end, {}, are in no row",
        bytes.len()
    );
    Ok(())
}

/// Whether `from..to` is nothing, or the terminator of a line that was cut before it.
fn is_cut_terminator(bytes: &[u8], from: usize, to: usize) -> bool {
    let gap = bytes.get(from..to);
    let after_text = from > 0 && bytes.get(from - 1) != Some(&b'\n');
    // In UTF-8, and in UTF-16 of either order.
    let terminators: [&[u8]; 6] = [b"\n", b"\r\n", b"\n\0", b"\r\0\n\0", b"\0\n", b"\0\r\0\n"];
    from == to || after_text && gap.is_some_and(|gap| terminators.contains(&gap))
}

/// Where `found` leaves the expected content that it shares most of its beginning with.
fn nearest(found: &[u8], expected: &[&[u8]]) -> String {
    let shared = |bytes: &&&[u8]| bytes.iter().zip(found).take_while(|(a, b)| a == b).count();
    match expected.iter().max_by_key(shared) {
        Some(best) => {
            format!("{}; alike for {} bytes: {}", described(found), shared(&best), described(best))
        }
        None => format!("{}, and no file is left", described(found)),
    }
}

fn described(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
    format!("{} bytes beginning {head:?}", bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::Stream;
    use headrig_contract::{ByteLength, ByteOffset, ContentHash, Generation, StreamId};

    fn key() -> StreamKey {
        (StreamId::from_bytes([1; 16]), Generation(0))
    }

    fn bucket(bytes: &[u8]) -> Bucket {
        let mut bucket = Bucket::default();
        bucket.chunks.insert(ContentHash::of(b"chunk"));
        bucket.streams.insert(key(), Stream { bytes: bytes.to_vec(), ..Stream::default() });
        bucket
    }

    /// Whether rows of these (offset, length) are exact for `bytes`.
    fn is_exact(bytes: &[u8], rows: &[(u64, u64)]) -> bool {
        let spans: Vec<Span> = rows
            .iter()
            .map(|&(offset, length)| Span {
                stream: key(),
                offset: ByteOffset(offset),
                length: ByteLength(length),
                chunk: ContentHash::of(b"chunk"),
            })
            .collect();
        check_spans(&bucket(bytes), &spans).is_ok()
    }

    #[test]
    fn a_missing_doubled_or_excess_row_is_found() {
        assert!(is_exact(b"one\ntwo\n", &[(4, 4), (0, 4)]));
        for rows in
            [&[(0, 4)][..], &[(4, 4)], &[(0, 4), (0, 4), (4, 4)], &[(0, 4), (4, 5)], &[(0, 5), (4, 4)], &[]]
        {
            assert!(!is_exact(b"one\ntwo\n", rows), "{rows:?}");
        }
    }

    #[test]
    fn only_the_terminator_of_a_cut_line_may_lack_a_row() {
        assert!(is_exact(b"one\ntwo\n", &[(0, 3), (4, 4)]));
        assert!(is_exact(b"one\r\ntwo\n", &[(0, 3), (5, 4)]));
        assert!(!is_exact(b"one\n\ntwo\n", &[(0, 4), (5, 4)]), "a blank line is a line");
        assert!(!is_exact(b"one two\n", &[(0, 3), (4, 4)]));
    }

    #[test]
    fn contents_are_compared_byte_by_byte_and_as_often_as_they_stand() {
        let bucket = bucket(b"one\n");
        assert!(check_contents(&bucket, &["one\n"]).is_ok());
        assert!(check_contents(&bucket, &["one\n", ""]).is_ok());
        for contents in [&["two\n"][..], &["one\n", "one\n"], &[], &["one"]] {
            assert!(check_contents(&bucket, contents).is_err(), "{contents:?}");
        }
    }
}
