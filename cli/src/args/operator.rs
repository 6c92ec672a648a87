//! The commands that look at a lake, and the one that puts objects back: as they are typed.

use clap::{Args, ValueEnum};
use headrig_contract::UnixMicros;
use jiff::{Span, SpanRelativeTo, Timestamp, civil::Date, tz::TimeZone};
use std::{path::PathBuf, time::Duration};

/// The most rows that `ls` prints.
const LISTED_MAX: u32 = 100_000;

/// Shows how far everything is: files, batches, agents.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig status --lake ~/lake
  headrig status --lake ~/lake --json | jq .files.quarantined
  headrig status --table headrig

Exit status: 0 shown; 1 it could not be read; 2 wrong usage, or no lake there.")]
pub(crate) struct StatusArguments {
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Lists files or batches, oldest first.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig ls --lake ~/lake --state quarantined
  headrig ls batches --lake ~/lake --newest --limit 10

Exit status: 0 listed, be it nothing; 1 it could not be read; 2 wrong usage, or no lake there.")]
pub(crate) struct LsArguments {
    /// What to list
    #[arg(value_enum, default_value_t = Listed::Files)]
    pub(crate) what: Listed,
    /// Only those in this state. Files: pending, batched, done, quarantined; batches: sealed, starting,
    /// running, exhausted, committed, split
    #[arg(long)]
    pub(crate) state: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=i64::from(LISTED_MAX)))]
    pub(crate) limit: u32,
    /// The newest of each state instead of the oldest; reads the whole listing
    #[arg(long)]
    pub(crate) newest: bool,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Listed {
    Files,
    Batches,
}

/// Tells what happened to a file or a batch, in order.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig explain 3f8a…64 digits… --lake ~/lake
  headrig explain host=web-1/source=nginx/2026/09/21/….log.zst --lake ~/lake
  headrig explain ~/lake/logs/year=2026/…/….parquet --lake ~/lake

Exit status: 0 told; 1 it could not be read; 2 wrong usage, or no lake there; 3 nothing of that name is known.")]
pub(crate) struct ExplainArguments {
    /// A file's hash, a batch's id, an object's key or path, or a file of the lake (its batch)
    #[arg(value_name = "HASH|KEY|BATCH")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Shows what an object is made of: blocks, segments, where its lines come from.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig inspect ~/lake/.headrig/bucket/host=web-1/….log.zst
  headrig inspect 3f8a…64 digits… --lake ~/lake --json

Exit status: 0 shown and sound; 1 it could not be read; 2 wrong usage, or no lake there; 3 no such object, or it
is damaged or not named by its hash.")]
pub(crate) struct InspectArguments {
    /// A file of this machine, or with --lake or --table a key of the bucket or the hash of a file in the ledger
    #[arg(value_name = "OBJECT")]
    pub(crate) object: String,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Puts quarantined files back, to be loaded again.
///
/// May be run beside whatever writes the lake, which takes them up: the sink, or a `headrig local` that goes on, or else
/// the next one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig replay --quarantined --dry-run --lake ~/lake
  headrig replay 3f8a…64 digits… --lake ~/lake

Exit status: 0 all that was named is put back (with --dry-run: can be); 1 it could not be read or written; 2 wrong
usage, or no lake there; 3 something named is not known, not quarantined, or its object is not mended.")]
pub(crate) struct ReplayArguments {
    /// A file's hash, its key, or a batch, whose quarantined files are meant
    #[arg(value_name = "HASH|BATCH", required_unless_present = "quarantined")]
    pub(crate) subject: Option<String>,
    /// All quarantined files
    #[arg(long, conflicts_with = "subject")]
    pub(crate) quarantined: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Holds bucket, ledger and lake against each other: no gap, no duplicate, rows conserved.
///
/// Reads every object and, of every file of the lake, the columns that say where its rows come from. May be run
/// beside whatever writes the lake; what is under way meanwhile is left out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig verify --lake ~/lake
  headrig verify --table headrig --bucket uploads --lake s3://lake/prod --since 24h

Exit status: 0 all adds up; 1 it could not be read; 2 wrong usage, or no lake there; 3 something does not add up.")]
pub(crate) struct VerifyArguments {
    /// Only what was stored, committed or written since: a day, an instant, or how long ago (24h, 7d)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<UnixMicros>,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Ends the rest of a batch that waits to be tried again, so that it is run at once.
///
/// A batch rests after a failure, the longer the more often it failed. Its cause mended, nobody need wait.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig status --table headrig
  headrig wake 3f8a…64 digits… --table headrig

Exit status: 0 it may be run now (with --dry-run: it could); 1 it could not be read or written; 2 wrong usage, or no
lake there; 3 there is no such batch, or it is not one that waits.")]
pub(crate) struct WakeArguments {
    /// The batch's id, or a file of the lake that it wrote
    #[arg(value_name = "BATCH")]
    pub(crate) batch: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Says that the agent on a host comes no more, so that its silence is no alarm.
///
/// If it is heard again after all, it is expected again. Over AWS only: a local lake expects no agents.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  headrig retire web-7 --table headrig

Exit status: 0 it is not expected (with --dry-run: would not be); 1 it could not be read or written; 2 wrong usage, or
no lake there; 3 no agent was ever heard on that host.")]
pub(crate) struct RetireArguments {
    /// The host, as `headrig status` names it
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// Makes large files of the small ones of days that are over.
///
/// Whoever queries the lake meanwhile sees every row once; a query that has listed the files and not yet opened them
/// may fail, and succeeds when it is run again. Not beside `headrig local`: one process at a time writes a lake.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  headrig compact --lake ~/lake --dry-run
  headrig compact --lake ~/lake --older-than 72h

Exit status: 0 done, be it nothing; 1 it could not be read or written, run it again; 2 wrong usage, no lake there, or
another process writes it; 3 some files were left as they are, because they cannot be read.")]
pub(crate) struct CompactArguments {
    /// Only days that ended, and batches that were committed, so long ago
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = age)]
    pub(crate) older_than: Duration,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) at: LakeArguments,
}

/// The oldest age that can be asked for: ten years.
const AGE_MAX: Duration = Duration::from_secs(10 * 366 * 86_400);

/// An age as people write it: `0s`, `90m`, `48h`.
fn age(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok());
    let allowed = parsed.filter(|age| *age <= AGE_MAX);
    allowed
        .ok_or_else(|| format!("expected a time such as 0s, 90m or 48h, at most ten years, found {text:?}"))
}

/// Which lake, and how to answer.
#[derive(Debug, Args)]
pub(crate) struct LakeArguments {
    /// The lake: the folder of `headrig local`, or over AWS s3://BUCKET/PREFIX [env: HEADRIG_LAKE_BUCKET,
    /// HEADRIG_LAKE_PREFIX]
    #[arg(long, value_name = "DIR|S3-URL")]
    pub(crate) lake: Option<PathBuf>,
    /// Over AWS, the ledger's DynamoDB table [env: HEADRIG_TABLE]
    #[arg(long, value_name = "NAME")]
    pub(crate) table: Option<String>,
    /// Over AWS, the upload bucket, with its prefix if it has one [env: HEADRIG_BUCKET, HEADRIG_PREFIX]
    #[arg(long, value_name = "NAME[/PREFIX]")]
    pub(crate) bucket: Option<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// A moment as people write it: `2026-09-21`, `2026-09-21T06:00:00Z`, or how long ago: `24h`, `7d`.
fn moment(text: &str) -> Result<UnixMicros, String> {
    let ago = || {
        let span = text.parse::<Span>().ok()?;
        let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Timestamp::now().checked_sub(ago.abs()).ok()
    };
    let day = || Some(text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp());
    let instant = || text.parse::<Timestamp>().ok();
    let found = instant().or_else(day).or_else(ago);
    found.map(|time| UnixMicros(time.as_microsecond())).ok_or_else(|| {
        format!("expected a day such as 2026-09-21, an instant such as 2026-09-21T06:00:00Z, or how long ago, such as 24h or 7d, found {text:?}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    #[test]
    fn moments_are_read_as_people_write_them() {
        assert_eq!(moment("1970-01-02"), Ok(UnixMicros::from_seconds(86_400)));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Ok(UnixMicros(0)));
        for (text, seconds) in [("24h", 86_400), ("7d", 7 * 86_400), ("90m", 5_400)] {
            let found = moment(text).unwrap();
            let expect = now().saturating_add_micros(-seconds * 1_000_000);
            assert!(expect.micros_since(found).abs() < 60_000_000, "{text}: {found:?}");
        }
        for text in ["", "yesterday", "2026-13-01", "24"] {
            assert!(moment(text).is_err(), "{text:?}");
        }
    }
}
