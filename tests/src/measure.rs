//! What a process costs and holds: CPU time, memory, descriptors, wall time, as the kernel counts them.

use anyhow::{Context, Result, bail};
use rustix::{
    process::{Pid, WaitId, WaitIdOptions, waitid},
    time::{ClockId, clock_gettime},
};
use std::{
    fs,
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The unit of times in /proc/PID/stat: USER_HZ, which is 100 on every architecture that this builds for.
const TICKS_PER_SECOND: u64 = 100;
const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// What a process took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// The most memory it had resident, in bytes, as last seen within 2 ms of its end.
    pub peak_rss_bytes: u64,
    /// From the call to its end.
    pub wall: Duration,
}

/// What a live process has used up to now, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// The memory it has resident, in bytes.
    pub rss_bytes: u64,
    /// The most memory it ever had resident, in bytes.
    pub peak_rss_bytes: u64,
    /// Its open descriptors.
    pub descriptors: usize,
}

/// Runs `command`, without input, to an end with exit code 0, and says what it cost.
///
/// # Errors
/// When it cannot be started, ends otherwise, or has not ended within `limit`.
pub fn run(command: &mut Command, limit: Duration) -> Result<Cost> {
    let mut child = command.stdin(Stdio::null()).spawn().context("starting a child to measure")?;
    let (status, cost) = watch(&mut child, limit)?;
    if !status.success() {
        bail!("{:?} ended with {status}", command.get_program());
    }
    Ok(cost)
}

/// Waits for the end of `child` and says what it cost.
///
/// # Errors
/// When the system does not tell, or the child has not ended within `limit`; it is then killed.
pub fn watch(child: &mut Child, limit: Duration) -> Result<(ExitStatus, Cost)> {
    let begun = Instant::now();
    let id =
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id is a positive i32")?;
    let mut peak_rss_bytes = 0;
    // The process is left a zombie at first, because its times can be read until it is waited for.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(id), ended).context("waiting for the process")?.is_none() {
        if begun.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            bail!("waited {limit:?} in vain until process {} ends", child.id());
        }
        peak_rss_bytes = peak_rss_bytes.max(memory(child.id(), "VmHWM:").unwrap_or(0));
        sleep(POLL_INTERVAL);
    }
    let wall = begun.elapsed();
    let cpu = cpu_time(child.id())?;
    Ok((child.wait()?, Cost { cpu, peak_rss_bytes, wall }))
}

/// What the live process `id` has used, and what it holds.
///
/// # Errors
/// When there is no such process, or it belongs to another user.
pub fn usage(id: u32) -> Result<Usage> {
    Ok(Usage {
        cpu: cpu_time(id)?,
        rss_bytes: memory(id, "VmRSS:").context("reading the process's memory")?,
        peak_rss_bytes: memory(id, "VmHWM:").context("reading the process's memory")?,
        descriptors: fs::read_dir(format!("/proc/{id}/fd"))
            .context("counting the process's descriptors")?
            .count(),
    })
}

/// User and system time that this process has used, to the nanosecond.
pub fn process_cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs() as u32)
}

/// A line of a live process's status, in bytes; none once it has given its memory back.
fn memory(id: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn cpu_time(id: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).context("reading the process's times")?;
    // Fields 14 and 15, counted from 1; the name, field 2, may hold spaces but ends at the last ')'.
    let after_name = stat.rsplit_once(')').context("a name in parentheses")?.1;
    let fields: Vec<&str> = after_name.split_ascii_whitespace().collect();
    let [user, system] = [11, 12].map(|field| fields.get(field).and_then(|text| text.parse::<u64>().ok()));
    let ticks = user.context("the user time")? + system.context("the system time")?;
    Ok(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_child_costs_about_its_wall_time() {
        let script = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let mut child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let (status, cost) = watch(&mut child, Duration::from_secs(60)).unwrap();
        assert!(status.success());
        assert!(cost.cpu > Duration::ZERO && cost.cpu <= cost.wall + Duration::from_millis(50), "{cost:?}");
        assert!(cost.peak_rss_bytes > 100 << 10, "{cost:?}");
    }

    #[test]
    fn a_child_that_does_not_end_is_killed_at_the_limit() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = child.id();
        let error = watch(&mut child, Duration::from_millis(30)).unwrap_err();
        assert!(error.to_string().contains("in vain"), "{error}");
        assert!(usage(id).is_err(), "it is gone");
    }

    #[test]
    fn an_open_file_is_one_more_descriptor() {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let script = "exec 9</dev/null; echo; read end";
        let mut count = |script: &str| {
            let mut child = Command::new("sh")
                .args(["-c", script])
                .stdin(Stdio::piped())
                .stdout(writer.try_clone().unwrap())
                .spawn()
                .unwrap();
            std::io::Read::read_exact(&mut reader, &mut [0]).unwrap();
            let usage = usage(child.id()).unwrap();
            drop(child.stdin.take());
            child.wait().unwrap();
            assert!(usage.rss_bytes > 100 << 10 && usage.peak_rss_bytes >= usage.rss_bytes, "{usage:?}");
            usage.descriptors
        };
        assert_eq!(count(script), count("echo; read end") + 1);
    }
}
