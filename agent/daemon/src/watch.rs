//! Notices changes in the folders that files were found in, by inotify: which files were written to, or that
//! more than that happened, which a scan has to find out. A slow reconciliation covers what it misses: a full
//! queue, network file systems.

use crate::network::Notice;
use headrig_agent::{core::FoundFile, identity::FileId};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::Sender},
};

/// Folders watched at once: the kernel's limit of watches is shared by all of a user's programs.
const FOLDERS_MAX: usize = 4_096;
/// Written files that are remembered by name; where there are more, a scan is as good.
const WRITTEN_MAX: usize = 65_536;

/// What happened in the watched folders.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// Files were written to, and nothing else happened to them.
    pub(crate) written: HashSet<PathBuf>,
    /// Files came, went or were renamed, or it is not known what happened.
    pub(crate) more: bool,
}

/// Watches folders.
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// The watched folders, by device and inode.
    folders: BTreeMap<PathBuf, (u64, u64)>,
    /// Folders that could not be watched when it was last tried.
    unwatched: usize,
    /// Every file, and where its bytes are if it is a symbolic link.
    links: HashMap<Arc<Path>, (FileId, Option<PathBuf>)>,
    /// The links by where their bytes are.
    listed: HashMap<PathBuf, Arc<Path>>,
    /// What happened since it was asked. It is shared with the watcher's thread, which tells only of the first.
    changes: Arc<Mutex<Changes>>,
}

impl Watch {
    /// A watch of nothing yet, which tells `notices`. Without inotify the slow reconciliation has to do.
    pub(crate) fn new(notices: Sender<Notice>) -> Self {
        let changes = Arc::new(Mutex::new(Changes::default()));
        let noted = changes.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(mut changes) = noted.lock() else { return };
            let (was_quiet, matters) = (changes.are_none(), changes.note(event));
            if was_quiet && matters {
                let _ = notices.send(Notice::FilesChanged);
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!("changes are noticed slowly: no inotify: {error}");
        }
        Self {
            watcher: watcher.ok(),
            folders: BTreeMap::new(),
            unwatched: 0,
            links: HashMap::new(),
            listed: HashMap::new(),
            changes,
        }
    }

    /// What happened since the last call; the next change is told again.
    pub(crate) fn take_changes(&self) -> Changes {
        self.changes.lock().map(|mut changes| std::mem::take(&mut *changes)).unwrap_or_default()
    }

    /// Whether more happened than that files were written to.
    pub(crate) fn more_happened(&self) -> bool {
        self.changes.lock().is_ok_and(|changes| changes.more)
    }

    /// Watches `bases` and the folders of these files, and no others. Of a file that is a symbolic link the folder
    /// in which its bytes are is watched, too.
    pub(crate) fn follow(&mut self, files: &[FoundFile], bases: &[PathBuf]) {
        self.resolve(files);
        let Some(watcher) = &mut self.watcher else { return };
        let bases = bases.iter().filter_map(|base| existing_folder(base));
        let folders = files.iter().filter_map(|file| file.path.parent());
        let targets = self.links.values().filter_map(|(_, target)| target.as_deref()?.parent());
        let wanted: BTreeSet<&Path> = bases.chain(folders).chain(targets).collect();
        let mut watched = BTreeMap::new();
        let mut unwatched = 0;
        for folder in wanted {
            // A folder that was put in the place of another has the same path.
            let Some(identity) = identity_of(folder) else { continue };
            let known = self.folders.remove(folder);
            if known.is_some_and(|known| known != identity) {
                let _ = watcher.unwatch(folder);
            }
            let is_room = watched.len() < FOLDERS_MAX;
            let is_watched = known == Some(identity)
                || is_room && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok();
            if is_watched {
                watched.insert(folder.to_path_buf(), identity);
            } else {
                unwatched += 1;
            }
        }
        for folder in std::mem::replace(&mut self.folders, watched).into_keys() {
            let _ = watcher.unwatch(&folder);
        }
        if unwatched > 0 && self.unwatched == 0 {
            tracing::warn!(
                "{unwatched} folders cannot be watched and are looked at every 30 seconds; \
                 raise fs.inotify.max_user_watches"
            );
        }
        self.unwatched = unwatched;
    }

    /// The path under which the file was found that inotify calls `path`.
    pub(crate) fn listed<'a>(&'a self, path: &'a Path) -> &'a Path {
        self.listed.get(path).map_or(path, |listed| listed)
    }

    /// Finds out where the bytes of symbolic links are, once for each file.
    fn resolve(&mut self, files: &[FoundFile]) {
        let mut before = std::mem::take(&mut self.links);
        for found in files {
            let known = before.remove(&found.path).filter(|(file, _)| *file == found.file);
            let target = match known {
                Some((_, target)) => target,
                None if found.path.is_symlink() => found.path.canonicalize().ok(),
                None => None,
            };
            self.links.insert(found.path.clone(), (found.file, target));
        }
        let target = |(path, (_, target)): (&Arc<Path>, &(FileId, Option<PathBuf>))| {
            target.clone().map(|target| (target, path.clone()))
        };
        self.listed = self.links.iter().filter_map(target).collect();
    }
}

impl Changes {
    fn are_none(&self) -> bool {
        !self.more && self.written.is_empty()
    }

    /// Whether the event matters: reading a file is no change, and the agent reads them all the time.
    fn note(&mut self, event: notify::Result<notify::Event>) -> bool {
        match event {
            Ok(event) if event.need_rescan() => self.more = true,
            Ok(event) if event.kind.is_access() => return false,
            Ok(event) if is_write(event.kind) => self.written.extend(event.paths),
            Ok(_) | Err(_) => self.more = true,
        }
        if self.written.len() > WRITTEN_MAX {
            *self = Self { written: HashSet::new(), more: true };
        }
        true
    }
}

fn is_write(kind: EventKind) -> bool {
    matches!(kind, EventKind::Modify(what) if !matches!(what, ModifyKind::Name(_)))
}

/// The nearest folder that is there: where a file, or a folder on its way, will appear.
fn existing_folder(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.is_dir())
}

/// Device and inode of a folder that is there.
fn identity_of(folder: &Path) -> Option<(u64, u64)> {
    fs::metadata(folder).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}
