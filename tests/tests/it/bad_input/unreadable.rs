//! Files and folders that cannot be read: missing, forbidden, dangling, or no files at all.

use super::{failed_on, good, names, site};
use anyhow::Result;
use headrig_tests::{
    exactness,
    generate::application_lines,
    process::{ANSWER_LIMIT, Finished, Headrig},
    site::Site,
};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use std::{
    ffi::OsStr,
    fs::{self, Permissions},
    os::unix::{
        ffi::OsStrExt,
        fs::{PermissionsExt, chown, symlink},
    },
};

/// Whom permission bits bind: nobody in particular.
const NOBODY: u32 = 65_534;

/// Runs as somebody whom permission bits bind, which root is not.
fn run_as_nobody(site: &Site) -> Result<Finished> {
    if !rustix::process::geteuid().is_root() {
        return site.run();
    }
    let binary = site.folder().join("headrig");
    fs::copy(headrig_tests::process::binary()?, &binary)?;
    fs::set_permissions(site.folder(), Permissions::from_mode(0o755))?;
    fs::create_dir_all(site.lake().folder())?;
    chown(site.lake().folder(), Some(NOBODY), Some(NOBODY))?;
    site.headrig()?.as_user(NOBODY, &binary).run()
}

#[test]
fn a_file_without_permission_is_named_and_read_once_it_is_allowed() -> Result<()> {
    let site = site()?;
    let secret = application_lines("secret", 0, 100);
    let path = site.write("secret.log", &secret)?;
    fs::set_permissions(&path, Permissions::from_mode(0o000))?;
    failed_on(&run_as_nobody(&site)?, "secret.log")?;
    exactness::check(&site.lake(), &[good()])?;
    fs::set_permissions(&path, Permissions::from_mode(0o644))?;
    assert_eq!(run_as_nobody(&site)?.summary(0)?.rows, 100);
    exactness::check(&site.lake(), &[good(), secret])?;
    Ok(())
}

#[test]
fn a_folder_without_permission_is_named_and_the_others_are_read() -> Result<()> {
    let site = site()?;
    site.write("private/app.log", "a line\n")?;
    fs::set_permissions(site.log("private"), Permissions::from_mode(0o000))?;
    let run = run_as_nobody(&site)?;
    fs::set_permissions(site.log("private"), Permissions::from_mode(0o755))?;
    failed_on(&run, "private")?;
    exactness::check(&site.lake(), &[good()])?;
    assert_eq!(run_as_nobody(&site)?.summary(0)?.rows, 1);
    exactness::check(&site.lake(), &[good(), "a line\n".into()])?;
    Ok(())
}

#[test]
fn a_missing_input_is_named_and_the_others_are_read() -> Result<()> {
    let site = site()?;
    let late = site.log("late");
    let run = || Headrig::local([late.clone(), site.log("good.log")], site.lake().folder())?.run();
    failed_on(&run()?, "late")?;
    exactness::check(&site.lake(), &[good()])?;
    site.write("late/app.log", "a late line\n")?;
    assert_eq!(run()?.summary(0)?.rows, 1);
    exactness::check(&site.lake(), &[good(), "a late line\n".into()])?;
    Ok(())
}

#[test]
fn a_glob_that_matches_nothing_is_named() -> Result<()> {
    let site = site()?;
    let glob = site.logs().join("*.nothing");
    failed_on(&Headrig::local([glob, site.logs()], site.lake().folder())?.run()?, "*.nothing")?;
    exactness::check(&site.lake(), &[good()])?;
    Ok(())
}

#[test]
fn a_broken_symlink_is_named_and_followed_once_it_is_whole() -> Result<()> {
    let site = site()?;
    let target = site.folder().join("target.log");
    symlink(&target, site.log("link.log"))?;
    failed_on(&site.run()?, "link.log")?;
    fs::write(&target, "a line behind a link\n")?;
    assert_eq!(site.run_well()?.rows, 1);
    exactness::check(&site.lake(), &[good(), "a line behind a link\n".into()])?;
    Ok(())
}

#[test]
fn names_that_are_no_utf8_are_read_and_told_all_the_same() -> Result<()> {
    let site = site()?;
    let name = |bytes: &[u8]| site.logs().join(OsStr::from_bytes(bytes));
    fs::write(name(b"caf\xe9 \"1\"\n.log"), "a line of a file with a strange name\n")?;
    symlink("nowhere", name(b"link-\xff.log"))?;
    let run = site.run()?;
    let summary = run.summary(1)?;
    assert!(summary.problems.iter().any(|problem| problem.path.contains("link-")), "{run}");
    assert!(run.stderr.contains("link-"), "{run}");
    exactness::check(&site.lake(), &[good(), "a line of a file with a strange name\n".into()])?;
    Ok(())
}

#[test]
fn symlinks_that_lead_in_circles_or_twice_to_a_file_ship_it_once() -> Result<()> {
    let site = site()?;
    symlink(site.logs(), site.log("circle"))?;
    symlink(site.log("good.log"), site.log("twice.log"))?;
    let run = site.headrig()?.start()?.finish(ANSWER_LIMIT)?;
    assert!(matches!(run.status.code(), Some(0 | 1)), "{run}");
    exactness::check(&site.lake(), &[good()])?;
    Ok(())
}

#[test]
fn a_fifo_is_named_and_not_waited_for() -> Result<()> {
    let site = site()?;
    mknodat(CWD, site.log("pipe.log"), FileType::Fifo, Mode::from_raw_mode(0o644), 0)?;
    let run = site.headrig()?.start()?.finish(ANSWER_LIMIT)?;
    let code = run.status.code().filter(|code| matches!(code, 0 | 1));
    names(&run, &run.summary(code.unwrap_or(1))?, "pipe.log")?;
    exactness::check(&site.lake(), &[good()])?;
    Ok(())
}
