//! What a child process costs: CPU time, peak memory, wall time, as the kernel counts them.

use anyhow::{Context, Result};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::{
    fs,
    process::{Child, ExitStatus},
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

/// Waits for the end of `child` and says what it cost.
///
/// # Errors
/// When the system does not tell.
pub fn watch(child: &mut Child) -> Result<(ExitStatus, Cost)> {
    let begun = Instant::now();
    let id =
        i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process id is a positive i32")?;
    let mut peak_rss_bytes = 0;
    // The process is left a zombie at first, because its times can be read until it is waited for.
    let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while waitid(WaitId::Pid(id), ended).context("waiting for the process")?.is_none() {
        peak_rss_bytes = peak_rss_bytes.max(resident_peak(child.id()).unwrap_or(0));
        sleep(POLL_INTERVAL);
    }
    let wall = begun.elapsed();
    let cpu = cpu_time(child.id())?;
    Ok((child.wait()?, Cost { cpu, peak_rss_bytes, wall }))
}

/// VmHWM of a live process; none once it has given its memory back.
fn resident_peak(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
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
    use std::process::Command;

    #[test]
    fn a_busy_child_costs_about_its_wall_time() {
        let script = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done";
        let (status, cost) = watch(&mut Command::new("sh").args(["-c", script]).spawn().unwrap()).unwrap();
        assert!(status.success());
        assert!(cost.cpu > Duration::ZERO && cost.cpu <= cost.wall + Duration::from_millis(50), "{cost:?}");
        assert!(cost.peak_rss_bytes > 100 << 10, "{cost:?}");
    }
}
