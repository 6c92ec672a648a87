//! What package managers did: dpkg's log, apt's history and terminal log, yum's log.
//!
//! - `2026-09-21 10:00:00 status installed nginx:amd64 1.24.0-1`
//! - `Start-Date: 2026-09-21  10:00:00`, and the lines of that run behind it
//! - `Sep 21 10:00:00 Installed: nginx-1.24.0-1.x86_64`

use super::text::Cursor;
use super::time::Context;
use crate::event::{Event, EventType};
use headrig_contract::timestamp::Shape;

/// The first words of dpkg's lines.
const DPKG_ACTIONS: [&str; 11] = [
    "startup",
    "status",
    "install",
    "upgrade",
    "remove",
    "purge",
    "configure",
    "trigproc",
    "conffile",
    "disappear",
    "noawait",
];
const YUM_ACTIONS: [&str; 7] =
    ["Installed", "Updated", "Erased", "Obsoleted", "Dep-Installed", "Downgraded", "Reinstalled"];

/// Parses one line of dpkg.
pub(super) fn dpkg<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    dpkg_line(text, context, event).is_some()
}

/// Parses one run of apt, or what begins or ends one.
pub(super) fn apt<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    apt_run(text, context, event).is_some()
}

/// Parses one line of yum.
pub(super) fn yum<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> bool {
    yum_line(text, context, event).is_some()
}

fn dpkg_line<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    if text.as_bytes().get(19)? != &b' ' || text.as_bytes()[4] != b'-' {
        return None;
    }
    let message = text.get(20..)?;
    let mut cursor = Cursor::new(message);
    let action = cursor.word();
    if !DPKG_ACTIONS.contains(&action) || !cursor.eat(" ") {
        return None;
    }
    let state = (action == "status").then(|| cursor.word());
    cursor.blanks();
    let package = cursor.word();
    // "startup archives unpack" and "conffile /etc/x keep" name no package; the others do, with its architecture.
    let named = package.contains(':') && !package.contains('/');
    let sure = named || matches!(action, "startup" | "conffile");
    (sure && context.stamp_text(event, &text[..19])).then_some(())?;
    finish("dpkg", action, message, event);
    if let Some(state) = state {
        event.attribute("status", state);
    }
    if named {
        event.attribute("package", package);
    }
    Some(())
}

fn finish<'a>(service: &'a str, action: &'a str, message: &'a str, event: &mut Event<'a>) {
    event.event_type = EventType::Application;
    event.service = Some(service.into());
    event.message = Some(message.into());
    event.attribute("action", action);
}

fn apt_run<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let marks = ["Start-Date: ", "Log started: ", "End-Date: ", "Log ended: "];
    let mark = marks.into_iter().find(|mark| text.starts_with(mark))?;
    let (written, rest) = text[mark.len()..].split_once('\n').unwrap_or((&text[mark.len()..], ""));
    context.stamp_text(event, written.trim_end()).then_some(())?;
    event.event_type = EventType::Application;
    event.service = Some("apt".into());
    event.message = Some(if rest.is_empty() { text } else { rest.trim_end() }.into());
    for line in rest.lines() {
        let Some((key, value)) = line.split_once(": ") else { continue };
        match key {
            "Requested-By" => event.user_name = value.split(' ').next().map(Into::into),
            "Commandline" => event.attribute("command", value),
            "Error" => event.attribute("error", value),
            _ => {}
        }
    }
    Some(())
}

fn yum_line<'a>(text: &'a str, context: &Context<'_>, event: &mut Event<'a>) -> Option<()> {
    let front = text.as_bytes().first_chunk::<16>()?;
    if front[15] != b' ' || front[3] != b' ' {
        return None;
    }
    let message = text.get(16..)?;
    let (action, package) = message.split_once(": ")?;
    let action = YUM_ACTIONS.into_iter().find(|known| *known == action)?;
    let timestamp = context.time_at_head(text).filter(|found| found.shape == Shape::Syslog)?;
    if timestamp.length != 15 || package.contains(' ') {
        return None;
    }
    context.stamp(event, timestamp.reading, &text[..15]);
    finish("yum", action, message, event);
    event.attribute("package", package);
    Some(())
}
