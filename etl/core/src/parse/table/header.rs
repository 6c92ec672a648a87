//! Headers: lines that name the columns of those that follow.

use super::{Columns, Separator, Slot, split::Split};
use crate::parse::fields::{is_known_name, is_time_name};
use headrig_contract::Timestamp;
use std::borrow::Cow;

/// Fewer names than this are some other line.
const NAMES_MIN: usize = 3;
/// Fewer names than this, and no row behind them, may be a sentence.
const NAMES_ALONE_MIN: usize = 4;
/// More columns than this has no log.
const NAMES_MAX: usize = 512;
/// The longest name.
const NAME_BYTES_MAX: usize = 64;
/// Marks that part fields, the likeliest first.
const MARKS: [u8; 4] = [b'\t', b',', b';', b'|'];

/// The columns that the first line names, where the next one is a row of them.
pub(super) fn find(sample: &[&str]) -> Option<Columns> {
    let (first, next) = (sample.first()?.trim_start_matches('\u{feff}'), sample.get(1));
    if let Some(columns) = flow(first) {
        return Some(columns);
    }
    let columns = MARKS.iter().find_map(|mark| named(first, Separator::Mark(*mark)))?;
    // What looks like a header heads rows of as many fields; alone it must look the part more.
    let width = columns.slots.len();
    let fits = match next {
        Some(next) => Split::new(columns.separator, next).take(NAMES_MAX + 1).count() == width,
        None => width >= NAMES_ALONE_MIN,
    };
    fits.then_some(columns)
}

/// The first line of a delivered file of flow logs: names and nothing else.
fn flow(line: &str) -> Option<Columns> {
    let sure = line.contains("srcaddr ") && line.contains("dstaddr ") && line.contains("action");
    let name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b' ');
    (sure && line.bytes().all(name)).then_some(())?;
    let slots: Vec<_> = line.split(' ').map(|name| (name.to_owned().into(), flow_slot(name))).collect();
    let fields_min = slots.len();
    (fields_min <= NAMES_MAX).then(|| Columns {
        separator: Separator::Space,
        slots,
        header: line.into(),
        fields_min,
    })
}

/// The names of flow logs. Their bytes are no response's.
pub(super) fn flow_slot(name: &str) -> Slot {
    Slot::Known(match name {
        "start" => "time".into(),
        "srcaddr" => "src_ip".into(),
        "srcport" => "flow.srcport".into(),
        "bytes" => "flow.bytes".into(),
        "action" => "flow.action".into(),
        "protocol" => "flow.protocol".into(),
        "dstaddr" => "flow.dstaddr".into(),
        other => Cow::Owned(format!("flow.{other}")),
    })
}

/// A line of names between marks, of which one is a time's.
fn named(line: &str, separator: Separator) -> Option<Columns> {
    let fields = Split::new(separator, line).take(NAMES_MAX + 1);
    let names: Vec<String> = fields.map(|field| field.unquoted().trim().to_owned()).collect();
    let likely = (NAMES_MIN..=NAMES_MAX).contains(&names.len()) && names.iter().all(|name| is_name(name));
    let timed = names.iter().any(|name| is_time_name(&known(name)));
    let differ = (1..names.len()).all(|at| !names[..at].contains(&names[at]));
    if !(likely && timed && differ) {
        return None;
    }
    let lower: Vec<String> = names.iter().map(|name| name.to_ascii_lowercase()).collect();
    let parted = lower.iter().any(|name| name == "date") && lower.iter().any(|name| name == "time");
    let slot_of = |name: &String| match name.to_ascii_lowercase().as_str() {
        "date" if parted => Slot::Date,
        "time" if parted => Slot::Clock,
        _ => Slot::Known(known(name).into()),
    };
    let slots: Vec<_> = names.iter().map(|name| (Cow::Owned(name.clone()), slot_of(name))).collect();
    let fields_min = slots.len();
    Some(Columns { separator, slots, header: line.into(), fields_min })
}

/// The name that the fields' table knows: as written, or `Client IP` as `client_ip`.
fn known(name: &str) -> String {
    if is_known_name(name) {
        return name.to_owned();
    }
    name.to_ascii_lowercase().replace([' ', '-'], "_")
}

fn is_name(name: &str) -> bool {
    let first = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'@' | b'#');
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_ .-@()/:#%$".contains(&byte);
    name.len() <= NAME_BYTES_MAX
        && name.as_bytes().first().is_some_and(first)
        && name.bytes().all(inner)
        && Timestamp::parse(name.as_bytes()).is_none()
}
