//! The columns that a `#Fields:` directive names.

use std::borrow::Cow;
use std::sync::Arc;

/// Columns of a line; IIS offers 22, CloudFront writes 33.
pub(super) const COLUMNS_MAX: usize = 64;
/// The longest name; a directive with a longer one is not believed.
const NAME_BYTES_MAX: usize = 64;

/// Names that are kept without a copy for each line.
const KNOWN: [&str; 62] = [
    "date",
    "time",
    "s-sitename",
    "s-computername",
    "s-ip",
    "s-port",
    "cs-method",
    "cs-uri",
    "cs-uri-stem",
    "cs-uri-query",
    "cs-username",
    "c-ip",
    "c-port",
    "cs-version",
    "cs(User-Agent)",
    "cs(Cookie)",
    "cs(Referer)",
    "cs(Host)",
    "cs-host",
    "sc-status",
    "sc-substatus",
    "sc-win32-status",
    "sc-bytes",
    "cs-bytes",
    "time-taken",
    "s-siteid",
    "s-reason",
    "s-queuename",
    "x-edge-location",
    "x-edge-result-type",
    "x-edge-request-id",
    "x-host-header",
    "cs-protocol",
    "x-forwarded-for",
    "ssl-protocol",
    "ssl-cipher",
    "x-edge-response-result-type",
    "cs-protocol-version",
    "fle-status",
    "fle-encrypted-fields",
    "time-to-first-byte",
    "x-edge-detailed-result-type",
    "sc-content-type",
    "sc-content-len",
    "sc-range-start",
    "sc-range-end",
    "action",
    "protocol",
    "src-ip",
    "dst-ip",
    "src-port",
    "dst-port",
    "size",
    "tcpflags",
    "tcpsyn",
    "tcpack",
    "tcpwin",
    "icmptype",
    "icmpcode",
    "info",
    "path",
    "pid",
];

/// A column's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Known(&'static str),
    Other(Box<str>),
}

/// The columns of a stream, by the directive that its sample shows. Shared, since each piece of the stream has its
/// own handle; at most [`COLUMNS_MAX`] names of [`NAME_BYTES_MAX`] bytes.
#[derive(Clone, Debug)]
pub(in crate::parse) struct Columns(Arc<[Name]>);

impl Name {
    pub(super) fn new(name: &str) -> Self {
        match KNOWN.into_iter().find(|known| *known == name) {
            Some(known) => Self::Known(known),
            None => Self::Other(name.into()),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Other(name) => name,
        }
    }

    pub(super) fn to_cow<'a>(&self) -> Cow<'a, str> {
        match self {
            Self::Known(name) => Cow::Borrowed(name),
            Self::Other(name) => Cow::Owned(name.to_string()),
        }
    }
}

impl Columns {
    /// The columns that a line names, where it is a directive of fields.
    pub(in crate::parse) fn of_directive(text: &str) -> Option<Self> {
        let names: Vec<&str> =
            text.strip_prefix("#Fields:")?.split_ascii_whitespace().take(COLUMNS_MAX + 1).collect();
        let valid = !names.is_empty()
            && names.len() <= COLUMNS_MAX
            && names.iter().all(|name| name.len() <= NAME_BYTES_MAX);
        valid.then(|| Self(names.into_iter().map(Name::new).collect()))
    }

    pub(super) fn names(&self) -> &[Name] {
        &self.0
    }
}
