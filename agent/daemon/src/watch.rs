//! Notices changes in the folders that files were found in, by inotify. It only says that something changed;
//! what changed a scan finds out. A slow reconciliation covers what it misses: a full queue, network file systems.

use crate::network::Notice;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
};

/// Folders watched at once: the kernel's limit of watches is shared by all of a user's programs.
const FOLDERS_MAX: usize = 4_096;

/// Watches folders.
pub(crate) struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    /// A change was told and not looked into yet: further ones need no telling.
    told: Arc<AtomicBool>,
}

impl Watch {
    /// A watch of nothing yet, which tells `notices`. Without inotify the slow reconciliation has to do.
    pub(crate) fn new(notices: Sender<Notice>) -> Self {
        let told = Arc::new(AtomicBool::new(false));
        let flag = told.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // Reading a file is no change, and the agent reads them all the time.
            let matters = event.is_ok_and(|event| !event.kind.is_access());
            if matters && !flag.swap(true, Ordering::Relaxed) {
                let _ = notices.send(Notice::FilesChanged);
            }
        });
        if let Err(error) = &watcher {
            tracing::warn!("changes are noticed slowly: no inotify: {error}");
        }
        Self { watcher: watcher.ok(), folders: BTreeSet::new(), told }
    }

    /// The change is being looked into: the next one is to be told again.
    pub(crate) fn looked(&self) {
        self.told.store(false, Ordering::Relaxed);
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

/// The nearest folder that is there: where a file, or a folder on its way, will appear.
fn existing_folder(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.is_dir())
}
