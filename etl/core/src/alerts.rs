//! Alerts: thresholds over figures of what a batch brought, told once for each incident.
//!
//! In three steps, so that many tasks may read one batch and runs may be tried again: a [`watch`] counts while rows are
//! made, without memory of other batches; [`Figures`] of the tasks add up; [`Alerts::absorb`] takes the batch's figures
//! and the [`State`] that other batches left, and gives the next state and what people are to be told. [`telling`] does
//! that over the ports, and listens for sources that fall silent. Nothing here knows a clock or a store. Invariants: a
//! batch is absorbed once; an incident is told once; figures and state have a largest size, whatever is attacked or
//! misdated, and what they leave out is told.
//!
//! [`watch`]: Alerts::watch

mod absorb;
mod figures;
mod heard;
mod state;
pub mod telling;
mod watch;

pub use figures::{Cell, Figures, Groups};
pub use state::{Notice, State};
pub(crate) use watch::Watch;

use crate::conditions::Conditions;
use headrig_contract::UnixMicros;
use std::{fmt, sync::Arc};

/// The most alerts of a configuration: a bit each.
pub const ALERTS_MAX: usize = 64;
/// The longest time in which something is counted.
pub const WINDOW_MINUTES_MAX: i64 = 24 * 60;
/// Buckets that a window is cut into, where it is long enough: what is counted moves on by one of them.
const BUCKETS_A_WINDOW: i64 = 5;
const MINUTE_MICROS: i64 = 60_000_000;

/// The alerts that built in are, as a configuration would have them.
pub(crate) const BUILT_IN: &str = include_str!("alerts/built_in.toml");

/// The alerts of a configuration. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Alerts(Arc<Vec<Alert>>);

/// One alert, checked.
#[derive(Clone, Debug)]
pub(crate) struct Alert {
    pub(crate) name: String,
    pub(crate) figure: Figure,
    /// What is counted.
    pub(crate) conditions: Conditions,
    /// What it is a share of, or what has to follow.
    pub(crate) base: Conditions,
    pub(crate) group_by: Vec<GroupBy>,
    pub(crate) threshold: f64,
    /// Shares count from so many matching events on.
    pub(crate) least: u64,
    /// How many times the share has to be that of the past.
    pub(crate) factor: f64,
    pub(crate) window: Minutes,
    pub(crate) cooldown: Minutes,
    pub(crate) severity: Severity,
    pub(crate) message: String,
}

/// What is held against the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    /// Events.
    Count,
    /// The share of events among others.
    Share,
    /// The same, against that of the group's past.
    Jump,
    /// Events, where another comes behind them.
    Followed,
    /// The time since a host's source was heard.
    Silence,
    /// Told by who runs the batch or the agent: bytes that were gone before they could be read.
    BytesLost,
    /// Told by who runs the batch: lines in and rows out do not add up.
    Conservation,
}

/// What incidents are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupBy {
    Host,
    Source,
    SrcIp,
    UserName,
    Service,
}

/// How urgent an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To know of.
    Low,
    /// To look at today.
    Medium,
    /// To look at now.
    High,
    /// To act on now.
    Critical,
}

/// A time in minutes; as a point in time, since 1970.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Minutes(pub i64);

impl Alerts {
    pub(crate) fn new(alerts: Vec<Alert>) -> Self {
        Self(Arc::new(alerts))
    }

    pub(crate) fn all(&self) -> &[Alert] {
        &self.0
    }

    /// Those that listen for silence.
    pub(crate) fn silences(&self) -> impl Iterator<Item = &Alert> {
        self.all().iter().filter(|alert| alert.figure == Figure::Silence)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|alert| alert.name.as_str())
    }
}

impl Alert {
    /// The width of the buckets that its events are counted in.
    pub(crate) fn bucket(&self) -> Minutes {
        Minutes((self.window.0 / BUCKETS_A_WINDOW).max(1))
    }

    /// Whether it counts events.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.figure, Figure::Count | Figure::Share | Figure::Jump | Figure::Followed)
    }

    /// Whether it looks at other events than those it counts.
    pub(crate) fn has_base(&self) -> bool {
        matches!(self.figure, Figure::Share | Figure::Jump | Figure::Followed)
    }

    /// Whether its groups depend on the place alone.
    pub(crate) fn is_by_site(&self) -> bool {
        self.group_by.iter().all(|by| matches!(by, GroupBy::Host | GroupBy::Source))
    }
}

impl Figure {
    pub(crate) const ALL: [Self; 7] = [
        Self::Count,
        Self::Share,
        Self::Jump,
        Self::Followed,
        Self::Silence,
        Self::BytesLost,
        Self::Conservation,
    ];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Share => "share",
            Self::Jump => "jump",
            Self::Followed => "followed",
            Self::Silence => "silence",
            Self::BytesLost => "bytes_lost",
            Self::Conservation => "conservation",
        }
    }
}

impl GroupBy {
    pub(crate) const ALL: [Self; 5] = [Self::Host, Self::Source, Self::SrcIp, Self::UserName, Self::Service];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Source => "source",
            Self::SrcIp => "src_ip",
            Self::UserName => "user_name",
            Self::Service => "service",
        }
    }
}

impl Severity {
    pub(crate) const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl Minutes {
    /// The minute that `at` falls into.
    pub const fn of(at: UnixMicros) -> Self {
        Self(at.0.div_euclid(MINUTE_MICROS))
    }

    /// Its beginning.
    pub const fn start(self) -> UnixMicros {
        UnixMicros(self.0.saturating_mul(MINUTE_MICROS))
    }
}

/// A duration: `90m`, `6h`, `1d`.
impl fmt::Display for Minutes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            minutes if minutes >= 1440 && minutes % 1440 == 0 => write!(f, "{}d", minutes / 1440),
            minutes if minutes >= 60 && minutes % 60 == 0 => write!(f, "{}h", minutes / 60),
            minutes => write!(f, "{minutes}m"),
        }
    }
}
