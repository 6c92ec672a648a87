//! Counts what the alerts ask for, event by event, while rows are made.
//!
//! Nearly every event is done with by one look into a table. Groups that are places are counted in one slot until
//! place or time change.

use super::{
    Alert, Alerts, Minutes,
    figures::{CELLS_MAX, Cell, Figures, Groups, SITES_MAX, bound},
};
use crate::{
    Event, EventType, Level,
    alerts::GroupBy,
    conditions::{Conditions, Site, message_of, regex_set, table},
};
use headrig_contract::ContentHash;
use regex::RegexSet;
use std::net::IpAddr;

/// The longest name of a host or a source that a group is named by, in bytes.
const PLACE_BYTES_MAX: usize = 120;
/// The longest of what somebody may choose: so many of them are to fit the alerts' memory.
const CHOSEN_BYTES_MAX: usize = 48;
/// Of what is longer, so many bytes of hash tell it from others.
const HASH_DIGITS: usize = 8;

type Table = [[u64; EventType::ALL.len()]; Level::ALL.len()];

/// The alerts at work on one batch.
#[derive(Debug)]
pub(crate) struct Watch {
    alerts: Alerts,
    hits: Table,
    bases: Table,
    /// The alerts that look at messages, and what finds something in each message that one of them does.
    by_message: u64,
    message: Option<RegexSet>,
    /// The alerts whose conditions on the place hold for the piece at hand, for what they count and for its base.
    here: (u64, u64),
    host: String,
    source: String,
    counts: Vec<Counting>,
    figures: Figures,
}

/// One alert's counts.
#[derive(Debug, Default)]
struct Counting {
    groups: Groups,
    cells: usize,
    /// The bucket at hand, and where it ends.
    bucket: Minutes,
    ends: Minutes,
    /// What was counted of the place at hand in this bucket, and is in no group yet.
    current: Cell,
    /// Kept for its memory only.
    group: String,
}

impl Alerts {
    /// Begins to count.
    pub(crate) fn watch(&self) -> Watch {
        let counted: Vec<bool> = self.all().iter().map(Alert::counts).collect();
        let bits = |which: &dyn Fn(&Alert) -> bool| {
            let bit = |(at, alert)| u64::from(which(alert)) << at;
            self.all().iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)
        };
        let counting = bits(&Alert::counts);
        let with_base = bits(&Alert::has_base);
        let only = |mut table: Table, bits: u64| {
            table.iter_mut().flatten().for_each(|cell| *cell &= bits);
            table
        };
        let messages = || self.all().iter().filter_map(|alert| alert.conditions.message.as_ref());
        Watch {
            hits: only(table(self.all().iter().map(|alert| &alert.conditions)), counting),
            bases: only(table(self.all().iter().map(|alert| &alert.base)), with_base),
            message: (messages().count() > 1).then(|| regex_set(messages())).flatten(),
            by_message: bits(&|alert| alert.conditions.message.is_some()),
            here: (0, 0),
            host: String::new(),
            source: String::new(),
            counts: counted.iter().map(|_| Counting::default()).collect(),
            figures: Figures::default(),
            alerts: self.clone(),
        }
    }
}

impl Watch {
    pub(crate) fn is_active(&self) -> bool {
        !self.alerts.is_empty()
    }

    /// Says where the next events come from.
    pub(crate) fn enter(&mut self, site: &Site<'_>) {
        if (self.host.as_str(), self.source.as_str()) != (site.host, site.source) {
            self.leave();
            (self.host, self.source) = (site.host.into(), site.source.into());
            self.note_site();
        }
        let holding = |conditions: fn(&Alert) -> &Conditions| {
            let bit = |(at, alert)| u64::from(conditions(alert).hold_at(site)) << at;
            self.alerts.all().iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)
        };
        self.here = (holding(|alert| &alert.conditions), holding(|alert| &alert.base));
    }

    /// Notes the place at hand as heard.
    fn note_site(&mut self) {
        let site = (self.host.clone(), self.source.clone());
        let sites = &mut self.figures.sites;
        if sites.len() < SITES_MAX {
            sites.insert(site);
        } else {
            self.figures.left_out += u64::from(!sites.contains(&site));
        }
    }

    /// Counts an event; `line` is its text.
    pub(crate) fn observe(&mut self, event: &Event<'_>, line: &str) {
        let (level, event_type) = (event.level as usize, event.event_type as usize);
        let mut hits = self.hits[level][event_type] & self.here.0;
        let bases = self.bases[level][event_type] & self.here.1;
        if hits & self.by_message != 0
            && self.message.as_ref().is_some_and(|message| !message.is_match(message_of(event, line)))
        {
            hits &= !self.by_message;
        }
        let mut left = hits | bases;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let alert = &self.alerts.all()[at];
            let hit = hits >> at & 1 == 1 && alert.conditions.hold_in(event, line);
            let base = bases >> at & 1 == 1 && alert.base.hold_in(event, line);
            if hit || base {
                let cell = Cell { hits: u64::from(hit), base: u64::from(base) };
                let minute = Minutes::of(event.ts);
                let place = (self.host.as_str(), self.source.as_str());
                self.figures.left_out += self.counts[at].count(alert, place, event, minute, cell);
            }
        }
    }

    /// What was counted.
    pub(crate) fn figures(mut self) -> Figures {
        self.leave();
        let Self { alerts, counts, mut figures, .. } = self;
        for (alert, counting) in alerts.all().iter().zip(counts) {
            if !counting.groups.is_empty() {
                figures.alerts.insert(alert.name.clone(), counting.groups);
            }
        }
        figures
    }

    /// Puts what was counted of the place at hand where it belongs.
    fn leave(&mut self) {
        let place = (self.host.as_str(), self.source.as_str());
        for (alert, counting) in self.alerts.all().iter().zip(&mut self.counts) {
            self.figures.left_out += counting.settle(alert, place);
        }
    }
}

impl Counting {
    /// Adds `cell` to its group; returns how many cells went because they were too many.
    fn count(
        &mut self,
        alert: &Alert,
        place: (&str, &str),
        event: &Event<'_>,
        minute: Minutes,
        cell: Cell,
    ) -> u64 {
        let mut left_out = 0;
        // Nearly every event is of the bucket of the one before.
        if !(self.bucket.0..self.ends.0).contains(&minute.0) {
            left_out = self.settle(alert, place);
            let width = alert.bucket().0;
            self.bucket = Minutes(minute.0.div_euclid(width) * width);
            self.ends = Minutes(self.bucket.0 + width);
        }
        if alert.is_by_site() {
            self.current.add(cell);
            return left_out;
        }
        let mut group = std::mem::take(&mut self.group);
        if name_group(alert, place, Some(event), &mut group).is_some() {
            left_out += self.add(&group, self.bucket, cell);
        }
        self.group = group;
        left_out
    }

    fn settle(&mut self, alert: &Alert, place: (&str, &str)) -> u64 {
        let cell = std::mem::take(&mut self.current);
        let mut group = String::new();
        if cell == Cell::default() || name_group(alert, place, None, &mut group).is_none() {
            return 0;
        }
        self.add(&group, self.bucket, cell)
    }

    fn add(&mut self, group: &str, bucket: Minutes, cell: Cell) -> u64 {
        let cells = match self.groups.get_mut(group) {
            Some(cells) => cells,
            None => self.groups.entry(group.into()).or_default(),
        };
        let before = cells.len();
        cells.entry(bucket).or_default().add(cell);
        self.cells += cells.len() - before;
        if self.cells <= CELLS_MAX {
            return 0;
        }
        let left_out = bound(&mut self.groups, CELLS_MAX);
        self.cells -= left_out as usize;
        left_out
    }
}

/// Names the event's group: `host=web-1 src_ip=192.0.2.7`; none where it lacks a part of it.
fn name_group(
    alert: &Alert,
    (host, source): (&str, &str),
    event: Option<&Event<'_>>,
    name: &mut String,
) -> Option<()> {
    name.clear();
    for by in &alert.group_by {
        let value = match by {
            GroupBy::Host => host,
            GroupBy::Source => source,
            // What a rule redacted is the same for everybody: taken for one address it would be an attacker.
            GroupBy::SrcIp => event?.src_ip.as_deref().filter(|found| found.parse::<IpAddr>().is_ok())?,
            GroupBy::UserName => event?.user_name.as_deref()?,
            GroupBy::Service => event?.service.as_deref()?,
        };
        push_part(name, *by, value);
    }
    Some(())
}

/// Adds a part to a group's name. It stays one word in one line, whatever somebody chose for a user's name.
pub(super) fn push_part(name: &mut String, by: GroupBy, value: &str) {
    if !name.is_empty() {
        name.push(' ');
    }
    name.push_str(by.as_str());
    name.push('=');
    let bytes_max = match by {
        GroupBy::Host | GroupBy::Source => PLACE_BYTES_MAX,
        GroupBy::SrcIp | GroupBy::UserName | GroupBy::Service => CHOSEN_BYTES_MAX,
    };
    let is_long = value.len() > bytes_max;
    let end = if is_long { bytes_max - HASH_DIGITS - 1 } else { value.len() };
    let shown = value[..value.floor_char_boundary(end)].chars();
    name.extend(shown.map(|letter| if letter.is_control() || letter == ' ' { '_' } else { letter }));
    if is_long {
        let hash = ContentHash::of(value.as_bytes()).to_string();
        name.extend(["~", &hash[..HASH_DIGITS]]);
    }
}
