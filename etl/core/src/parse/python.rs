//! What Python's `logging` writes unless told otherwise, `WARNING:root:message`, and uvicorn's
//! `INFO:     message`, of which its access lines are read as such. Neither says a time.
//!
//! Formats with `%(asctime)s` begin with a timestamp and are the general parser's. A traceback is part of
//! the message before it.

use super::level::{severity_of_status, severity_of_word};
use super::text::{Cursor, address_without_port, is_address, number};
use super::time::Context;
use crate::event::{Event, EventType};

/// The longest logger's name.
const LOGGER_BYTES_MAX: usize = 120;
/// uvicorn pads level and colon to this.
const UVICORN_LEVEL_BYTES: usize = 10;

/// Parses one event.
pub(super) fn parse<'a>(text: &'a str, _: &Context<'_>, event: &mut Event<'a>) -> bool {
    fill(text, event).is_some()
}

fn fill<'a>(text: &'a str, event: &mut Event<'a>) -> Option<()> {
    let word = ["INFO", "WARNING", "ERROR", "DEBUG", "CRITICAL", "TRACE"]
        .into_iter()
        .find(|word| text.starts_with(word) && text.as_bytes().get(word.len()) == Some(&b':'))?;
    event.set_severity(severity_of_word(word)?);
    event.event_type = EventType::Application;
    let rest = &text[word.len() + 1..];
    if rest.starts_with(' ') {
        let message = text.get(UVICORN_LEVEL_BYTES..)?;
        let padding = &text[word.len() + 1..UVICORN_LEVEL_BYTES];
        (padding.bytes().all(|byte| byte == b' ') && !message.starts_with(' ')).then_some(())?;
        event.message = Some(message.into());
        access(message, event);
        return Some(());
    }
    let (logger, message) = rest.split_once(':')?;
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    if logger.is_empty() || logger.len() > LOGGER_BYTES_MAX || !logger.bytes().all(valid) {
        return None;
    }
    event.service = Some(logger.into());
    event.message = Some(message.into());
    Some(())
}

/// `192.0.2.1:4711 - "GET / HTTP/1.1" 200 OK`.
fn access<'a>(message: &'a str, event: &mut Event<'a>) -> Option<()> {
    let (client, rest) = message.split_once(" - ")?;
    let address = address_without_port(client);
    let mut cursor = Cursor::new(rest);
    let mut asked = cursor.quoted()?.split(' ');
    let status = number(cursor.rest().trim_start().split(' ').next()?)?;
    if !is_address(address) || !(100..600).contains(&status) {
        return None;
    }
    event.src_ip = Some(address.into());
    event.http_method = asked.next().map(Into::into);
    event.http_path = asked.next().map(Into::into);
    event.http_status = i32::try_from(status).ok();
    event.event_type = EventType::HttpAccess;
    event.set_severity(severity_of_status(status as i32));
    Some(())
}
