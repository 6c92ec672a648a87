//! The kernel's ring buffer as `dmesg` and serial consoles print it: `[   12.345678] message`, with the level as
//! `<6>` before it or, from `dmesg -x`, as `kern  :info  : `.
//!
//! `journalctl -o short-monotonic` has the same clock, with host and program behind it.
//!
//! The clock counts from the start of the machine: it tells no time and stays as the attribute `uptime`.

use super::classify::classify;
use super::level::{severity_of_syslog, severity_of_word};
use super::syslog;
use super::text::{Cursor, number};
use super::time::Context;
use crate::event::Event;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, _: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, event).is_some()
}

fn fill<'a>(text: &'a str, event: &mut Event<'a>) -> Option<()> {
    let mut cursor = Cursor::new(text);
    match cursor.first()? {
        b'[' => {}
        b'<' => priority(&mut cursor, event)?,
        b'a'..=b'z' => decoded(&mut cursor, event)?,
        _ => return None,
    }
    let uptime = bracketed_uptime(&mut cursor)?;
    event.attribute("uptime", uptime);
    if cursor.eat("[") {
        let caller = cursor.until(b']')?.trim();
        event.attribute("caller", caller);
    }
    if !(cursor.eat(" ") || cursor.rest().is_empty()) {
        return None;
    }
    if journal(cursor, event).is_none() {
        event.service = Some("kernel".into());
        event.message = Some(cursor.rest().into());
        classify("kernel", cursor.rest(), event);
    }
    Some(())
}

/// `host name[pid]: message` and `host kernel: message`: `journalctl -o short-monotonic`.
fn journal<'a>(mut cursor: Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    let host = cursor.word();
    cursor.eat(" ").then_some(())?;
    let tag = cursor.rest().split(' ').next()?.strip_suffix(':')?;
    let process = || number(tag.strip_suffix(']')?.split_once('[')?.1);
    (!host.ends_with(':') && (tag == "kernel" || process().is_some())).then_some(())?;
    event.attribute("hostname", host);
    syslog::tagged(&mut cursor, event);
    Some(())
}

/// `<6>`: facility times eight plus severity.
fn priority(cursor: &mut Cursor<'_>, event: &mut Event<'_>) -> Option<()> {
    cursor.eat("<");
    let value = number(cursor.until(b'>')?).filter(|value| *value < 192)?;
    event.set_severity(severity_of_syslog(value as u32 % 8)?);
    Some(())
}

/// `kern  :info  : `.
fn decoded<'a>(cursor: &mut Cursor<'a>, event: &mut Event<'a>) -> Option<()> {
    let front = cursor.rest().get(..16)?;
    let facility = front.split_once(':')?.0;
    cursor.until(b':')?;
    let level = cursor.until(b':')?;
    let letters = facility.trim_end().bytes().all(|byte| byte.is_ascii_alphanumeric());
    event.set_severity(severity_of_word(level.trim_end()).filter(|_| letters)?);
    event.attribute("facility", facility.trim_end());
    cursor.blanks();
    Some(())
}

/// `[   12.345678]`.
pub(super) fn bracketed_uptime<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let mut ahead = *cursor;
    ahead.eat("[").then_some(())?;
    // `printk` pads the seconds to five places.
    let inner = ahead.until(b']').filter(|inner| (12..=20).contains(&inner.len()))?.trim_start();
    let (seconds, fraction) = inner.split_once('.')?;
    (number(seconds).is_some() && fraction.len() == 6 && number(fraction).is_some()).then_some(())?;
    *cursor = ahead;
    Some(inner)
}
