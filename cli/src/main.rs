//! `headrig`: what an operator runs.
//!
//! Maps one command to one exit code: 0 all well, 1 something failed or the run was cut short, 2 wrong
//! usage, configuration or lake, 3 what was asked for is not there, or what was checked does not add up.

mod args;
mod clock;
mod compact;
mod config;
mod generate;
mod local;
mod operator;
mod places;
mod summary;
mod verify;

use args::{Arguments, Command};
use clap::Parser;
use std::{
    borrow::Cow,
    fmt,
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        Command::Local(arguments) => match local::run(arguments) {
            Ok(summary) => ExitCode::from(summary.exit_code()),
            Err(error) => failed(&error, arguments.json, 2),
        },
        Command::Status(arguments) => operator::at(&arguments.at, operator::status),
        Command::Ls(arguments) => operator::at(&arguments.at, |lake| operator::ls(lake, arguments)),
        Command::Explain(arguments) => {
            operator::at(&arguments.at, |lake| operator::explain(lake, &arguments.subject))
        }
        Command::Inspect(arguments) => operator::inspect(arguments),
        Command::Replay(arguments) => operator::at(&arguments.at, |lake| operator::replay(lake, arguments)),
        Command::Wake(arguments) => operator::at(&arguments.at, |lake| operator::wake(lake, arguments)),
        Command::Retire(arguments) => operator::at(&arguments.at, |lake| operator::retire(lake, arguments)),
        Command::Verify(arguments) => operator::at(&arguments.at, |lake| verify::run(lake, arguments)),
        Command::Generate(arguments) => generate::run(arguments),
        Command::Compact(arguments) => compact::run(arguments),
    }
}

/// Tells of an error, to people and to programs.
fn failed(error: &anyhow::Error, json: bool, code: u8) -> ExitCode {
    say(format_args!("{error:#}"));
    if json {
        print_line(&serde_json::json!({ "error": format!("{error:#}") }).to_string());
    }
    ExitCode::from(code)
}

/// Tells a person; that nobody listens is no reason to fail.
fn say(message: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "headrig: {}", harmless(&message.to_string()));
}

/// Prints to standard output. Who closed it wants to hear no more; a full one is told of.
fn print_line(text: &str) {
    if let Err(error) = writeln!(io::stdout(), "{}", harmless(text))
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        say(format_args!("the summary cannot be printed: {error}"));
    }
}

/// The text without what a terminal obeys: names and reasons in it are written by whoever stores an object. In JSON
/// the same escapes mean the same characters.
fn harmless(text: &str) -> Cow<'_, str> {
    let is_obeyed = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if !text.contains(is_obeyed) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if is_obeyed(letter) {
            escaped += &format!("\\u{:04x}", u32::from(letter));
        } else {
            escaped.push(letter);
        }
    }
    escaped.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_as_json_would() {
        assert!(matches!(harmless("a\tb\nä"), Cow::Borrowed("a\tb\nä")));
        assert_eq!(harmless("a\x1b[2J\u{9b}\r\n"), "a\\u001b[2J\\u009b\\u000d\n");
        let json = serde_json::json!({"key": "\u{9b}\x7f"}).to_string();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless(&json)).unwrap()["key"], "\u{9b}\x7f");
    }
}
