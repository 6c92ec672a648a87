//! The agent's adapters against a real disk: state database, spool, files.

#![allow(clippy::unwrap_used, reason = "in a test a panic is a failure, which is what is wanted")]

use headrig_agent::{
    core::{Fault, ReadBytes, ReadEnd},
    discovery::file_id,
    identity::{FileId, Fingerprint, Mark, StrandId},
    spool::{Spool, SpoolError},
    state::{
        Anchoring, ChainRecord, ChunkRecord, FileRecord, Meeting, OldFile, Seal, SqliteState, StateError,
        StateStore, StrandRecord,
    },
    tail::{TailFiles, Target},
};
use headrig_contract::{
    AgentId, ByteLength, ByteOffset, ChunkSeq, ContentHash, Generation, ObjectKey, StreamId, UnixMicros,
};
use std::{fs, io::Write, path::Path, sync::Arc};

const AGENT: AgentId = AgentId::from_bytes([3; 16]);

fn seal(number: u64) -> Seal {
    let hash = ContentHash::of(&number.to_le_bytes());
    let id = StrandId { stream: StreamId::derive(AGENT, number), generation: Generation(1) };
    let mark = Mark {
        offset: ByteOffset(100 + number),
        head: Fingerprint::of(b"head"),
        window: Fingerprint::of(b"window"),
        mid_line: true,
    };
    let file = FileId { device: u64::MAX, inode: number, born: UnixMicros(-1) };
    Seal {
        chunk: ChunkRecord {
            hash,
            key: ObjectKey::parse(&format!("host=h/{hash}.log.zst")).unwrap(),
            length: ByteLength(10),
            raw_length: ByteLength(20),
            sealed_at: UnixMicros(5),
        },
        chain: ChainRecord { source: "app".parse().unwrap(), next_seq: ChunkSeq(number + 1), last: hash },
        strands: vec![StrandRecord {
            id,
            mark,
            path: Path::new("/var/log/app.log").into(),
            began: ByteOffset(number),
        }],
        files: vec![FileRecord { file, strand: id, size_done: ByteLength(7), modified_done: UnixMicros(9) }],
        streams_opened: number + 1,
    }
}

#[test]
fn what_was_sealed_is_recovered_and_what_was_stored_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.db");
    let mut state = SqliteState::open(&path, AGENT).unwrap();
    let seals = [seal(0), seal(1), seal(2)];
    seals.iter().for_each(|step| state.seal(step).unwrap());
    state.forget(seals[1].chunk.hash).unwrap();
    drop(state);

    let recovered = SqliteState::open(&path, AgentId::from_bytes([9; 16])).unwrap().recover().unwrap();
    assert_eq!(recovered.agent, AGENT, "the id is drawn once");
    assert_eq!(recovered.streams_opened, 3);
    assert_eq!(recovered.unshipped, [seals[0].chunk.clone(), seals[2].chunk.clone()], "oldest first");
    assert_eq!(recovered.chains, [seals[2].chain.clone()]);
    for step in &seals {
        assert!(recovered.strands.contains(&step.strands[0]));
        assert!(recovered.files.contains(&step.files[0]));
    }
}

#[test]
fn an_old_file_is_one_until_its_strand_is_recorded_and_a_sealed_strand_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.db");
    let old = |inode| OldFile {
        file: FileId { device: 1, inode, born: UnixMicros(3) },
        size: ByteLength(100),
        modified: UnixMicros(4),
        compressed: inode == 2,
    };
    let meeting = Meeting { sources: vec!["app".parse().unwrap()], files: vec![old(1), old(2), old(3)] };
    let mut state = SqliteState::open(&path, AGENT).unwrap();
    state.meet(&meeting).unwrap();
    assert_eq!(state.recover().unwrap().old_files, meeting.files);

    let (sealed, fresh) = (seal(0), seal(1));
    state.seal(&sealed).unwrap();
    let mut behind = sealed.strands[0].clone();
    behind.mark.offset = ByteOffset(50);
    let anchoring = Anchoring {
        settled: vec![old(1).file, old(3).file],
        strands: vec![behind, fresh.strands[0].clone()],
        files: fresh.files.clone(),
        streams_opened: 7,
    };
    state.anchor(&anchoring).unwrap();
    drop(state);
    let recovered = SqliteState::open(&path, AGENT).unwrap().recover().unwrap();
    assert_eq!((recovered.met, recovered.old_files), (meeting.sources, vec![old(2)]));
    assert_eq!(recovered.strands.len(), 2);
    assert!(recovered.strands.contains(&sealed.strands[0]) && recovered.strands.contains(&fresh.strands[0]));
    assert!(recovered.files.contains(&fresh.files[0]));
    assert_eq!(recovered.streams_opened, 7);
}

/// The tables of version 1, as its agents made them.
const VERSION_1: &str = "
CREATE TABLE agent (one INTEGER PRIMARY KEY CHECK (one = 1), id BLOB NOT NULL, streams_opened INTEGER NOT NULL) STRICT;
CREATE TABLE strand (
  stream BLOB NOT NULL, generation INTEGER NOT NULL, path BLOB NOT NULL, sealed INTEGER NOT NULL,
  head_length INTEGER NOT NULL, head_hash BLOB NOT NULL, window_length INTEGER NOT NULL, window_hash BLOB NOT NULL,
  mid_line INTEGER NOT NULL, PRIMARY KEY (stream, generation)
) STRICT, WITHOUT ROWID;
CREATE TABLE file (
  device INTEGER NOT NULL, inode INTEGER NOT NULL, born INTEGER NOT NULL, stream BLOB NOT NULL,
  generation INTEGER NOT NULL, size_done INTEGER NOT NULL, modified_done INTEGER NOT NULL,
  PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;
CREATE TABLE chain (source TEXT PRIMARY KEY, next_seq INTEGER NOT NULL, last BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE chunk (
  hash BLOB PRIMARY KEY, key TEXT NOT NULL, length INTEGER NOT NULL, raw_length INTEGER NOT NULL,
  sealed_at INTEGER NOT NULL, number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
PRAGMA user_version = 1;
INSERT INTO agent VALUES (1, zeroblob(16), 5);
INSERT INTO strand VALUES (zeroblob(16), 0, CAST('/a' AS BLOB), 9, 9, zeroblob(16), 9, zeroblob(16), 0);
";

#[test]
fn a_state_of_version_1_is_renewed_and_keeps_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch(VERSION_1).unwrap();
    for _ in 0..2 {
        let recovered = SqliteState::open(&path, AGENT).unwrap().recover().unwrap();
        assert_eq!((recovered.agent, recovered.streams_opened), (AgentId::from_bytes([0; 16]), 5));
        assert_eq!(recovered.strands[0].mark.offset, ByteOffset(9));
        assert_eq!(recovered.strands[0].began, ByteOffset(0), "it was read from its beginning");
    }
}

#[test]
fn a_seal_that_cannot_be_recorded_whole_leaves_no_trace() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = SqliteState::open(&folder.path().join("agent.db"), AGENT).unwrap();
    state.seal(&seal(0)).unwrap();
    let mut again = seal(1);
    again.chunk.hash = seal(0).chunk.hash;
    assert!(state.seal(&again).is_err());
    assert_eq!(state.recover().unwrap().strands, seal(0).strands);
}

#[test]
fn a_state_of_a_newer_version_or_of_something_else_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let newer = folder.path().join("newer.db");
    drop(SqliteState::open(&newer, AGENT).unwrap());
    rusqlite::Connection::open(&newer).unwrap().execute_batch("PRAGMA user_version = 99").unwrap();
    let error = SqliteState::open(&newer, AGENT).err().unwrap();
    assert!(matches!(error, StateError::Newer { found: 99, .. }), "{error}");

    let text = folder.path().join("text.db");
    fs::write(&text, "no database, but long enough to be looked at as one\n".repeat(40)).unwrap();
    let error = SqliteState::open(&text, AGENT).err().unwrap();
    assert!(matches!(error, StateError::Damaged { .. }) && error.to_string().contains("text.db"), "{error}");
}

#[test]
fn a_spool_keeps_sealed_chunks_and_clears_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (kept, orphan) = (ContentHash::of(b"kept"), ContentHash::of(b"orphan"));
    let mut spool = Spool::open(folder.path(), 2, &[]).unwrap();
    for (source, bytes, hash) in [(0, b"kept".as_slice(), kept), (1, b"orphan", orphan)] {
        spool.append(source, true, &bytes[..2]).unwrap();
        spool.append(source, false, &bytes[2..]).unwrap();
        spool.seal(source, hash).unwrap();
    }
    spool.append(0, true, b"half a chunk").unwrap();

    let spool = Spool::open(folder.path(), 2, &[(kept, 4)]).unwrap();
    assert_eq!(fs::read(spool.path(kept)).unwrap(), b"kept");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    let error = Spool::open(folder.path(), 2, &[(kept, 5)]).err().unwrap();
    assert!(matches!(error, SpoolError::Damaged { expected: 5, .. }), "{error}");
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> (Arc<Path>, FileId) {
    let path = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let id = file_id(&fs::metadata(&path).unwrap());
    (path.into(), id)
}

fn target(file: FileId, path: &Arc<Path>, compressed: bool) -> Target<'_> {
    Target { file, path, compressed, fresh: false, now: UnixMicros(0) }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn plain_and_compressed_files_read_alike_from_any_offset() {
    let folder = tempfile::tempdir().unwrap();
    let plain: Vec<u8> = (0..50_000u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    let files = [
        (written(folder.path(), "a.log", &plain), false),
        (written(folder.path(), "b.gz", &gzip(&plain)), true),
        (written(folder.path(), "c.zst", &zstd::bulk::compress(&plain, 3).unwrap()), true),
        (written(folder.path(), "d.gz", &[gzip(&plain[..9]), gzip(&plain[9..])].concat()), true),
    ];
    let mut tail = TailFiles::default();
    for ((path, id), compressed) in files {
        let windows = [10..20, plain.len() as u64 - 5..plain.len() as u64];
        let probe = tail.probe(&target(id, &path, compressed), &windows).unwrap();
        assert_eq!(probe.head, plain[..1024], "{path:?}");
        assert_eq!((probe.windows[0].bytes.as_slice(), probe.windows[0].at_end), (&plain[10..20], false));
        assert_eq!((probe.windows[1].bytes.len(), probe.windows[1].at_end), (5, true));
        for offset in [0, 200_000, 100_000] {
            let mut buffer = vec![0; 70_000];
            let read = tail.read(&target(id, &path, compressed), offset as u64, &mut buffer).unwrap();
            assert_eq!(read, ReadBytes { count: 70_000, end: ReadEnd::More });
            assert_eq!(buffer, plain[offset..offset + 70_000], "{path:?} from {offset}");
        }
    }
}

#[test]
fn what_precedes_damage_is_read_and_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let plain = b"line\n".repeat(100_000);
    let whole = gzip(&plain);
    let (path, id) = written(folder.path(), "cut.gz", &whole[..whole.len() / 2]);
    let mut tail = TailFiles::default();
    let mut buffer = vec![0; plain.len()];
    let read = tail.read(&target(id, &path, true), 0, &mut buffer).unwrap();
    assert!(read.count > 1_000 && read.end == ReadEnd::Damage, "{read:?}");
    assert_eq!(buffer[..read.count], plain[..read.count]);
    let problems = tail.take_problems();
    assert_eq!(problems.len(), 1);
    assert!(
        problems[0].path == *path && problems[0].problem.contains("cut short or damaged"),
        "{problems:?}"
    );
}

#[test]
fn another_file_at_the_path_is_not_read_in_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, id) = written(folder.path(), "a.log", b"old\n");
    fs::rename(&path, folder.path().join("a.log.1")).unwrap();
    let (_, other) = written(folder.path(), "a.log", b"new\n");
    let mut tail = TailFiles::default();
    assert_eq!(tail.read(&target(id, &path, false), 0, &mut [0; 8]), Err(Fault::Moved));
    assert_eq!(
        tail.read(&target(other, &path, false), 0, &mut [0; 8]),
        Ok(ReadBytes { count: 4, end: ReadEnd::File })
    );
    assert!(tail.take_problems().is_empty());
}

#[test]
fn what_is_written_to_a_deleted_file_is_read_until_it_is_idle() {
    let folder = tempfile::tempdir().unwrap();
    let (path, id) = written(folder.path(), "a.log", b"one\n");
    let mut writer = fs::OpenOptions::new().append(true).open(&path).unwrap();
    let mut tail = TailFiles::default();
    tail.read(&target(id, &path, false), 0, &mut [0; 8]).unwrap();
    fs::remove_file(&path).unwrap();
    writer.write_all(b"two\n").unwrap();

    let unlisted = tail.unlisted(&[], UnixMicros(1), |_, _| false);
    assert_eq!(unlisted.iter().map(|found| (found.file, found.size.0)).collect::<Vec<_>>(), [(id, 8)]);
    let mut buffer = [0; 8];
    assert_eq!(tail.read(&target(id, &path, false), 4, &mut buffer).unwrap().count, 4);
    assert_eq!(&buffer[..4], b"two\n");
    let wanted =
        |tail: &mut TailFiles, is_wanted| tail.unlisted(&[], UnixMicros(61_000_000), |_, _| is_wanted).len();
    assert_eq!(wanted(&mut tail, true), 1, "what is not read to its end cannot be opened again");
    assert_eq!(wanted(&mut tail, false), 0);
}
