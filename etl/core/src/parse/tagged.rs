//! A program's line without any time, as `journalctl -o cat`, containers and pipes leave it:
//! `[host ]sshd[812]: message`.
//!
//! The tag must be of a program that [`classify`](super::classify) knows and carry a process id; anything
//! less is a sentence with a colon. The last parser of all.

use super::classify::{classify, own_tag};
use super::time::Context;
use crate::event::Event;

/// Parses one line.
pub(super) fn parse<'a>(text: &'a str, _context: &Context<'_>, event: &mut Event<'a>) -> bool {
    let Some(tag) = own_tag(text).filter(|tag| tag.pid.is_some()) else { return false };
    if let Some(host) = tag.host {
        event.attribute("hostname", host);
    }
    event.service = Some(tag.name.into());
    event.pid = tag.pid;
    event.message = Some(tag.message.into());
    classify(tag.name, tag.message, event);
    true
}

#[cfg(test)]
mod tests {
    use crate::parse::tests::check;

    #[test]
    fn a_known_program_and_its_process_make_a_line() {
        let fields = [
            "file=2026-09-30T23:00:00Z",
            "severity=13",
            "type=auth_failure",
            "pid=812",
            "service=sshd",
            "user=ana",
            "src=203.0.113.9",
            "message=Invalid user ana from 203.0.113.9 port 4711",
        ];
        let hosted: Vec<_> = fields.into_iter().chain(["+hostname=web1", "+src_port=4711"]).collect();
        check("tagged", "web1 sshd[812]: Invalid user ana from 203.0.113.9 port 4711", &hosted);
        let bare: Vec<_> = fields.into_iter().chain(["+src_port=4711"]).collect();
        check("tagged", "sshd[812]: Invalid user ana from 203.0.113.9 port 4711", &bare);
    }

    #[test]
    fn other_lines_are_refused() {
        for text in ["app[812]: x", "sshd: x", "[sshd] x", "the log of sshd[812]: x", "sshd[x]: x", ""] {
            check("tagged", text, &[]);
        }
    }
}
