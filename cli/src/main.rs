//! `headrig`: what an operator runs.
//!
//! Maps one command to one exit code: 0 all well, 1 some inputs failed or the run was cut short, 2 wrong
//! usage, configuration or lake.

mod args;
mod clock;
mod config;
mod local;
mod summary;

use args::{Arguments, Command};
use clap::Parser;
use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Local(arguments) => match local::run(&arguments) {
            Ok(summary) => ExitCode::from(summary.exit_code()),
            Err(error) => {
                say(format_args!("{error:#}"));
                if arguments.json {
                    print_line(&serde_json::json!({ "error": format!("{error:#}") }).to_string());
                }
                ExitCode::from(2)
            }
        },
    }
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
