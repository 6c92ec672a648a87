//! What a file's first bytes say it is: text, text that is compressed, or something that is no log.
//!
//! Pure: it knows bytes and no files. Invariant: what could be text counts as text; only what is surely something
//! else is refused, and by name.

use headrig_contract::{
    ByteOffset,
    framing::{Encoding, Lines},
};
use std::collections::HashSet;

/// The share of bytes in the sample that no text has, in percent, from which on a file counts as binary.
const BINARY_PERCENT: usize = 30;
/// The rows of 256 characters, of Unicode's, that a text takes its characters from at most: those of Chinese and
/// Korean are some 130.
const ROWS_MAX: usize = 160;
/// What files of other kinds begin with.
const MAGICS: [(&[u8], &str); 10] = [
    (b"\x7fELF", "an ELF program"),
    (b"\x89PNG", "a PNG image"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"LPKSHHRH", "a systemd journal; export it with journalctl -o json"),
    (b"PAR1\x15", "a Parquet file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\xfd7zXZ\0", "xz data; recompress it with gzip or zstd"),
    (b"BZh91AY&SY", "bzip2 data; recompress it with gzip or zstd"),
    (b"%PDF-", "a PDF document"),
    (b"\xca\xfe\xba\xbe", "a Java class"),
];

/// What a file's first bytes say it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Plain,
    Compressed,
    Other(&'static str),
}

/// What `sample`, a file's first bytes, says of it, where it is to be of `encoding`. Holes (NUL bytes) that a
/// crash or a truncation left in a log do not count against it.
pub(super) fn classify(sample: &[u8], encoding: Option<Encoding>) -> Content {
    if sample.starts_with(&[0x1f, 0x8b])
        || sample.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        || is_skippable(sample)
    {
        return Content::Compressed;
    }
    if let Some((_, kind)) = MAGICS.iter().find(|(magic, _)| sample.starts_with(magic)) {
        return Content::Other(kind);
    }
    match (encoding, Encoding::of_head(sample)) {
        // Half a byte order mark, while the file is being written.
        (None, _) if matches!(sample, [0xff | 0xfe]) => return Content::Plain,
        (Some(Encoding::Utf8) | None, Encoding::Utf8) => {}
        (Some(Encoding::Utf8), _) => return Content::Other("UTF-16 text; set its source's encoding"),
        (None, utf16) | (Some(utf16), _) => return classify_utf16(sample, utf16),
    }
    let text: Vec<u8> = sample.iter().copied().filter(|byte| *byte != 0).collect();
    let controls =
        text.iter().filter(|byte| byte.is_ascii_control() && !b"\t\n\r\x08\x0b\x0c\x1b".contains(byte));
    let invalid: usize = text.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    if (controls.count() + invalid) * 100 > BINARY_PERCENT * text.len() {
        return Content::Other("binary data");
    }
    Content::Plain
}

/// Text in UTF-16 has hardly any unpaired surrogates and controls, and its characters are of a few scripts; other
/// data makes characters of all there are. Half a code unit at the end is the sample's.
fn classify_utf16(sample: &[u8], encoding: Encoding) -> Content {
    let text = Lines::new(encoding, ByteOffset(0)).text(&sample[..sample.len() & !1]);
    let is_odd = |char: &char| {
        *char == char::REPLACEMENT_CHARACTER
            || char.is_control() && !"\0\t\n\r\x08\x0b\x0c\x1b".contains(*char)
    };
    let (count, odd) = (text.chars().count(), text.chars().filter(is_odd).count());
    let rows: HashSet<u32> = text.chars().map(|char| u32::from(char) >> 8).collect();
    let is_text = odd * 100 <= BINARY_PERCENT * count && rows.len() <= ROWS_MAX;
    if is_text { Content::Plain } else { Content::Other("binary data") }
}

/// A zstd skippable frame (RFC 8878, section 3.1.2), with which a chunk of ours begins.
fn is_skippable(sample: &[u8]) -> bool {
    matches!(sample, [first, 0x2a, 0x4d, 0x18, ..] if first & 0xf0 == 0x50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_told_from_other_data() {
        let noise: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let check = |sample: &[u8], expect: Content| assert_eq!(classify(sample, None), expect, "{sample:?}");
        check(b"", Content::Plain);
        check(b"plain line\n", Content::Plain);
        check(b"\0\0\0\0\0\0\0\0\0\0line after a hole\n", Content::Plain);
        check("caf\u{e9} \u{65e5}\u{672c}\n".as_bytes(), Content::Plain);
        check(b"latin-1 caf\xe9 in a long enough line of text\n", Content::Plain);
        check(b"\x1b[31mred\x1b[0m\n", Content::Plain);
        check(&noise, Content::Other("binary data"));
        check(b"\x7fELF\x02\x01", Content::Other("an ELF program"));
        check(b"\x1f\x8b\x08\x00", Content::Compressed);
        check(b"\x58\x2a\x4d\x18\0\0\0\0", Content::Compressed);
        check(&[b"\xff\xfe", noise.as_slice()].concat(), Content::Other("binary data"));
    }

    #[test]
    fn utf_16_is_text_by_its_mark_or_where_it_is_expected() {
        let noise: Vec<u8> = (0..4096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let text = "plain caf\u{e9} \u{65e5}\u{672c}\r\n".repeat(20);
        let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = [b"\xff\xfe", le.as_slice()].concat();
        let check = |sample: &[u8], encoding, expect| assert_eq!(classify(sample, encoding), expect);
        let (utf8, utf16) = (Some(Encoding::Utf8), Some(Encoding::Utf16Le));
        check(&marked, None, Content::Plain);
        (1..40).for_each(|length| check(&marked[..length], None, Content::Plain));
        (1..40).for_each(|length| check(&le[..length], utf16, Content::Plain));
        check(&marked, utf8, Content::Other("UTF-16 text; set its source's encoding"));
        check(&le, utf16, Content::Plain);
        check(b"", utf16, Content::Plain);
        check(&noise, utf16, Content::Other("binary data"));
        check(b"\x1f\x8b\x08\x00", utf16, Content::Compressed);
    }
}
