//! The command line, as it is typed.

use clap::{Args, Parser, Subcommand};
use std::{path::PathBuf, time::Duration};

/// Carries log files into a queryable lake, every line exactly once.
#[derive(Debug, Parser)]
#[command(name = "headrig", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Local(LocalArguments),
}

/// Takes log files into a lake of Parquet files on this machine.
///
/// The lake is DIR/logs and DIR/metrics, partitioned by day, level and event type; what was taken is
/// remembered in DIR/.headrig, so running again adds only what is new.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig local /var/log --lake ~/lake
  headrig local '/var/log/nginx/*.log*' --lake ~/lake --follow
  headrig local app.log old/app.log.1.gz --lake ~/lake --json

Exit status: 0 all well; 1 some inputs failed or the run was cut short, the rest is in the lake;
2 wrong usage or configuration, or a lake that cannot be used.")]
pub(crate) struct LocalArguments {
    /// Log files, folders (with all below) or patterns; plain, gzip or zstd
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The lake's folder, made if need be
    #[arg(long, value_name = "DIR")]
    pub(crate) lake: PathBuf,
    /// Take everything up to the end of the files, then stop [default]
    #[arg(long, conflicts_with = "follow")]
    pub(crate) once: bool,
    /// Go on taking what is written to the files until Ctrl-C
    #[arg(long)]
    pub(crate) follow: bool,
    /// Settings for sources: names, time zones, formats (TOML)
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How long lines may wait before they are in the lake, with --follow [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
    /// Print the summary as one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// A duration as people write it: `30s`, `5m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let wrong = |why: &str| format!("expected a time such as 30s or 5m, found {text:?}: {why}");
    let signed: jiff::SignedDuration =
        text.parse().map_err(|error: jiff::Error| wrong(&error.to_string()))?;
    Duration::try_from(signed).map_err(|_| wrong("it is negative"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(duration("-5s").is_err());
        assert!(duration("soon").is_err());
    }
}
