//! The files of a configuration, read; and where in them an offset is.

use super::{
    diagnostic::{Diagnostic, Position, Problems},
    values::Expected,
};
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// The most bytes of a configuration file: what is longer is something else.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The folder beside the file that more files are read from.
const FOLDER: &str = "conf.d";

/// A file's text.
pub(super) struct Text {
    /// Where the file is.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) text: String,
}

impl Text {
    /// The place of the byte at `offset`.
    pub(super) fn position(&self, offset: usize) -> Position {
        let before = &self.text[..self.text.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

/// Reads `file` and then, in the order of their names, `conf.d/*.toml` beside it. Where `file` cannot be read,
/// that is the one problem, and there are no texts.
pub(super) fn read(file: &Path, problems: &mut Problems) -> Vec<Text> {
    let Some(first) = read_one(file, problems) else { return Vec::new() };
    let beside = files_beside(file, problems);
    let more = beside.iter().filter_map(|file| read_one(file, problems));
    std::iter::once(first).chain(more).collect()
}

fn read_one(file: &Path, problems: &mut Problems) -> Option<Text> {
    problems.begin(file);
    let what = format!("a readable file of at most {} KiB, in UTF-8", FILE_BYTES_MAX >> 10);
    let wrong = |position, found| Diagnostic::new(file, position, String::new(), Expected::new(what), found);
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes));
    let problem = match read {
        Err(error) => wrong(None, error.to_string()),
        Ok(_) if bytes.len() as u64 > FILE_BYTES_MAX => wrong(None, "more".into()),
        Ok(_) => match String::from_utf8(bytes) {
            Ok(text) => return Some(Text { path: file.into(), text }),
            Err(error) => {
                let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let text = Text { path: file.into(), text: String::from_utf8_lossy(sound).into() };
                wrong(Some(text.position(sound.len())), "other bytes".into())
            }
        },
    };
    problems.add(problem);
    None
}

/// The files `conf.d/*.toml` beside `file`; hidden ones are some editor's.
fn files_beside(file: &Path, problems: &mut Problems) -> Vec<PathBuf> {
    let folder = file.with_file_name(FOLDER);
    match files_in(&folder) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            problems.begin(&folder);
            let expected = Expected::new("a folder that can be read, or none");
            problems.add(Diagnostic::new(&folder, None, String::new(), expected, error.to_string()));
            Vec::new()
        }
    }
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.ends_with(b".toml") && !bytes.starts_with(b".") {
            files.push(folder.join(name));
        }
    }
    files.sort();
    Ok(files)
}
