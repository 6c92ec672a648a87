//! Templates: what a program writes, with holes where it puts its values.
//!
//! `Failed {auth_method} for {user} from {ip} port {port} ssh2` is text with holes. A hole's name says
//! how much it takes and what becomes of it:
//! - `{user}` takes as much as it can, so that a user name that itself holds ` from 192.0.2.1 port 22`
//!   is read as the name it is; it may be empty. It fills `user_name`. `{user..}` ends at the first place where the rest fits.
//! - `{ip}` is one word and fills `src_ip` (see [`super::source`]); `{endpoint}` is one with its port.
//! - `{port}` is one word, the attribute `src_port`; any other `{name}` is one word and that attribute.
//! - `{name..}` takes any text up to the first place where the rest fits, `{name...}` up to the last.
//! - `{*}` is any text, up to the first place where the rest fits, and is forgotten; `{_}` is a word that is.
//! - `{^}` at the beginning is nothing, or the few marks that loggers put before their messages (a time, a number, a
//!   name in brackets, a word in capitals or with a colon): never a sentence, in which a stranger might speak.
//! - `{~}` at the end is nothing, or a blank or comma and anything, and is forgotten.
//!
//! A template fits from the line's first byte to its last. Fitting is bounded by [`TRIES_MAX`].

use super::source;
use crate::event::Event;
use memchr::memmem::{Finder, FinderRev};

/// Places tried for all holes of one template together; a line made to defeat this does not fit.
const TRIES_MAX: u32 = 64;
/// Holes of one template.
const HOLES_MAX: usize = 12;

/// Marks before a message at most.
const MARKS_MAX: usize = 8;
/// What the text of `{~}` begins with, where there is any.
const TAIL_STARTS: [char; 2] = [' ', ','];

/// A template made ready.
pub(super) struct Template {
    head: &'static str,
    holes: Box<[Hole]>,
}

struct Hole {
    takes: Takes,
    fills: Fills,
    until: Option<Literal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    Word,
    ToFirst,
    ToLast,
    Marks,
    Tail,
}

#[derive(Clone, Copy)]
enum Fills {
    User,
    Address,
    Endpoint,
    Attribute(&'static str),
    Nothing,
}

/// The text behind a hole, made ready to be found from either side.
struct Literal {
    forward: Finder<'static>,
    backward: FinderRev<'static>,
}

/// What the holes took.
pub(super) struct Captures<'a> {
    taken: [(Fills, &'a str); HOLES_MAX],
    count: usize,
    tries: u32,
}

impl Template {
    /// Reads a template. Those of the tables are all read in a test.
    pub(super) fn new(text: &'static str) -> Self {
        let (head, mut rest) = text.split_once('{').map_or((text, None), |(head, rest)| (head, Some(rest)));
        let mut holes = Vec::new();
        while let Some(hole) = rest {
            let (name, after) = hole.split_once('}').unwrap_or((hole, ""));
            let (literal, next) =
                after.split_once('{').map_or((after, None), |(text, next)| (text, Some(next)));
            let until = (!literal.is_empty()).then(|| Literal::new(literal));
            let (takes, fills) = hole_named(name);
            holes.push(Hole { takes, fills, until });
            rest = next;
        }
        holes.truncate(HOLES_MAX);
        Self { head, holes: holes.into() }
    }

    /// The text before the first hole.
    pub(super) fn head(&self) -> &'static str {
        self.head
    }

    /// What the holes take, where the text fits.
    pub(super) fn fit<'a>(&self, text: &'a str) -> Option<Captures<'a>> {
        let rest = text.strip_prefix(self.head)?;
        let mut captures = Captures { taken: [(Fills::Nothing, ""); HOLES_MAX], count: 0, tries: TRIES_MAX };
        fit(&self.holes, rest, &mut captures).then_some(captures)
    }
}

impl<'a> Captures<'a> {
    /// Puts what was taken into the event. What the event says already stays.
    pub(super) fn fill(&self, event: &mut Event<'a>) {
        for (fills, text) in &self.taken[..self.count] {
            match fills {
                _ if text.is_empty() => {}
                Fills::User => source::set_user(text, event),
                Fills::Address => source::set_source(text, event),
                Fills::Endpoint => source::set_endpoint(text, event),
                Fills::Attribute(name) => event.attribute(*name, *text),
                Fills::Nothing => {}
            }
        }
    }

    fn push(&mut self, fills: Fills, text: &'a str) {
        self.taken[self.count] = (fills, text);
        self.count += 1;
    }
}

impl Literal {
    fn new(text: &'static str) -> Self {
        Self { forward: Finder::new(text), backward: FinderRev::new(text) }
    }

    fn len(&self) -> usize {
        self.forward.needle().len()
    }
}

fn hole_named(name: &'static str) -> (Takes, Fills) {
    match name {
        "*" => (Takes::ToFirst, Fills::Nothing),
        "_" => (Takes::Word, Fills::Nothing),
        "^" => (Takes::Marks, Fills::Nothing),
        "~" => (Takes::Tail, Fills::Nothing),
        "user" => (Takes::ToLast, Fills::User),
        "user.." => (Takes::ToFirst, Fills::User),
        "ip" => (Takes::Word, Fills::Address),
        "endpoint" => (Takes::Word, Fills::Endpoint),
        "port" => (Takes::Word, Fills::Attribute("src_port")),
        _ => match (name.strip_suffix("..."), name.strip_suffix("..")) {
            (Some(name), _) => (Takes::ToLast, Fills::Attribute(name)),
            (None, Some(name)) => (Takes::ToFirst, Fills::Attribute(name)),
            (None, None) => (Takes::Word, Fills::Attribute(name)),
        },
    }
}

fn fit<'a>(holes: &[Hole], text: &'a str, captures: &mut Captures<'a>) -> bool {
    let Some((hole, others)) = holes.split_first() else { return text.is_empty() };
    let Some(until) = &hole.until else {
        let end = if others.is_empty() { text.len() } else { text.find(TAIL_STARTS).unwrap_or(text.len()) };
        captures.push(hole.fills, &text[..end]);
        return hole.takes(&text[..end]) && fit(others, &text[end..], captures);
    };
    let (mut from, mut to) = (0, text.len());
    while captures.tries > 0 {
        captures.tries -= 1;
        let place = match hole.takes {
            Takes::ToLast => until.backward.rfind(&text.as_bytes()[..to]),
            _ => until.forward.find(&text.as_bytes()[from..]).map(|place| from + place),
        };
        let Some(place) = place else { return false };
        let count = captures.count;
        if hole.takes(&text[..place]) {
            captures.push(hole.fills, &text[..place]);
            if fit(others, &text[place + until.len()..], captures) {
                return true;
            }
            captures.count = count;
        }
        // The next place begins later, or ends earlier, than this one did.
        match hole.takes {
            Takes::ToLast => to = place + until.len() - 1,
            _ => from = place + 1,
        }
    }
    false
}

impl Hole {
    fn takes(&self, text: &str) -> bool {
        match self.takes {
            Takes::Word => !text.is_empty() && !text.bytes().any(|byte| byte.is_ascii_whitespace()),
            Takes::Tail => text.is_empty() || text.starts_with(TAIL_STARTS),
            Takes::Marks => {
                text.split_ascii_whitespace().count() <= MARKS_MAX && !text.split(' ').any(is_prose)
            }
            Takes::ToFirst | Takes::ToLast => true,
        }
    }
}

/// Whether a word can stand in a sentence or in what is quoted: letters alone, small ones among them, or quotes and
/// equals signs.
fn is_prose(word: &str) -> bool {
    let letters = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte >= 0x80);
    let capitals = word.bytes().all(|byte| byte.is_ascii_uppercase());
    letters && !capitals || word.contains(['"', '\'', '='])
}

#[cfg(test)]
mod tests;
