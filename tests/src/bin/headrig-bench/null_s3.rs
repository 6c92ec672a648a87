//! A stand-in for S3 in a process of its own, so that its work is not counted as the agent's. It takes what the
//! agent puts, keeps it, and writes down when it arrived; nothing is checked before the measuring is over.
//!
//! Invariants: an object is in the index only when it is whole, and is never overwritten; the process ends when
//! the one that started it does.

mod connection;

use anyhow::{Context, Result, ensure};
use connection::Connection;
use headrig_contract::{ObjectKey, UnixMicros};
use std::{
    collections::HashSet,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{SystemTime, UNIX_EPOCH},
};

/// Connections at once; the agent makes as many as it has uploads under way.
const CONNECTIONS_MAX: usize = 256;

/// The running stand-in; it ends when this is dropped.
pub(crate) struct NullS3 {
    child: Child,
    /// The child ends when this does.
    input: Option<ChildStdin>,
    port: u16,
    folder: PathBuf,
}

/// An object that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    /// When its last byte had arrived.
    pub(crate) arrived: UnixMicros,
    pub(crate) key: ObjectKey,
    /// Where its bytes are.
    pub(crate) file: PathBuf,
}

impl NullS3 {
    /// Starts one that keeps objects in `folder`, which is made.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("null-s3")
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the stand-in for S3")?;
        let input = child.stdin.take();
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("its standard output")?).read_line(&mut line)?;
        let port = line.trim().parse().context("the port of the stand-in for S3")?;
        Ok(Self { child, input, port, folder: folder.into() })
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How long its index is by now: it grows with each object.
    pub(crate) fn index_bytes(&self) -> u64 {
        fs::metadata(index_path(&self.folder)).map_or(0, |metadata| metadata.len())
    }

    /// What it holds, in the order of arrival.
    pub(crate) fn objects(&self) -> Result<Vec<Object>> {
        let index = fs::read_to_string(index_path(&self.folder)).context("reading the stand-in's index")?;
        index.lines().map(|line| self.object(line).with_context(|| format!("index line {line:?}"))).collect()
    }

    fn object(&self, line: &str) -> Result<Object> {
        let mut words = line.splitn(3, ' ');
        let mut next = || words.next().context("three words");
        let (arrived, file, key) = (next()?, next()?, next()?);
        Ok(Object {
            arrived: UnixMicros(arrived.parse()?),
            key: ObjectKey::parse(key)?,
            file: self.folder.join(file),
        })
    }
}

impl Drop for NullS3 {
    fn drop(&mut self) {
        drop(self.input.take());
        // Its input is closed, so it ends; should it not, it is killed by its own id.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Takes uploads until standard input ends; the first line of standard output is the port.
pub(crate) fn serve(folder: &Path) -> Result<()> {
    ensure!(folder.is_dir(), "expected a folder, found {}", folder.display());
    let index = OpenOptions::new().create(true).append(true).open(index_path(folder))?;
    let shelf =
        Arc::new(Shelf { folder: folder.into(), taken: Mutex::new(Taken { index, keys: HashSet::new() }) });
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    thread::spawn(move || accept(&listener, &shelf));
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn accept(listener: &TcpListener, shelf: &Arc<Shelf>) {
    let live = Arc::new(());
    for stream in listener.incoming().flatten() {
        // Above the limit a client finds its connection closed and tries again.
        if Arc::strong_count(&live) > CONNECTIONS_MAX {
            continue;
        }
        let (shelf, live) = (shelf.clone(), live.clone());
        thread::spawn(move || {
            // A client that hangs up in the middle is told by what is missing from the index.
            let _ = Connection::new(stream).and_then(|mut connection| connection.converse(&shelf));
            drop(live);
        });
    }
}

/// Where objects are kept.
struct Shelf {
    folder: PathBuf,
    taken: Mutex<Taken>,
}

struct Taken {
    index: File,
    keys: HashSet<String>,
}

impl Shelf {
    /// A new file for an object that is on its way, by its number among all requests.
    fn new_file(&self, number: u64) -> io::Result<(String, File)> {
        let name = format!("{number:08}");
        let file = OpenOptions::new().write(true).create_new(true).open(self.folder.join(&name))?;
        Ok((name, file))
    }

    /// Writes down that `key` is in the file `name`, whole; false where it was there before.
    fn keep(&self, key: &str, name: &str) -> io::Result<bool> {
        let arrived = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if !taken.keys.insert(key.to_owned()) {
            return Ok(false);
        }
        taken.index.write_all(format!("{arrived} {name} {key}\n").as_bytes())?;
        Ok(true)
    }
}

fn index_path(folder: &Path) -> PathBuf {
    folder.join("index")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpStream;

    fn check(stream: &mut TcpStream, request: &[u8], expect: &str) {
        stream.write_all(request).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(String::from_utf8_lossy(&answer), format!("HTTP/1.1 {expect}"));
        let (mut rest, mut byte) = (Vec::new(), [0]);
        while !rest.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            rest.push(byte[0]);
        }
    }

    #[test]
    fn an_object_is_kept_once_and_its_connection_lives_on() {
        let folder = tempfile::tempdir().unwrap();
        let index = File::create(index_path(folder.path())).unwrap();
        let taken = Mutex::new(Taken { index, keys: HashSet::new() });
        let shelf = Arc::new(Shelf { folder: folder.path().into(), taken });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        thread::spawn({
            let shelf = shelf.clone();
            move || Connection::new(listener.accept().unwrap().0).unwrap().converse(&shelf)
        });
        let head = "x-amz-checksum-sha256: x\r\nIf-None-Match: *\r\nContent-Length: 3\r\n";
        let put = format!("PUT /b/host%3Dweb/a HTTP/1.1\r\n{head}\r\nabc");
        check(&mut stream, put.as_bytes(), "200");
        check(&mut stream, put.as_bytes(), "412");
        let unchecked = "PUT /b/c HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc";
        check(&mut stream, unchecked.as_bytes(), "400");
        let careful = format!("PUT /b/d HTTP/1.1\r\nExpect: 100-continue\r\n{head}\r\n");
        check(&mut stream, careful.as_bytes(), "100");
        check(&mut stream, b"abc", "200");
        check(&mut stream, b"GET /b/d HTTP/1.1\r\n\r\n", "405");
        drop(stream);
        let index = fs::read_to_string(index_path(folder.path())).unwrap();
        let keys: Vec<&str> = index.lines().filter_map(|line| line.rsplit(' ').next()).collect();
        assert_eq!(keys, ["host=web/a", "d"]);
        let name = index.split(' ').nth(1).unwrap();
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"abc");
    }
}
