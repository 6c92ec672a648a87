//! MiniStack on a free port of this machine, for the length of one test.

use crate::wire::Wire;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder, Credentials, Region};
use headrig_aws::DynamoLedger;
use std::{
    cell::Cell,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::{Handle, Runtime};

const READY_MAX: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A running MiniStack, which ends with it.
pub(crate) struct StandIn {
    server: Child,
    port: u16,
    runtime: Runtime,
    tables: Cell<u32>,
}

impl StandIn {
    /// One that is ready; none, saying so, where MiniStack is not installed. In CI that is a failure.
    pub(crate) fn start() -> Option<Self> {
        let Some(program) = program() else {
            let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
            assert!(!is_ci, "MiniStack is missing in .venv; run cargo xtask test");
            eprintln!(
                "skipped: no .venv/bin/ministack here; `pip install ministack==1.5.33` into .venv brings it"
            );
            return None;
        };
        // The port is free until somebody else takes it, within a second; then the test fails and is run again.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Command::new(program)
            .env("BIND_HOST", "127.0.0.1")
            .env("MINISTACK_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", port.to_string())
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let stand_in = Self { server, port, runtime, tables: Cell::new(0) };
        let end = Instant::now() + READY_MAX;
        while !is_healthy(port) {
            assert!(Instant::now() < end, "MiniStack was not ready within {READY_MAX:?}");
            thread::sleep(POLL);
        }
        Some(stand_in)
    }

    /// What drives calls.
    pub(crate) fn runtime(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A ledger in an empty table of its own, reached over `wire`.
    pub(crate) fn ledger(&self, wire: &Wire) -> DynamoLedger {
        self.tables.set(self.tables.get() + 1);
        let ledger = self.reach(wire, &format!("ledger-{}", self.tables.get()));
        wire.in_order(|| ledger.create_table().unwrap());
        ledger
    }

    /// The ledger in the table made last, reached over another wire: as another process has it.
    pub(crate) fn again(&self, wire: &Wire) -> DynamoLedger {
        self.reach(wire, &format!("ledger-{}", self.tables.get()))
    }

    /// A ledger in a table of that name, whether there is one or not.
    pub(crate) fn reach(&self, wire: &Wire, table: &str) -> DynamoLedger {
        self.reach_on(self.runtime(), wire, table)
    }

    /// The same, on somebody's runtime.
    pub(crate) fn reach_on(&self, runtime: &Handle, wire: &Wire, table: &str) -> DynamoLedger {
        let config = Builder::new()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .endpoint_url(self.endpoint())
            .http_client(wire.clone());
        DynamoLedger::new(config, table, runtime.clone())
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn program() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    Some(root.join(".venv/bin/ministack")).filter(|program| program.exists())
}

fn is_healthy(port: u16) -> bool {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /_ministack/health HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    asked().is_ok_and(|answer| answer.starts_with("HTTP/1.") && answer[8..].starts_with(" 200"))
}
