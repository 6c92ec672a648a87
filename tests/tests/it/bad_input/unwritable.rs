//! Lakes that cannot be written: a file in their place, a read-only or a full disk.

use super::{good, site};
use anyhow::{Result, ensure};
use headrig_tests::{
    exactness,
    generate::AccessLog,
    lake::Lake,
    process::Headrig,
    site::{Site, skip},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A small file system of its own, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this user, or this kind of container, may not mount.
    fn mount(site: &Site, options: &str) -> Result<Option<Self>> {
        let path = site.folder().join("disk");
        fs::create_dir(&path)?;
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], &path);
        if !mounted {
            skip("read-only and full disks", "mounting a tmpfs is not allowed here");
        }
        Ok(mounted.then_some(Self(path)))
    }

    fn remount(&self, options: &str) -> Result<()> {
        ensure!(mount(&["-o", &format!("remount,{options}")], &self.0), "remounting with {options}");
        Ok(())
    }

    fn lake(&self) -> Lake {
        Lake::new(self.0.join("lake"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let status = Command::new("mount").args(arguments).arg(path).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_file_in_the_lakes_place_is_named_with_exit_code_2() -> Result<()> {
    let site = site()?;
    let file = site.folder().join("occupied");
    fs::write(&file, "somebody's file\n")?;
    for lake in [file.clone(), file.join("lake")] {
        let run = Headrig::local([site.logs()], &lake)?.run()?;
        assert!(run.said(2)?.contains("occupied"), "{run}");
    }
    assert_eq!(fs::read_to_string(file)?, "somebody's file\n");
    Ok(())
}

#[test]
fn a_read_only_lake_is_named_and_filled_once_it_is_writable() -> Result<()> {
    let site = site()?;
    let Some(disk) = Disk::mount(&site, "ro,size=64m")? else { return Ok(()) };
    let run = Headrig::local([site.logs()], disk.lake().folder())?.run()?;
    assert!(matches!(run.status.code(), Some(1 | 2)), "{run}");
    assert!(run.stderr.contains("disk/lake"), "{run}");
    disk.remount("rw")?;
    Headrig::local([site.logs()], disk.lake().folder())?.run()?.summary(0)?;
    exactness::check(&disk.lake(), &[good()])?;
    Ok(())
}

#[test]
fn a_full_disk_is_told_and_the_lake_completes_once_there_is_room() -> Result<()> {
    // Sizes at which the disk fills up early, while shipping, and while writing the lake.
    for size in ["300k", "2m", "5m"] {
        let site = site()?;
        let log = AccessLog::new(3).lines(120_000);
        site.write("access.log", &log)?;
        let Some(disk) = Disk::mount(&site, &format!("size={size}"))? else { return Ok(()) };
        let run = Headrig::local([site.logs()], disk.lake().folder())?.run()?;
        assert!(matches!(run.status.code(), Some(1 | 2)), "{size}: {run}");
        assert!(run.stderr.contains("disk/lake"), "{size}: {run}");
        let told = ["is full", "no space", "No space"].iter().any(|words| run.stderr.contains(words));
        assert!(told, "{size}: {run}");
        disk.remount("size=512m")?;
        Headrig::local([site.logs()], disk.lake().folder())?.run()?.summary(0)?;
        exactness::check(&disk.lake(), &[good(), log])?;
    }
    Ok(())
}
