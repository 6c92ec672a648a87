//! What only the directory adapter promises, besides conforming.

use super::*;
use crate::conformance;
use proptest::{collection::btree_set, prelude::*};
use rustix::io::Errno;
use std::{
    cell::Cell,
    os::unix::{fs::symlink, net::UnixListener},
};
use tempfile::TempDir;

const NO_LIMIT: ByteLength = ByteLength(1 << 20);

/// `link(2)` where spool and store do not share a file system: only names inside the store can be linked.
fn link_within_store(from: &Path, to: &Path) -> io::Result<()> {
    let is_inside = from.components().any(|part| part.as_os_str() == ".staging");
    if is_inside { fs::hard_link(from, to) } else { Err(Errno::XDEV.into()) }
}

/// `link(2)` on a file system that has no hard links.
fn link_never(_: &Path, _: &Path) -> io::Result<()> {
    Err(Errno::PERM.into())
}

/// `link(2)` on a disk that is full.
fn link_on_full_disk(_: &Path, _: &Path) -> io::Result<()> {
    Err(Errno::NOSPC.into())
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

fn sealed(folder: &TempDir, bytes: &[u8]) -> (PathBuf, ContentHash) {
    let file = folder.path().join("sealed");
    fs::write(&file, bytes).unwrap();
    (file, ContentHash::of(bytes))
}

fn open_with(root: &Path, link: Link) -> DirectoryStore {
    DirectoryStore { link, ..DirectoryStore::open(root).unwrap() }
}

fn keys(store: &DirectoryStore) -> Vec<String> {
    let infos = store.list(None, usize::MAX).unwrap();
    infos.into_iter().map(|info| info.key.as_str().to_owned()).collect()
}

#[test]
fn the_directory_store_conforms_however_files_get_in() {
    for link in [(|from, to| fs::hard_link(from, to)) as Link, link_within_store, link_never] {
        let (stores, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let made = Cell::new(0);
        let make = || {
            made.set(made.get() + 1);
            open_with(&stores.path().join(made.get().to_string()), link)
        };
        conformance::check(scratch.path(), make);
        conformance::check_conflicts(scratch.path(), make);
    }
}

#[test]
fn a_linked_object_is_the_spool_file_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (file, hash) = sealed(&folder, b"line\n");
    let store = DirectoryStore::open(&folder.path().join("bucket")).unwrap();
    store.put_if_absent(&key("a/b"), &file, hash).unwrap();
    let object = fs::metadata(store.root().join("a/b")).unwrap();
    assert_eq!(object.ino(), fs::metadata(&file).unwrap().ino());
}

#[test]
fn a_copied_object_leaves_nothing_behind() {
    for link in [link_within_store as Link, link_never] {
        let folder = tempfile::tempdir().unwrap();
        let (file, hash) = sealed(&folder, b"line\n");
        let store = open_with(&folder.path().join("bucket"), link);
        store.put_if_absent(&key("a/b"), &file, hash).unwrap();
        assert_eq!(store.read(&key("a/b"), NO_LIMIT).unwrap(), b"line\n");
        assert_eq!(fs::read_dir(store.root().join(".staging")).unwrap().count(), 0);
    }
}

#[test]
fn leftovers_are_not_listed_and_are_swept_at_open_unless_somebody_writes_them() {
    let folder = tempfile::tempdir().unwrap();
    let staging = folder.path().join(".staging");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("1-0"), b"half").unwrap();
    let living = File::create(staging.join("2-0")).unwrap();
    living.lock().unwrap();
    let store = DirectoryStore::open(folder.path()).unwrap();
    assert!(keys(&store).is_empty());
    let left: Vec<_> = fs::read_dir(&staging).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["2-0"]);
}

#[test]
fn opened_to_read_nothing_is_made_and_nothing_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert!(DirectoryStore::open_to_read(&absent).list(None, 9).is_err() && !absent.exists());
    let staging = folder.path().join(".staging");
    fs::create_dir(&staging).unwrap();
    fs::write(staging.join("1-0"), b"half").unwrap();
    fs::write(folder.path().join("a.log"), b"line\n").unwrap();
    let store = DirectoryStore::open_to_read(folder.path());
    assert_eq!(keys(&store), ["a.log"]);
    assert_eq!(store.read(&key("a.log"), NO_LIMIT).unwrap(), b"line\n");
    assert!(staging.join("1-0").exists());
}

#[test]
fn a_full_disk_says_so_and_the_same_call_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    let (file, hash) = sealed(&folder, b"line\n");
    let root = folder.path().join("bucket");
    let error = open_with(&root, link_on_full_disk).put_if_absent(&key("a"), &file, hash).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && error.is_retryable(), "{error}");
    let store = DirectoryStore::open(&root).unwrap();
    assert_eq!(store.put_if_absent(&key("a"), &file, hash).unwrap(), PutOutcome::Created);
}

#[test]
fn only_regular_files_with_plain_names_are_objects() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("bucket");
    let store = DirectoryStore::open(&root).unwrap();
    fs::create_dir(root.join("old")).unwrap();
    fs::write(root.join("old/by hand.log"), b"line\n").unwrap();
    fs::write(root.join(".hidden"), b"").unwrap();
    fs::create_dir(root.join(".git")).unwrap();
    fs::write(root.join(".git/config"), b"").unwrap();
    symlink(root.join("old"), root.join("link-to-folder")).unwrap();
    symlink(root.join("old/by hand.log"), root.join("link-to-file")).unwrap();
    symlink("nowhere", root.join("broken")).unwrap();
    let _socket = UnixListener::bind(root.join("socket")).unwrap();
    assert_eq!(keys(&store), ["old/by hand.log"]);
    for name in ["link-to-file", "broken", "old", "socket", "old/by hand.log/x"] {
        let error = store.read(&key(name), NO_LIMIT).unwrap_err();
        assert!(matches!(error, StoreError::NotFound { .. } | StoreError::Io { .. }), "{name}: {error:?}");
    }
}

#[test]
fn keys_that_a_directory_cannot_hold_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, hash) = sealed(&folder, b"line\n");
    let store = DirectoryStore::open(&folder.path().join("bucket")).unwrap();
    store.put_if_absent(&key("file"), &file, hash).unwrap();
    store.put_if_absent(&key("folder/file"), &file, hash).unwrap();
    symlink(folder.path(), store.root().join("link")).unwrap();
    for name in [".hidden", "a/.b/c", "file/below", "folder", "link/out", &"x".repeat(300)] {
        let error = store.put_if_absent(&key(name), &file, hash).unwrap_err();
        assert!(matches!(error, StoreError::UnsupportedKey { .. }), "{name}: {error:?}");
    }
}

#[test]
fn folders_removed_by_hand_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (file, hash) = sealed(&folder, b"line\n");
    let store = DirectoryStore::open(&folder.path().join("bucket")).unwrap();
    store.put_if_absent(&key("a/b/c"), &file, hash).unwrap();
    fs::remove_dir_all(store.root().join("a")).unwrap();
    assert_eq!(store.put_if_absent(&key("a/b/c"), &file, hash).unwrap(), PutOutcome::Created);
}

#[test]
fn a_root_that_is_a_file_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _) = sealed(&folder, b"");
    let error = DirectoryStore::open(&file).unwrap_err();
    assert!(error.to_string().contains("sealed"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_tree_is_listed_in_key_order_from_anywhere(
        names in btree_set("[a-]{1,2}(/[.0a-]{1,2}){0,3}", 0..12),
        after in "[a-]{1,2}(/[0a-]{1,2}){0,2}",
        limit in 0_usize..14,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for name in &names {
            let path = folder.path().join(name);
            // A name that is a folder of another, or leads out of the tree, is left out.
            if name.split('/').all(|segment| !segment.starts_with('.')) {
                let _ = fs::create_dir_all(path.parent().unwrap()).and_then(|()| fs::write(&path, b""));
            }
        }
        let expect: Vec<_> = names
            .iter()
            .filter(|name| !name.split('/').any(|segment| segment.starts_with('.')))
            .filter(|name| folder.path().join(name).is_file() && **name > after)
            .take(limit)
            .cloned()
            .collect();
        let store = DirectoryStore::open(folder.path()).unwrap();
        let listed = store.list(Some(&key(&after)), limit).unwrap();
        let listed: Vec<_> = listed.into_iter().map(|info| info.key.as_str().to_owned()).collect();
        prop_assert_eq!(listed, expect);
    }
}
