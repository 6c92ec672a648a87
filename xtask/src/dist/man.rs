//! The man pages: headrig-agent(8) as it is written, headrig(1) from its command line, agent.toml(5) from the table of
//! settings in docs/operations/agent.md, which a test holds against the code.

use crate::steps::{output, root, run};
use anyhow::{Context, Result, bail};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Writes the compressed pages below `folder`; `headrig` is a program that runs here.
pub(super) fn write(folder: &Path, headrig: &Path) -> Result<()> {
    let agent = folder.join("headrig-agent.8");
    fs::copy(root().join("packaging/man/headrig-agent.8"), &agent)?;
    let settings = folder.join("agent.toml.5");
    let page = fs::read_to_string(root().join("docs/operations/agent.md"))?;
    fs::write(&settings, settings_page(&page)?)?;
    let commands = folder.join("cli");
    output(Command::new(headrig).args(["generate", "--man"]).arg(&commands))?;
    let mut pages = vec![agent, settings];
    for entry in fs::read_dir(&commands)? {
        pages.push(entry?.path());
    }
    compress(&pages)
}

/// Without a name and a time inside, so that the bytes are the same each time.
fn compress(pages: &[PathBuf]) -> Result<()> {
    run(Command::new("gzip").args(["--no-name", "--best", "--force"]).args(pages))
}

/// agent.toml(5): the rows of the table `setting | default | takes`.
fn settings_page(markdown: &str) -> Result<String> {
    let rows = markdown
        .lines()
        .skip_while(|line| !line.starts_with("| setting | default | takes |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut page = String::from(HEAD);
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [setting, default, takes] = cells[..] else {
            bail!("expected three cells in {row:?}");
        };
        writeln!(page, ".It Ic {}", plain(setting)).context("writing to memory")?;
        writeln!(page, "{}.\n{}", plain(takes), by_default(default)).context("writing to memory")?;
        count += 1;
    }
    if count == 0 {
        bail!("docs/operations/agent.md has no table of settings any more");
    }
    page.push_str(FOOT);
    Ok(page)
}

/// What holds where the setting is not there.
fn by_default(cell: &str) -> String {
    match cell {
        "must be set" => "It must be set.".to_owned(),
        cell => format!("By default: {}.", plain(cell)),
    }
}

/// A cell without Markdown's marks, and with roff's escaped. Links lose their targets, references within the page go.
fn plain(cell: &str) -> String {
    let mut text = String::new();
    let mut rest = cell;
    while let Some((before, after)) = rest.split_once("([") {
        let (_, behind) = after.split_once("))").unwrap_or((after, ""));
        text.push_str(before.trim_end());
        rest = behind;
    }
    text.push_str(rest);
    let text = text.replace('`', "").replace('\\', "\\e");
    // A line that begins with a full stop or an apostrophe would be a request; a word of two letters may be a macro.
    format!("\\&{}", text.trim())
}

const HEAD: &str = r#".Dd November 23, 2026
.Dt AGENT.TOML 5
.Os headrig
.Sh NAME
.Nm agent.toml
.Nd configuration of the headrig agent
.Sh DESCRIPTION
.Xr headrig-agent 8
reads
.Pa /etc/headrig/agent.toml
and
.Pa /etc/headrig/conf.d/*.toml
in the order of their names.
They are TOML; a table stands in one file only,
.Ic [[source]]
any number of times in any of them.
Only
.Ic upload.bucket
and one
.Ic [[source]]
must be there.
Unknown settings are errors.
.Pp
Sizes are "8MiB" (powers of 1024), "8MB" (of 1000) or plain bytes; times are "500ms", "30s", "5m", "1h", "1d" or several
of them, "1h 30m".
Credentials are never written here.
.Pp
The settings, a source's as
.Ic source.name :
.Bl -tag -width Ds
"#;

const FOOT: &str = r#".El
.Sh FILES
.Pa /usr/share/headrig/sources
has sources for common servers, to be linked into
.Pa /etc/headrig/conf.d .
.Sh EXAMPLES
.Bd -literal
[upload]
bucket = "my-logs"

[[source]]
name = "nginx"
include = ["/var/log/nginx/*.log*"]
.Ed
.Pp
Say what it means, and what is wrong with it:
.Dl headrig-agent check
.Sh SEE ALSO
.Xr headrig-agent 8
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_of_the_table_is_on_the_page() {
        let markdown = "# x\n\n| setting | default | takes |\n| --- | --- | --- |\n\
                        | `upload.bucket` | must be set | a bucket's name ([below](#x)) |\n\
                        | `source.exclude` | `[]` | the same |\n\ntext";
        let page = settings_page(markdown).expect("the table is sound");
        assert!(page.contains(".It Ic \\&upload.bucket\n\\&a bucket's name.\nIt must be set.\n"));
        assert!(page.contains(".It Ic \\&source.exclude\n"));
    }

    #[test]
    fn a_page_without_the_table_is_refused() {
        assert!(settings_page("# nothing").is_err());
    }
}
