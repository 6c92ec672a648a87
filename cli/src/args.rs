//! The command line, as it is typed.

mod operator;

pub(crate) use operator::{
    CompactArguments, ExplainArguments, InspectArguments, LakeArguments, Listed, LsArguments,
    ReplayArguments, RetireArguments, StatusArguments, VerifyArguments, WakeArguments,
};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

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
    Status(StatusArguments),
    Ls(LsArguments),
    Explain(ExplainArguments),
    Inspect(InspectArguments),
    Replay(ReplayArguments),
    Wake(WakeArguments),
    Retire(RetireArguments),
    Verify(VerifyArguments),
    Compact(CompactArguments),
    #[command(hide = true)]
    Generate(GenerateArguments),
}

/// Writes the man pages or a shell's completions, as the packages install them.
#[derive(Debug, Args)]
pub(crate) struct GenerateArguments {
    /// Print the completions for this shell
    #[arg(long, value_name = "SHELL", required_unless_present = "man")]
    pub(crate) completions: Option<Shell>,
    /// Write a man page for each command into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "completions")]
    pub(crate) man: Option<PathBuf>,
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
    /// How long a line may wait before it is in the lake [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = wait)]
    pub(crate) max_wait: Option<Duration>,
    /// Print the summary as one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// How long lines may be made to wait. Below, chunks would hold next to nothing.
const WAIT_LIMITS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(86_400);

/// A wait as people write it: `30s`, `5m`, `1h 30m`.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok());
    parsed.filter(|wait| WAIT_LIMITS.contains(wait)).ok_or_else(|| {
        format!("expected a time from 100ms to 24h, such as 30s, 5m or 1h 30m, found {text:?}")
    })
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
        assert_eq!(wait("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(wait("1h 30m"), Ok(Duration::from_secs(5400)));
        assert!(wait("-5s").is_err());
        assert!(wait("soon").is_err());
        assert!(wait("72h").is_err());
    }
}
