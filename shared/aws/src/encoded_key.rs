//! Object keys as S3's notifications write them: URL-encoded, with `+` for a space.

/// Why a key cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyDecodeError {
    /// A `%` without two hexadecimal digits behind it.
    #[error("expected two hexadecimal digits behind each % of the key, found others at byte {at}")]
    Escape {
        /// Where the `%` stands.
        at: usize,
    },
    /// S3 takes keys of any bytes, headrig those of UTF-8.
    #[error("expected a key in UTF-8, found other bytes; store the object again under another key")]
    NotUtf8,
}

/// The key behind `encoded`.
///
/// # Errors
/// [`KeyDecodeError`] for what is no encoding, or not of UTF-8.
pub fn decode_key(encoded: &str) -> Result<String, KeyDecodeError> {
    let bytes = encoded.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += match byte {
            b'+' => {
                decoded.push(b' ');
                1
            }
            b'%' => {
                decoded.push(escaped(bytes, at).ok_or(KeyDecodeError::Escape { at })?);
                3
            }
            other => {
                decoded.push(*other);
                1
            }
        };
    }
    String::from_utf8(decoded).map_err(|_| KeyDecodeError::NotUtf8)
}

fn escaped(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |offset: usize| char::from(*bytes.get(at + offset)?).to_digit(16);
    u8::try_from(digit(1)? << 4 | digit(2)?).ok()
}
