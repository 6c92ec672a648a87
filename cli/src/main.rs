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
    let _ = writeln!(io::stderr(), "headrig: {message}");
}

/// Prints to standard output. Who closed it wants to hear no more; a full one is told of.
fn print_line(text: &str) {
    if let Err(error) = writeln!(io::stdout(), "{text}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        say(format_args!("the summary cannot be printed: {error}"));
    }
}
