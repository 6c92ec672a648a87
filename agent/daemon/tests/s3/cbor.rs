//! CBOR (RFC 8949) as far as a report to CloudWatch uses it.

/// A decoded item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cbor {
    Text(String),
    Number(f64),
    List(Vec<Cbor>),
    Map(Vec<(String, Cbor)>),
    Break,
}

impl Cbor {
    /// The one item in `bytes`.
    pub(crate) fn decode(mut bytes: &[u8]) -> Self {
        let item = item(&mut bytes);
        assert!(bytes.is_empty(), "{} bytes are left over", bytes.len());
        item
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        let Self::Map(fields) = self else { panic!("expected a map, found {self:?}") };
        fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        match self.field(name) {
            Some(Self::Text(text)) => text,
            other => panic!("expected a text called {name}, found {other:?}"),
        }
    }

    pub(crate) fn number(&self, name: &str) -> f64 {
        match self.field(name) {
            Some(Self::Number(number)) => *number,
            other => panic!("expected a number called {name}, found {other:?}"),
        }
    }

    /// The list of that name; empty when there is none.
    pub(crate) fn list(&self, name: &str) -> &[Self] {
        match self.field(name) {
            Some(Self::List(items)) => items,
            None => &[],
            other => panic!("expected a list called {name}, found {other:?}"),
        }
    }
}

fn item(bytes: &mut &[u8]) -> Cbor {
    let head = take(bytes, 1)[0];
    if head == 0xff {
        return Cbor::Break;
    }
    let (major, low) = (head >> 5, head & 31);
    if major == 7 {
        return Cbor::Number(float(low, bytes));
    }
    let length = length(low, bytes);
    match major {
        0 => Cbor::Number(length.unwrap() as f64),
        3 => Cbor::Text(String::from_utf8(take(bytes, length.unwrap()).to_vec()).unwrap()),
        4 => Cbor::List(items(length, bytes)),
        5 => Cbor::Map(pairs(items(length.map(|pairs| 2 * pairs), bytes))),
        _ => panic!("expected another major type than {major}"),
    }
}

/// None for an item of indefinite length.
fn length(low: u8, bytes: &mut &[u8]) -> Option<usize> {
    match low {
        31 => None,
        0..24 => Some(low.into()),
        _ => {
            Some(take(bytes, 1 << (low - 24)).iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
        }
    }
}

fn items(count: Option<usize>, bytes: &mut &[u8]) -> Vec<Cbor> {
    match count {
        Some(count) => (0..count).map(|_| item(bytes)).collect(),
        None => std::iter::from_fn(|| Some(item(bytes)).filter(|item| *item != Cbor::Break)).collect(),
    }
}

fn pairs(items: Vec<Cbor>) -> Vec<(String, Cbor)> {
    let pair = |pair: &[Cbor]| match pair {
        [Cbor::Text(name), value] => (name.clone(), value.clone()),
        other => panic!("expected a name and a value, found {other:?}"),
    };
    items.chunks(2).map(pair).collect()
}

fn float(low: u8, bytes: &mut &[u8]) -> f64 {
    match low {
        26 => f32::from_be_bytes(take(bytes, 4).try_into().unwrap()).into(),
        27 => f64::from_be_bytes(take(bytes, 8).try_into().unwrap()),
        _ => panic!("expected a float of 4 or 8 bytes, found {low}"),
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> &'a [u8] {
    let (taken, rest) = bytes.split_at(count);
    *bytes = rest;
    taken
}
