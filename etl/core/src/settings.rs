//! What a batch run may be told: time zones, what to keep, and its limits.
//!
//! Settings are part of a batch's identity: the same members, settings and version give the same bytes.

use crate::parse::Formats;
use crate::{Alerts, Rules};
use headrig_contract::SourceName;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// The default of [`Settings::arrow_bytes_max`]. With an object of 64 MiB beside it, and what the allocator keeps of what was
/// freed, a run stays under 200 MiB; `cargo xtask bench etl` measures it.
pub const ARROW_BYTES_MAX_DEFAULT: usize = 36 << 20;

/// The most that [`Settings::arrow_bytes_max`] counts for: Arrow's 32-bit offsets must not overflow.
pub const ARROW_BYTES_CEILING: usize = 1 << 30;

/// The settings of a batch run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The zone of times without one, where a source has its own.
    pub zones: BTreeMap<SourceName, TimeZone>,
    /// The zone of times without one, everywhere else.
    pub zone: TimeZone,
    /// Whether `raw` holds the whole line of parsed events too.
    pub raw_always: bool,
    /// Formats beside the built-in ones.
    pub formats: Formats,
    /// Bytes of rows held in memory before the largest partitions are written out.
    pub arrow_bytes_max: usize,
    /// What is dropped, sampled, redacted and relabelled.
    pub rules: Rules,
    /// What people are to be told of. None by default: those that are built in come with a configuration.
    pub alerts: Alerts,
    /// What an object that no agent made may decompress to.
    pub foreign: ForeignLimits,
}

/// Bounds that tell a compressed log from a decompression bomb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignLimits {
    /// The most plain bytes of one object.
    pub raw_bytes_max: u64,
    /// The most plain bytes for each stored byte. Deflate itself ends at 1,032; logs stay under 100.
    pub ratio_max: u64,
    /// Plain bytes up to which the ratio does not count.
    pub ratio_from_bytes: u64,
}

impl Default for ForeignLimits {
    fn default() -> Self {
        Self { raw_bytes_max: 64 << 30, ratio_max: 500, ratio_from_bytes: 256 << 20 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zones: BTreeMap::new(),
            zone: TimeZone::UTC,
            raw_always: false,
            formats: Formats::default(),
            arrow_bytes_max: ARROW_BYTES_MAX_DEFAULT,
            rules: Rules::default(),
            alerts: Alerts::default(),
            foreign: ForeignLimits::default(),
        }
    }
}

impl Settings {
    /// The zone of `source`'s times that name none.
    pub fn zone_of(&self, source: Option<&SourceName>) -> &TimeZone {
        source.and_then(|source| self.zones.get(source)).unwrap_or(&self.zone)
    }
}
