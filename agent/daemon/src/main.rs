//! `headrig-agent`: ships log files to S3, every line exactly once.
//!
//! Maps one command to one exit code: 0 all well, 1 it failed, 78 the configuration is wrong.

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use headrig_agentd::{check, config::Config, daemon, status::Status};
use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
    thread,
    time::Duration,
};

/// How often `status --watch` asks.
const WATCH_PAUSE: Duration = Duration::from_secs(1);
/// Files that `status` lists.
const STREAMS_SHOWN: usize = 20;

/// Ships log files to S3, every line exactly once.
#[derive(Debug, Parser)]
#[command(name = "headrig-agent", version, arg_required_else_help = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Ship until told to end by SIGTERM; SIGHUP reads the configuration again
    Run {
        /// The configuration
        #[arg(long, default_value = "/etc/headrig/agent.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Say what the configuration means, and what is wrong with it
    Check {
        /// The configuration
        #[arg(long, default_value = "/etc/headrig/agent.toml", value_name = "FILE")]
        config: PathBuf,
    },
    /// Ask the running agent how it is
    Status {
        /// The configuration, which names the socket
        #[arg(long, default_value = "/etc/headrig/agent.toml", value_name = "FILE")]
        config: PathBuf,
        /// The socket, in place of the configuration's
        #[arg(long, value_name = "FILE")]
        socket: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
        /// Ask again every second
        #[arg(long)]
        watch: bool,
    },
    /// Print the version
    Version,
    /// Print the completions for a shell, as the packages install them
    #[command(hide = true)]
    Completions {
        /// Which shell's
        shell: Shell,
    },
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run { config } => daemon::run(&config),
        Command::Check { config } => match check::check(&config, &mut io::stdout().lock()) {
            Ok(code) => ExitCode::from(code),
            Err(_) => ExitCode::FAILURE,
        },
        Command::Status { config, socket, json, watch } => {
            match socket.map_or_else(|| socket_of(&config), Ok) {
                Ok(socket) => status(&socket, json, watch),
                Err(code) => code,
            }
        }
        Command::Version => {
            println!("headrig-agent {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "headrig-agent",
                &mut io::stdout().lock(),
            );
            ExitCode::SUCCESS
        }
    }
}

fn socket_of(config: &Path) -> Result<PathBuf, ExitCode> {
    Config::load(config).map(|config| config.agent.status_socket).map_err(|problems| {
        problems.iter().for_each(|problem| eprintln!("{problem}"));
        ExitCode::from(check::EXIT_WRONG)
    })
}

fn status(socket: &Path, json: bool, watch: bool) -> ExitCode {
    loop {
        match Status::ask(socket) {
            Ok(status) if json => match serde_json::to_string(&status) {
                Ok(text) => println!("{text}"),
                Err(error) => eprintln!("headrig-agent: {error}"),
            },
            Ok(status) => {
                // With --watch each answer takes the place of the one before.
                let clear = if watch { "\x1b[H\x1b[2J" } else { "" };
                print!("{clear}{}", status.to_text(STREAMS_SHOWN));
            }
            Err(error) => {
                eprintln!(
                    "headrig-agent: no agent answers at {}: {error}; is it running? systemctl status headrig-agent",
                    socket.display()
                );
                return ExitCode::FAILURE;
            }
        }
        if !watch {
            return ExitCode::SUCCESS;
        }
        thread::sleep(WATCH_PAUSE);
    }
}
