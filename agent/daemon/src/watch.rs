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
    /// What went or was renamed: a folder among them is watched no longer, whatever stands in its place.
    pub(crate) gone: HashSet<PathBuf>,
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

    /// What was taken was not looked into.
    pub(crate) fn put_back(&self, taken: Changes) {
        if let Ok(mut changes) = self.changes.lock() {
            changes.written.extend(taken.written);
            changes.gone.extend(taken.gone);
            changes.more |= taken.more;
        }
    }

    /// Whether more happened than that files were written to.
    pub(crate) fn more_happened(&self) -> bool {
        self.changes.lock().is_ok_and(|changes| changes.more)
    }

    /// Watches `places` and the folders of these files, and no others; what is `gone` was watched no longer. Of a
    /// file that is a symbolic link the folder in which its bytes are is watched, too. True where a folder is
    /// watched that was not before.
    pub(crate) fn follow(
        &mut self,
        files: &[FoundFile],
        places: &[&[PathBuf]],
        gone: &HashSet<PathBuf>,
    ) -> bool {
        self.resolve(files);
        let Some(watcher) = &mut self.watcher else { return false };
        let bases = places.iter().copied().flatten().filter_map(|place| existing_folder(place));
        let folders = files.iter().filter_map(|file| file.path.parent());
        let targets = self.links.values().filter_map(|(_, target)| target.as_deref()?.parent());
        let wanted: BTreeSet<&Path> = bases.chain(folders).chain(targets).collect();
        let mut watched = BTreeMap::new();
        let (mut unwatched, mut added) = (0, false);
        for folder in wanted {
            // A folder that was put in the place of another has the same path.
            let Some(identity) = identity_of(folder) else { continue };
            // Inodes are given out again: that it is the same says little of what was removed.
            let known = self.folders.remove(folder);
            let is_same = known == Some(identity) && !gone.contains(folder);
            if known.is_some() && !is_same {
                let _ = watcher.unwatch(folder);
            }
            let is_room = watched.len() < FOLDERS_MAX;
            if is_same || is_room && watcher.watch(folder, RecursiveMode::NonRecursive).is_ok() {
                watched.insert(folder.to_path_buf(), identity);
                added |= !is_same;
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
        added
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
            Ok(event) => {
                self.more = true;
                if event.kind.is_remove() || event.kind.is_modify() {
                    self.gone.extend(event.paths);
                }
            }
            Err(_) => self.more = true,
        }
        if self.written.len() > WRITTEN_MAX {
            (self.written, self.more) = (HashSet::new(), true);
        }
        if self.gone.len() > WRITTEN_MAX {
            self.gone.clear();
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
