//! CBOR (RFC 8949) as far as CloudWatch's answers use it.

/// An item to be written.
#[derive(Clone, Debug)]
pub(crate) enum Cbor {
    Text(String),
    Number(f64),
    /// Seconds since 1970.
    Time(i64),
    List(Vec<Cbor>),
    Map(Vec<(&'static str, Cbor)>),
}

impl Cbor {
    pub(crate) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.append(&mut bytes);
        bytes
    }

    fn append(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => append_text(text, out),
            Self::Number(number) => append_number(*number, out),
            Self::Time(seconds) => {
                out.push(0xc1);
                append_number(*seconds as f64, out);
            }
            Self::List(items) => {
                append_head(0x80, items.len(), out);
                items.iter().for_each(|item| item.append(out));
            }
            Self::Map(fields) => {
                append_head(0xa0, fields.len(), out);
                for (name, value) in fields {
                    append_text(name, out);
                    value.append(out);
                }
            }
        }
    }
}

fn append_text(text: &str, out: &mut Vec<u8>) {
    append_head(0x60, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

fn append_number(number: f64, out: &mut Vec<u8>) {
    out.push(0xfb);
    out.extend_from_slice(&number.to_be_bytes());
}

/// A kind and a length, in two bytes where one does not do.
fn append_head(kind: u8, length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(short) if short < 24 => out.push(kind | short),
        _ => {
            out.push(kind | 25);
            out.extend_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
        }
    }
}
