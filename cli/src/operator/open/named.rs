//! Which pipeline is meant: what the command line names, and what the environment adds.
//!
//! A folder is a local lake, whatever the environment says; else the variables stand in for options, under the names
//! that the sink's function has for them. Contacts nothing.

use crate::{args::LakeArguments, operator::Mistake};
use headrig_contract::ByteLength;
use std::path::PathBuf;

/// The largest object that a local run loads, and so the largest that is read; it is held in memory whole.
pub(crate) const LOCAL_OBJECT_BYTES_MAX: ByteLength = ByteLength(256 << 20);
/// The same over AWS, where the function's setting does not say otherwise.
const AWS_OBJECT_BYTES_MAX: ByteLength = ByteLength(1 << 30);

/// A pipeline by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The folder that was given to `headrig local`.
    Folder(PathBuf),
    Aws(AwsNames),
}

/// The names of a pipeline's parts in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AwsNames {
    /// The ledger's table.
    pub(crate) table: String,
    /// The upload bucket.
    pub(crate) bucket: Option<Place>,
    /// The lake.
    pub(crate) lake: Option<Place>,
    /// For S3's look-alikes.
    pub(crate) path_style: bool,
    pub(crate) object_bytes_max: ByteLength,
}

/// A bucket, and a prefix in it that is empty or ends with a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) bucket: String,
    pub(crate) prefix: String,
}

impl Named {
    /// The pipeline that the arguments name; `variable` reads the environment.
    ///
    /// # Errors
    /// When they name none, or two.
    pub(crate) fn of(
        arguments: &LakeArguments,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Mistake> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let url = arguments.lake.as_ref().and_then(|lake| lake.to_str()?.strip_prefix("s3://"));
        match (&arguments.lake, url) {
            (Some(folder), None) if arguments.table.is_none() && arguments.bucket.is_none() => {
                return Ok(Self::Folder(folder.clone()));
            }
            (Some(folder), None) => {
                return Err(Mistake(format!(
                    "--lake names the folder {}, --table and --bucket a pipeline in AWS; name one of them, the lake in AWS as s3://BUCKET/PREFIX",
                    folder.display()
                )));
            }
            _ => {}
        }
        let table = arguments.table.clone().or_else(|| variable("HEADRIG_TABLE")).ok_or_else(|| {
            Mistake("no lake is named: name with --lake the folder that was given to `headrig local`, or over AWS with --table (or HEADRIG_TABLE) the ledger's table".into())
        })?;
        let of_variables = |bucket: &str, prefix: &str| {
            let (bucket, prefix) = (variable(bucket)?, variable(prefix).unwrap_or_default());
            Place::parse(&format!("{bucket}/{prefix}"))
        };
        let written = |text: &str, option: &str| {
            let found = Place::parse(text);
            found.ok_or_else(|| Mistake(format!("{option}: expected a bucket's name, found {text:?}")))
        };
        Ok(Self::Aws(AwsNames {
            table,
            bucket: match &arguments.bucket {
                Some(text) => Some(written(text, "--bucket")?),
                None => of_variables("HEADRIG_BUCKET", "HEADRIG_PREFIX"),
            },
            lake: match url {
                Some(text) => Some(written(text, "--lake")?),
                None => of_variables("HEADRIG_LAKE_BUCKET", "HEADRIG_LAKE_PREFIX"),
            },
            path_style: checked(&variable, "HEADRIG_S3_PATH_STYLE")?.unwrap_or(false),
            object_bytes_max: checked(&variable, "HEADRIG_OBJECT_BYTES_MAX")?
                .map_or(AWS_OBJECT_BYTES_MAX, ByteLength),
        }))
    }
}

impl AwsNames {
    /// The options that name it on a command line.
    pub(crate) fn options(&self) -> String {
        let mut options = format!("--table {}", self.table);
        if let Some(bucket) = &self.bucket {
            options += &format!(" --bucket {}", bucket.text());
        }
        if let Some(lake) = &self.lake {
            options += &format!(" --lake s3://{}", lake.text());
        }
        options
    }
}

impl Place {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix("s3://").unwrap_or(text);
        let (bucket, prefix) = text.split_once('/').unwrap_or((text, ""));
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        (!bucket.is_empty()).then(|| Self { bucket: bucket.into(), prefix })
    }

    pub(crate) fn text(&self) -> String {
        format!("{}/{}", self.bucket, self.prefix).trim_end_matches('/').to_owned()
    }
}

fn checked<T: std::str::FromStr>(
    variable: &impl Fn(&str) -> Option<String>,
    name: &str,
) -> Result<Option<T>, Mistake> {
    let Some(value) = variable(name) else { return Ok(None) };
    let wrong =
        |_| Mistake(format!("{name}={value} cannot be read; set it as for the sink's function, or unset it"));
    value.parse().map(Some).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: [(&str, &str); 4] = [
        ("HEADRIG_TABLE", "ledger"),
        ("HEADRIG_BUCKET", "uploads"),
        ("HEADRIG_LAKE_BUCKET", "lake"),
        ("HEADRIG_LAKE_PREFIX", "/prod/"),
    ];

    fn named(options: [Option<&str>; 3], variables: &[(&str, &str)]) -> Result<Named, String> {
        let [lake, table, bucket] = options.map(|option| option.map(str::to_owned));
        let arguments = LakeArguments { lake: lake.map(Into::into), table, bucket, json: false };
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Named::of(&arguments, variable).map_err(|Mistake(text)| text)
    }

    /// Expects a pipeline of that name, or a mistake that says so.
    fn check(options: [Option<&str>; 3], variables: &[(&str, &str)], expect: &str) {
        match named(options, variables) {
            Ok(Named::Folder(folder)) => assert_eq!(folder.display().to_string(), expect),
            Ok(Named::Aws(names)) => assert_eq!(names.options(), expect),
            Err(error) => assert!(error.contains(expect), "{options:?}: expected {expect:?}, found {error}"),
        }
    }

    #[test]
    fn a_folder_is_local_whatever_the_environment_says() {
        check([Some("~/lake"), None, None], &FUNCTION, "~/lake");
        check([Some("lake"), Some("t"), None], &[], "--lake names the folder lake");
        check([Some("lake"), None, Some("b")], &[], "name one of them");
    }

    #[test]
    fn options_go_before_the_functions_variables() {
        check([None, None, None], &FUNCTION, "--table ledger --bucket uploads --lake s3://lake/prod");
        check([None, Some("t"), None], &[], "--table t");
        check(
            [Some("s3://other/x/y/"), Some("t"), Some("s3://in/raw")],
            &FUNCTION,
            "--table t --bucket in/raw --lake s3://other/x/y",
        );
        check([None, None, None], &[], "no lake is named");
        check([Some("s3://lake"), None, None], &[("HEADRIG_TABLE", "")], "no lake is named");
        check([None, Some("t"), Some("/x")], &[], "--bucket: expected a bucket's name");
    }

    #[test]
    fn a_variable_that_cannot_be_read_is_named() {
        let wrong = [("HEADRIG_TABLE", "t"), ("HEADRIG_OBJECT_BYTES_MAX", "much")];
        check([None, None, None], &wrong, "HEADRIG_OBJECT_BYTES_MAX=much cannot be read");
    }
}
