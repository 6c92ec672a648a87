//! A booted machine with the packages at hand, a bucket beside it, and what was written there.

use anyhow::{Context, Result, ensure};
use headrig_tests::{
    ministack::Ministack,
    nspawn::{self, Machine},
    oracle::{Delivery, Oracle, Tally},
    process::wait_until,
    site::skip,
};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a line may take into the bucket, or a service to come back.
pub(crate) const ARRIVAL_LIMIT: Duration = Duration::from_secs(60);
const UNIT: &str = "headrig-agent.service";

/// A machine, a bucket, and the lines between them.
pub(crate) struct Place {
    pub(crate) machine: Machine,
    store: Arc<Ministack>,
    bucket: &'static str,
    oracle: Oracle,
    delivery: Delivery,
}

impl Place {
    /// Boots for the test `bucket`; none, saying so, where that cannot be done.
    pub(crate) fn begin(bucket: &'static str) -> Result<Option<Self>> {
        let (Some(dist), Some(next)) = (dist(), next()) else {
            skip(bucket, "it needs a machine of its own; run `cargo xtask test packaging`");
            return Ok(None);
        };
        if let Some(reason) = nspawn::obstacle() {
            skip(bucket, reason);
            return Ok(None);
        }
        let Some(store) = Ministack::shared(bucket)? else { return Ok(None) };
        store.make_bucket(bucket)?;
        let machine = Machine::boot(&root())?;
        for (folder, name) in [(dist, "dist"), (next, "next")] {
            for entry in fs::read_dir(folder)? {
                let from = entry?.path();
                if from.extension().is_some_and(|extension| extension == "deb" || extension == "rpm") {
                    let kind = if is_of_agent(&from) { "agent" } else { "cli" };
                    let extension = from.extension().unwrap().to_string_lossy().into_owned();
                    fs::copy(&from, machine.path(&format!("/{name}-{kind}.{extension}"))?)?;
                }
            }
        }
        let (oracle, delivery) = (Oracle::default(), Delivery::default());
        Ok(Some(Self { machine, store, bucket, oracle, delivery }))
    }

    /// Installs by a line, and notes how long that takes; what was said.
    pub(crate) fn install(&self, line: &str) -> Result<String> {
        let begun = Instant::now();
        let said = self.machine.done(line)?;
        let packager = line.split(' ').next().unwrap_or(line);
        figure(&format!("installed by {packager} in"), &format!("{:.1} s", begun.elapsed().as_secs_f64()))?;
        Ok(said)
    }

    /// The settings an operator would make, and the credentials.
    pub(crate) fn configure(&self) -> Result<()> {
        self.configure_for(&format!("http://{}", self.store.address()))
    }

    /// As [`Place::configure`], for an S3 at `endpoint`.
    pub(crate) fn configure_for(&self, endpoint: &str) -> Result<()> {
        let settings = format!(
            "# edited by hand\n[upload]\nbucket = \"{}\"\nregion = \"us-east-1\"\nendpoint = \"{endpoint}\"\npath_style = true\n\
             [chunk]\nage_max = \"1s\"\n[heartbeat]\nenabled = false\n\
             [[source]]\nname = \"system\"\ninclude = [\"/var/log/app/*.log\", \"/etc/shadow\", \"/var/log/linked\", \
             \"/root/secret.log\", \"/var/backups/shadow.bak\"]\n",
            self.bucket
        );
        // Written in place: owner and mode are the package's.
        fs::write(self.machine.path("/etc/headrig/agent.toml")?, settings)?;
        self.machine.write("/etc/headrig/environment", "AWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\n")
    }

    /// Appends lines to a log of the machine's, which is made as `owner` and `mode` say.
    pub(crate) fn log(&mut self, name: &str, owner: &str, mode: &str, text: &str) -> Result<()> {
        self.machine.write("/lines", text)?;
        self.machine.done(&format!(
            "mkdir -p /var/log/app; touch {name}; chown {owner} {name}; chmod {mode} {name}; cat /lines >> {name}"
        ))?;
        self.oracle.wrote(text);
        Ok(())
    }

    /// Waits until what was written has arrived, once.
    pub(crate) fn arrived(&mut self) -> Result<Tally> {
        let waited = wait_until("every line has arrived", ARRIVAL_LIMIT, || {
            self.delivery.read(&self.store, self.bucket)?;
            Ok(self.oracle.tally(&self.delivery).lost == 0)
        });
        waited.with_context(|| {
            self.machine.run("journalctl -u headrig-agent --no-pager | tail -30").unwrap().stdout
        })?;
        let tally = self.oracle.tally(&self.delivery);
        ensure!(
            (tally.duplicated, tally.garbled) == (0, 0),
            "{tally}: {}",
            self.oracle.examples(&self.delivery)
        );
        Ok(tally)
    }

    /// The service's process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.machine.property(UNIT, "MainPID")?.parse().context("a process id")
    }

    /// The service's memory in KiB as the kernel counts it: `VmRSS`, `RssAnon`, `VmHWM`.
    pub(crate) fn memory_kib(&self, field: &str) -> Result<u64> {
        let status = self.machine.done(&format!("cat /proc/{}/status", self.pid()?))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let figure = line.and_then(|line| line.split_whitespace().next()).with_context(|| status.clone())?;
        Ok(figure.parse()?)
    }

    /// Waits for the service to run under another process id than `before`.
    pub(crate) fn started_again(&self, before: u32) -> Result<()> {
        wait_until("the service is started again", ARRIVAL_LIMIT, || {
            let is_active = self.machine.property(UNIT, "ActiveState")? == "active";
            Ok(is_active && ![0, before].contains(&self.pid()?))
        })
    }

    /// Whether it is started with the machine.
    pub(crate) fn is_enabled(&self) -> Result<bool> {
        Ok(self.machine.run(&format!("systemctl is-enabled --quiet {UNIT}"))?.status.success())
    }

    /// Whether the service is `active`, `inactive` or `failed`.
    pub(crate) fn state(&self) -> Result<String> {
        self.machine.property(UNIT, "ActiveState")
    }
}

/// Where the packages are.
pub(crate) fn dist() -> Option<PathBuf> {
    std::env::var_os("HEADRIG_DIST").map(PathBuf::from)
}

fn next() -> Option<PathBuf> {
    std::env::var_os("HEADRIG_DIST_NEXT").map(PathBuf::from)
}

/// Notes what was measured, for the table at the end of `cargo xtask test packaging`.
pub(crate) fn figure(what: &str, measured: &str) -> Result<()> {
    eprintln!("{what}: {measured}");
    let Some(path) = std::env::var_os("HEADRIG_FIGURES") else { return Ok(()) };
    let mut list = OpenOptions::new().append(true).open(path)?;
    Ok(list.write_all(format!("{what} | {measured}\n").as_bytes())?)
}

/// The agent's package is called `headrig-agent-…` or `headrig-agent_…`.
fn is_of_agent(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("headrig-agent"))
}

/// The root is kept beside what cargo builds.
fn root() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let target = here.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map_or_else(std::env::temp_dir, Path::to_path_buf).join("packaging/root")
}
