//! Files whose bytes are no tidy lines: every byte is kept, whatever it is.

use super::{failed_on, good, names, site};
use anyhow::{Context, Result, ensure};
use headrig_tests::{
    exactness,
    generate::application_lines,
    measure,
    process::{RUN_LIMIT, binary},
    random::Random,
    site::gzipped,
};
use std::process::{Command, Stdio};

/// What a run of `headrig local` may have resident, whatever it is given.
const RSS_BYTES_MAX: u64 = 250 << 20;

/// A file of these bytes is shipped whole, beside the good one, with nothing to complain of.
fn check_kept(name: &str, bytes: &[u8]) -> Result<()> {
    let site = site()?;
    site.write(name, bytes)?;
    let summary = site.run_well().with_context(|| name.to_owned())?;
    assert_eq!(summary.rows, summary.events, "{name}");
    exactness::check(&site.lake(), &[good().as_bytes(), bytes]).with_context(|| name.to_owned())?;
    exactness::check_text(&site.lake()).with_context(|| name.to_owned())?;
    assert_eq!(site.run_well()?.rows, 0, "{name}");
    Ok(())
}

#[test]
fn lines_that_are_not_tidy_are_kept_byte_by_byte() -> Result<()> {
    let lines = application_lines("app", 0, 50);
    let cut = lines.trim_end();
    let (crlf, old_mac) = (lines.replace('\n', "\r\n"), lines.replace('\n', "\r"));
    let nul = [lines.as_bytes(), b"a \0 line\n"].concat();
    let hole = [lines.as_bytes(), &[0; 4096], lines.as_bytes()].concat();
    let cases: [(&str, &[u8]); 9] = [
        ("empty.log", b""),
        ("one-newline.log", b"\n"),
        ("blank-lines.log", b"\n\n  \n\t\n\n"),
        ("no-final-newline.log", cut.as_bytes()),
        ("crlf.log", crlf.as_bytes()),
        ("old-mac.log", old_mac.as_bytes()),
        (
            "invalid-utf8.log",
            b"2026-09-21T00:00:00Z INFO caf\xe9 \xff\xfe\n2026-09-21T00:00:01Z INFO \xf0\x9f\n",
        ),
        ("nul-in-a-line.log", &nul),
        ("nul-hole.log", &hole),
    ];
    for (name, bytes) in cases {
        check_kept(name, bytes)?;
    }
    Ok(())
}

#[test]
fn messages_have_no_carriage_return_and_no_invalid_bytes() -> Result<()> {
    let site = site()?;
    site.write("crlf.log", "2026-09-21T00:00:00Z INFO a message\r\n2026-09-21T00:00:01Z WARN another\r\n")?;
    site.write("latin1.log", b"2026-09-21T00:00:00Z INFO caf\xe9\n")?;
    site.run_well()?;
    for row in site.lake().rows_of_file("crlf.log")? {
        let message = row.message.context("a message")?;
        assert!(!message.is_empty() && !message.contains('\r'), "{message:?}");
    }
    let row = site.lake().rows_of_file("latin1.log")?.pop().context("a row")?;
    assert!(row.message.is_some_and(|message| message.ends_with("caf\u{fffd}")));
    Ok(())
}

#[test]
fn a_binary_file_is_told_and_harms_nothing() -> Result<()> {
    let site = site()?;
    let mut random = Random::new(7);
    let bytes: Vec<u8> = (0..200_000).map(|_| random.bits() as u8).collect();
    site.write("program", [b"\x7fELF\x02\x01\x01\0".as_slice(), &bytes].concat())?;
    let run = site.run()?;
    let code = run.status.code().filter(|code| matches!(code, 0 | 1));
    names(&run, &run.summary(code.unwrap_or(1))?, "program")?;
    ensure!(site.lake().rows_of_file("good.log")?.len() == 100, "the good file's lines are not all there");
    assert_eq!(site.run()?.summary(code.unwrap_or(1))?.rows, 0);
    Ok(())
}

#[test]
fn a_line_of_100_mb_is_split_told_and_takes_no_more_memory() -> Result<()> {
    let site = site()?;
    let mut bytes = b"2026-09-21T00:00:00Z INFO ".to_vec();
    let mut random = Random::new(9);
    bytes.extend((0..100_000_000).map(|_| b'a' + (random.bits() % 26) as u8));
    bytes.push(b'\n');
    bytes.extend_from_slice(application_lines("after", 0, 100).as_bytes());
    site.write("huge.log", &bytes)?;
    let said = site.folder().join("said");
    let mut child = Command::new(binary()?)
        .args(["local", "--json", "--lake"])
        .args([site.lake().folder(), &site.logs()])
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&said)?)
        .stderr(std::fs::OpenOptions::new().append(true).create(true).open(site.folder().join("told"))?)
        .spawn()?;
    let (status, cost) = measure::watch(&mut child, RUN_LIMIT)?;
    let told = std::fs::read_to_string(site.folder().join("told"))? + &std::fs::read_to_string(&said)?;
    assert!(matches!(status.code(), Some(0 | 1)), "{status}: {told}");
    assert!(cost.peak_rss_bytes < RSS_BYTES_MAX, "{} MiB", cost.peak_rss_bytes >> 20);
    assert!(told.contains("huge.log"), "nothing was said about the split line: {told}");
    exactness::check(&site.lake(), &[good().as_bytes(), &bytes])?;
    assert!(site.lake().rows_of_file("huge.log")?.len() > 100);
    Ok(())
}

#[test]
fn a_truncated_gz_is_named_and_the_whole_one_brings_the_rest() -> Result<()> {
    let site = site()?;
    let lines = application_lines("old", 0, 20_000);
    let whole = gzipped(lines.as_bytes())?;
    site.write("old.log.gz", &whole[..whole.len() / 2])?;
    failed_on(&site.run()?, "old.log.gz")?;
    assert_eq!(site.lake().rows_of_file("good.log")?.len(), 100);
    site.write("old.log.gz", &whole)?;
    site.run_well()?;
    exactness::check(&site.lake(), &[good(), lines])?;
    Ok(())
}

#[test]
fn garbage_named_gz_or_zst_is_named() -> Result<()> {
    for name in ["garbage.gz", "garbage.zst"] {
        let site = site()?;
        let magic: &[u8] = if name.ends_with("gz") { b"\x1f\x8b\x08\0" } else { b"\x28\xb5\x2f\xfd" };
        site.write(name, [magic, b"this is no compressed log\n"].concat())?;
        failed_on(&site.run()?, name)?;
        assert_eq!(site.lake().rows_of_file("good.log")?.len(), 100);
    }
    Ok(())
}
