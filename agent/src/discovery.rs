//! Finds the files behind inputs: files, folders and patterns.
//!
//! Invariant: a scan names every file that is there once, by device and inode, or says why it is no input;
//! nothing is passed over in silence but names that begin with a dot inside folders.

mod content;

use crate::{core::FoundFile, disk::Stat, identity::FileId, tail::Problem};
use content::{Content, classify};
use headrig_contract::{UnixMicros, framing::Encoding};
use rustix::fs::{Mode, OFlags};
use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, FileType, Metadata},
    io::{self, Read},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use walkdir::WalkDir;

/// How much of a file's head tells text from other data.
const SAMPLE_BYTES: usize = 8 << 10;
/// So many bytes of text are enough to believe that the rest is text as well.
const SAMPLE_BYTES_ENOUGH: usize = 512;

/// What was found in a file, and when.
#[derive(Clone, Copy, Debug)]
struct Verdict {
    content: Content,
    sampled: usize,
    modified: UnixMicros,
}

/// Finds files again and again, and remembers what those it has seen contain.
pub struct Discovery {
    inputs: Vec<PathBuf>,
    /// Folders that are never looked into: the lake's own.
    excluded: Vec<PathBuf>,
    /// How each source's files are written, where that is set.
    encodings: Vec<Option<Encoding>>,
    contents: HashMap<FileId, Verdict>,
    /// Those that this scan looked into.
    folders: Vec<PathBuf>,
    /// Those that the last scan found to be no text.
    refused: HashSet<FileId>,
    /// The problems of the last scan, which need not be told again.
    reported: HashSet<(PathBuf, String)>,
}

/// What a scan found.
#[derive(Debug, Default)]
pub struct Scan {
    /// The files, each once.
    pub files: Vec<FoundFile>,
    /// The folders in which files were looked for, and those in which more could appear.
    pub folders: Vec<PathBuf>,
    /// Inputs that cannot be taken, of which no scan before told the same.
    pub problems: Vec<Problem>,
}

impl Discovery {
    /// Discovery of `inputs`, files below the folders `excluded` left out.
    pub fn new(inputs: Vec<PathBuf>, excluded: Vec<PathBuf>) -> Self {
        Self {
            inputs,
            excluded,
            encodings: Vec::new(),
            contents: HashMap::new(),
            folders: Vec::new(),
            refused: HashSet::new(),
            reported: HashSet::new(),
        }
    }

    /// The same where each source's files are written so, if that is set.
    #[must_use]
    pub fn expecting(self, encodings: Vec<Option<Encoding>>) -> Self {
        Self { encodings, ..self }
    }

    /// Looks for files; `source_of` says which source's index a path belongs to.
    pub fn scan(&mut self, source_of: impl Fn(&Path) -> usize) -> Scan {
        let (mut paths, mut problems) = (Vec::new(), Vec::new());
        for input in self.inputs.clone() {
            self.expand(&input, &mut paths, &mut problems);
        }
        paths.sort();
        let (mut files, mut seen) = (Vec::new(), HashSet::new());
        self.refused.clear();
        for path in paths {
            match self.inspect(&path, &source_of) {
                Ok(Some(found)) if seen.insert(found.file) => files.push(found),
                Ok(_) => {}
                Err(problem) => problems.push(problem),
            }
        }
        self.contents.retain(|file, _| seen.contains(file) || self.refused.contains(file));
        let known = std::mem::take(&mut self.reported);
        self.reported =
            problems.iter().map(|problem| (problem.path.clone(), problem.problem.clone())).collect();
        problems.retain(|problem| !known.contains(&(problem.path.clone(), problem.problem.clone())));
        Scan { files, folders: std::mem::take(&mut self.folders), problems }
    }

    /// Whether the last scan found the file to be no text.
    pub fn refuses(&self, file: FileId) -> bool {
        self.refused.contains(&file)
    }

    /// Whether the last scan found this to be so.
    pub fn still_reports(&self, problem: &Problem) -> bool {
        self.reported.contains(&(problem.path.clone(), problem.problem.clone()))
    }

    fn expand(&mut self, input: &Path, paths: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => self.walk(input, paths, problems),
            Ok(_) => paths.push(input.into()),
            Err(error) => match input.to_str().filter(|text| text.contains(['*', '?', '['])) {
                Some(pattern) => self.glob(pattern, paths, problems),
                None if error.kind() == io::ErrorKind::NotFound && input.symlink_metadata().is_ok() => {
                    problems.push(broken_link(input));
                }
                None => problems.push(unusable(input, &error)),
            },
        }
    }

    fn glob(&mut self, pattern: &str, paths: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
        let before = (paths.len(), problems.len());
        self.folders.extend(folders_of(pattern));
        match glob::glob(pattern) {
            Err(error) => problems.push(Problem {
                path: pattern.into(),
                problem: format!("is no pattern: {error}"),
                action: "quote characters that are meant literally in square brackets".into(),
            }),
            Ok(matches) => {
                for found in matches {
                    match found {
                        Ok(path) => self.expand(&path, paths, problems),
                        Err(error) => problems.push(unusable(error.path(), error.error())),
                    }
                }
            }
        }
        if before == (paths.len(), problems.len()) {
            problems.push(Problem {
                path: pattern.into(),
                problem: "matches no file".into(),
                action: "check the pattern; it is not a file's name either".into(),
            });
        }
    }

    fn walk(&mut self, folder: &Path, paths: &mut Vec<PathBuf>, problems: &mut Vec<Problem>) {
        let left_out = |entry: &walkdir::DirEntry| {
            let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            entry.depth() > 0 && (hidden || entry.file_type().is_dir() && self.is_excluded(entry.path()))
        };
        let mut folders = Vec::new();
        let walk = WalkDir::new(folder).follow_links(true).into_iter().filter_entry(|entry| !left_out(entry));
        for entry in walk {
            match entry {
                Ok(entry) if entry.file_type().is_dir() => folders.push(entry.into_path()),
                Ok(entry) => paths.push(entry.into_path()),
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_path_buf();
                    if error.loop_ancestor().is_some() {
                        continue;
                    }
                    let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
                    match error.io_error() {
                        Some(error) if is_link && error.kind() == io::ErrorKind::NotFound => {
                            problems.push(broken_link(&path));
                        }
                        // A file that went between listing and looking is a file that was deleted.
                        Some(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Some(error) => problems.push(unusable(&path, error)),
                        None => problems.push(unusable(&path, &io::Error::other(error.to_string()))),
                    }
                }
            }
        }
        self.folders.extend(folders);
    }

    /// By device and inode, since a folder has many names.
    fn is_excluded(&self, folder: &Path) -> bool {
        let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
        let name_fits = |excluded: &PathBuf| excluded.file_name() == folder.file_name();
        // Symbolic links may carry any name; folders of another name need no look.
        let is_link = folder.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        let mut suspects = self.excluded.iter().filter(|excluded| is_link || name_fits(excluded)).peekable();
        suspects.peek().is_some()
            && identity(folder).is_some_and(|id| suspects.any(|excluded| identity(excluded) == Some(id)))
    }

    fn inspect(
        &mut self,
        path: &Path,
        source_of: &impl Fn(&Path) -> usize,
    ) -> Result<Option<FoundFile>, Problem> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
                return Ok(None);
            }
            Err(error) => return Err(unusable(path, &error)),
        };
        if !metadata.is_file() {
            return Err(Problem {
                path: path.into(),
                problem: format!("is {}, not a file", kind_name(metadata.file_type())),
                action: "name regular files only, or leave it out".into(),
            });
        }
        let source = source_of(path);
        let content = self.content(path, source, &metadata)?;
        let compressed = match content {
            Content::Plain => false,
            Content::Compressed => true,
            Content::Other(kind) => {
                self.refused.insert(file_id(&metadata));
                return Err(Problem {
                    path: path.into(),
                    problem: format!("is no text: it looks like {kind}"),
                    action: "leave it out, or convert it to text, gzip or zstd".into(),
                });
            }
        };
        let found = plain_file(Arc::from(path), &metadata);
        Ok(Some(FoundFile { source, compressed, ..found }))
    }

    fn content(&mut self, path: &Path, source: usize, metadata: &Metadata) -> Result<Content, Problem> {
        let FoundFile { file: id, modified, .. } = plain_file(Arc::from(path), metadata);
        // Text stays text while it grows; anything else is looked at again once it changes.
        if let Some(verdict) = self.contents.get(&id)
            && (verdict.modified == modified
                || verdict.content == Content::Plain && verdict.sampled >= SAMPLE_BYTES_ENOUGH)
        {
            return Ok(verdict.content);
        }
        let mut sample = Vec::with_capacity(SAMPLE_BYTES);
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
        let read = rustix::fs::open(path, flags, Mode::empty())
            .map_err(io::Error::from)
            .and_then(|file| File::from(file).take(SAMPLE_BYTES as u64).read_to_end(&mut sample));
        read.map_err(|error| unusable(path, &error))?;
        let encoding = self.encodings.get(source).copied().flatten();
        let verdict = Verdict { content: classify(&sample, encoding), sampled: sample.len(), modified };
        self.contents.insert(id, verdict);
        Ok(verdict.content)
    }
}

/// The identity that `metadata` shows.
pub fn file_id(metadata: &Metadata) -> FileId {
    Stat::from(metadata).file
}

/// A plain file of the first source, as `metadata` shows it.
pub fn plain_file(path: Arc<Path>, metadata: &Metadata) -> FoundFile {
    let Stat { file, size, modified, .. } = Stat::from(metadata);
    FoundFile { file, path, source: 0, size, modified, compressed: false, unlisted: false }
}

/// The folders that match the folders of a pattern: where files that match it would appear.
fn folders_of(pattern: &str) -> Vec<PathBuf> {
    let has_pattern = |path: &&Path| path.to_str().is_some_and(|text| text.contains(['*', '?', '[']));
    let patterns = Path::new(pattern).ancestors().skip(1).take_while(has_pattern);
    let matches = patterns.filter_map(|folder| glob::glob(folder.to_str()?).ok());
    matches.flatten().flatten().filter(|found| found.is_dir()).collect()
}

fn kind_name(kind: FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_block_device() || kind.is_char_device() => "a device",
        () if kind.is_dir() => "a folder",
        () => "something else",
    }
}

fn broken_link(path: &Path) -> Problem {
    let target =
        fs::read_link(path).map_or_else(|error| error.to_string(), |target| target.display().to_string());
    Problem {
        path: path.into(),
        problem: format!("is a symbolic link to {target}, which is not there"),
        action: "mend or remove the link".into(),
    }
}

fn unusable(path: &Path, error: &io::Error) -> Problem {
    let (problem, action) = match error.kind() {
        io::ErrorKind::NotFound => ("is not there".into(), "check the path"),
        io::ErrorKind::PermissionDenied => {
            ("cannot be read: permission denied".into(), "run as a user who may read it")
        }
        _ => (format!("cannot be read: {error}"), "check the disk or mount it lies on and run again"),
    };
    Problem { path: path.into(), problem, action: action.into() }
}
