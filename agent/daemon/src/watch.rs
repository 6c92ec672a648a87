//! Notices changes in the folders that files were found in, by inotify: which files were written to, or that
//! more than that happened, which a scan has to find out. A slow reconciliation covers what it misses: a full
//! queue, network file systems.

use crate::network::Notice;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher, event::ModifyKind};
use std::{
    collections::{BTreeSet, HashSet},
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
    folders: BTreeSet<PathBuf>,
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
        Self { watcher: watcher.ok(), folders: BTreeSet::new(), changes }
    }

    /// What happened since the last call; the next change is told again.
    pub(crate) fn take_changes(&self) -> Changes {
        self.changes.lock().map(|mut changes| std::mem::take(&mut *changes)).unwrap_or_default()
    }

    /// Whether more happened than that files were written to.
    pub(crate) fn more_happened(&self) -> bool {
        self.changes.lock().is_ok_and(|changes| changes.more)
    }

    /// Watches the folders of these files, and `bases`, and no others.
    pub(crate) fn follow<'a>(&mut self, files: impl Iterator<Item = &'a Path>, bases: &'a [PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        let wanted: BTreeSet<PathBuf> = files
            .filter_map(Path::parent)
            .chain(bases.iter().filter_map(|base| existing_folder(base)))
            .map(Path::to_path_buf)
            .take(FOLDERS_MAX)
            .collect();
        for folder in self.folders.difference(&wanted) {
            let _ = watcher.unwatch(folder);
        }
        let mut watched = BTreeSet::new();
        for folder in wanted {
            if self.folders.contains(&folder) || watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                watched.insert(folder);
            }
        }
        self.folders = watched;
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
