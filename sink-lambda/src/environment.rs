//! The function's settings, read from its environment once and checked: `HEADRIG_` and a name.
//!
//! Invariant: a variable with that beginning which nothing honours is an error, and so is a value out of its range;
//! all that is wrong is said at once.

use crate::settings::Settings;
use headrig_contract::{ByteLength, HostName};
use headrig_ledger::BatchSize;
use std::{collections::BTreeMap, fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

/// What the names of all variables begin with.
const PREFIX: &str = "HEADRIG_";

/// All that the function is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The core's settings.
    pub settings: Settings,
    /// `HEADRIG_TABLE`: the ledger's table, or whatever names the ledger.
    pub ledger: String,
    /// `HEADRIG_JOB`: the Glue job.
    pub job: String,
    /// `HEADRIG_LAKE_BUCKET`.
    pub lake_bucket: String,
    /// `HEADRIG_LAKE_PREFIX`: empty, or ending with a slash.
    pub lake_prefix: String,
    /// `HEADRIG_TOPIC_ARN`: where people are told.
    pub topic_arn: String,
    /// `HEADRIG_METRICS_NAMESPACE`.
    pub metrics_namespace: String,
    /// `HEADRIG_S3_PATH_STYLE`: for S3's look-alikes.
    pub path_style: bool,
}

/// What is wrong with the environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function's environment is wrong: {}", problems.join("; "))]
pub struct EnvironmentError {
    /// Each problem, with what is expected.
    pub problems: Vec<String>,
}

struct Variables {
    left: BTreeMap<String, String>,
    problems: Vec<String>,
}

impl Environment {
    /// Reads the variables; of those that do not begin with `HEADRIG_` only endpoints that are empty matter.
    ///
    /// # Errors
    /// [`EnvironmentError`] with every problem.
    pub fn read(all: impl IntoIterator<Item = (String, String)>) -> Result<Self, EnvironmentError> {
        let mut variables = Variables { left: BTreeMap::new(), problems: Vec::new() };
        for (name, value) in all {
            // The SDK panics over it.
            if name.starts_with("AWS_ENDPOINT_URL") && value.is_empty() {
                variables.problems.push(format!("{name} is empty; remove it, or let it name a URL"));
            } else if let Some(name) = name.strip_prefix(PREFIX) {
                variables.left.insert(name.to_owned(), value);
            }
        }
        let environment = Self::take(&mut variables);
        for name in variables.left.keys() {
            let problem = format!("{PREFIX}{name} is not known; remove it, or correct its name");
            variables.problems.push(problem);
        }
        if variables.problems.is_empty() {
            Ok(environment)
        } else {
            Err(EnvironmentError { problems: variables.problems })
        }
    }

    fn take(variables: &mut Variables) -> Self {
        let bucket = variables.required("BUCKET", "the upload bucket");
        let mut settings = Settings::for_bucket(&bucket);
        settings.prefix = variables.folder("PREFIX");
        let policy = &mut settings.policy;
        let mut files = policy.batch_size.files();
        variables.number("BATCH_SIZE", 1..=headrig_ledger::plan::BATCH_SIZE_MAX, &mut files);
        policy.batch_size = BatchSize::new(files).unwrap_or_default();
        variables.seconds("MAX_WAIT_SECONDS", 1..=86_400, &mut policy.max_wait);
        variables.seconds("LEASE_SECONDS", 120..=86_400, &mut policy.lease);
        variables.number("FAILURES_MAX", 1..=20, &mut policy.failures_max);
        variables.number("BATCHES_PER_RUN_MAX", 1..=200, &mut policy.batches_per_run_max);
        variables.number("JOB_RUNS_MAX", 1..=1_000, &mut settings.limits.job_runs_max);
        variables.number("ACCOUNT_RUNS_MAX", 1..=10_000, &mut settings.limits.account_runs_max);
        let ByteLength(object_bytes_max) = &mut settings.object_bytes_max;
        variables.number("OBJECT_BYTES_MAX", 1..=5 << 40, object_bytes_max);
        variables.number("LISTED_PER_SWEEP", 1..=100_000, &mut settings.listed_per_sweep);
        variables.seconds("GAP_GRACE_SECONDS", 60..=604_800, &mut settings.gap_grace);
        variables.seconds("MISSING_AFTER_SECONDS", 120..=604_800, &mut settings.patience.missing_after);
        if let Some(host) = variables.parsed::<HostName>("COLLECTOR_HOST") {
            settings.collector_host = host;
        }
        let mut path_style = false;
        variables.number("S3_PATH_STYLE", false..=true, &mut path_style);
        Self {
            settings,
            ledger: variables.required("TABLE", "the ledger's table"),
            job: variables.required("JOB", "the Glue job"),
            lake_bucket: variables.required("LAKE_BUCKET", "the lake's bucket"),
            lake_prefix: variables.folder("LAKE_PREFIX"),
            topic_arn: variables.required("TOPIC_ARN", "the SNS topic"),
            metrics_namespace: variables.left.remove("METRICS_NAMESPACE").unwrap_or_else(|| "headrig".into()),
            path_style,
        }
    }
}

impl Variables {
    fn required(&mut self, name: &str, what: &str) -> String {
        match self.left.remove(name) {
            Some(value) if !value.is_empty() => value,
            _ => {
                self.problems.push(format!("{PREFIX}{name} is missing; set it to {what}"));
                String::new()
            }
        }
    }

    /// A beginning of keys: nothing, or with one slash at its end.
    fn folder(&mut self, name: &str) -> String {
        match self.left.remove(name).unwrap_or_default().trim_matches('/') {
            "" => String::new(),
            folder => format!("{folder}/"),
        }
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        let value = self.left.remove(name)?;
        match value.parse() {
            Ok(parsed) => Some(parsed),
            Err(error) => {
                self.problems.push(format!("{PREFIX}{name}={value}: {error}"));
                None
            }
        }
    }

    fn number<T: FromStr<Err: Display> + PartialOrd + Display>(
        &mut self,
        name: &str,
        range: RangeInclusive<T>,
        setting: &mut T,
    ) {
        match self.parsed(name) {
            Some(found) if range.contains(&found) => *setting = found,
            Some(found) => {
                let (least, most) = (range.start(), range.end());
                self.problems.push(format!("{PREFIX}{name}: expected {least} to {most}, found {found}"));
            }
            None => {}
        }
    }

    fn seconds(&mut self, name: &str, range: RangeInclusive<u64>, setting: &mut Duration) {
        let mut seconds = setting.as_secs();
        self.number(name, range, &mut seconds);
        *setting = Duration::from_secs(seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: [(&str, &str); 5] = [
        ("HEADRIG_BUCKET", "logs"),
        ("HEADRIG_TABLE", "headrig"),
        ("HEADRIG_JOB", "etl"),
        ("HEADRIG_LAKE_BUCKET", "lake"),
        ("HEADRIG_TOPIC_ARN", "arn:aws:sns:eu-central-1:123456789012:headrig"),
    ];

    fn read(more: &[(&str, &str)]) -> Result<Environment, EnvironmentError> {
        let all = NEEDED.iter().chain(more).map(|(name, value)| ((*name).into(), (*value).into()));
        Environment::read(all)
    }

    #[test]
    fn what_is_not_set_has_its_default() {
        let environment = read(&[("PATH", "/bin"), ("AWS_REGION", "x")]).unwrap();
        assert_eq!(environment.settings, Settings::for_bucket("logs"));
        assert_eq!((environment.metrics_namespace.as_str(), environment.path_style), ("headrig", false));
    }

    #[test]
    fn what_is_set_counts() {
        let more = [
            ("HEADRIG_BATCH_SIZE", "50"),
            ("HEADRIG_MAX_WAIT_SECONDS", "60"),
            ("HEADRIG_PREFIX", "/raw/"),
            ("HEADRIG_S3_PATH_STYLE", "true"),
            ("HEADRIG_JOB_RUNS_MAX", "7"),
        ];
        let Environment { settings, path_style, .. } = read(&more).unwrap();
        assert_eq!((settings.policy.batch_size.files(), settings.policy.max_wait.as_secs()), (50, 60));
        assert_eq!((settings.prefix.as_str(), settings.limits.job_runs_max, path_style), ("raw/", 7, true));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let more = [
            ("HEADRIG_BATCH_SIZE", "100"),
            ("HEADRIG_BATCHSIZE", "5"),
            ("HEADRIG_LEASE_SECONDS", "soon"),
            ("AWS_ENDPOINT_URL", ""),
        ];
        let problems = read(&more).unwrap_err().problems.join("\n");
        for part in [
            "found 100",
            "HEADRIG_BATCHSIZE is not known",
            "HEADRIG_LEASE_SECONDS=soon",
            "AWS_ENDPOINT_URL is empty",
        ] {
            assert!(problems.contains(part), "{problems}");
        }
        assert_eq!(Environment::read([]).unwrap_err().problems.len(), NEEDED.len());
    }
}
