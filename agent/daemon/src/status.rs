//! What the agent tells of itself: over the Unix socket as JSON, to people as a table, to Prometheus as text.

use serde::{Deserialize, Serialize};
use std::{
    fmt::Write,
    io::{self, Read},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// How long an agent may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Files listed in a status; the counts are of all.
pub const FILES_LISTED_MAX: usize = 1_000;

/// The agent at one moment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// The host that chunks are named after.
    pub host: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Files known.
    pub files: u64,
    /// Those with the most left to read first, at most [`FILES_LISTED_MAX`].
    pub streams: Vec<Stream>,
    /// Plain bytes taken since it started.
    pub bytes_read: u64,
    /// Plain bytes sealed since it started.
    pub bytes_sealed: u64,
    /// Bytes of chunks stored since it started.
    pub bytes_shipped: u64,
    /// Plain bytes seen and gone before they could be read.
    pub bytes_lost: u64,
    /// Bytes that were there when their sources were first met with start_at = "end", and are not read.
    pub bytes_skipped: u64,
    /// Chunks sealed since it started.
    pub chunks_sealed: u64,
    /// Chunks stored since it started.
    pub chunks_shipped: u64,
    /// Bytes sealed and not known to be stored.
    pub spool_bytes: u64,
    /// Bytes found in files and not taken.
    pub unread_bytes: u64,
    /// The age of the oldest byte that is not stored.
    pub lag_seconds: u64,
    /// Uploads that failed since it started.
    pub upload_errors: u64,
    /// Seconds since a chunk was stored last.
    pub last_upload_seconds_ago: Option<u64>,
    /// The last thing that went wrong.
    pub last_error: Option<String>,
}

/// One file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Stream {
    /// Where it is.
    pub path: String,
    /// Its source.
    pub source: String,
    /// Its size on disk.
    pub size: u64,
    /// The plain bytes read of it.
    pub offset: u64,
    /// What it waits for.
    pub state: String,
}

impl Status {
    /// Asks the agent behind `socket`.
    ///
    /// # Errors
    /// When none answers.
    pub fn ask(socket: &Path) -> io::Result<Self> {
        let mut connection = UnixStream::connect(socket)?;
        connection.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut text = String::new();
        connection.read_to_string(&mut text)?;
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    /// For people, at most `streams_max` files.
    pub fn to_text(&self, streams_max: usize) -> String {
        let ago =
            self.last_upload_seconds_ago.map_or_else(|| "none yet".into(), |ago| format!("{ago} s ago"));
        let mut text = format!(
            "headrig-agent {} on {}, up {} s\n\
             files        {}, {} bytes unread\n\
             read         {} bytes, {} lost, {} skipped\n\
             sealed       {} chunks, {} bytes raw\n\
             shipped      {} chunks, {} bytes; last upload {ago}, {} failed\n\
             waiting      {} bytes in the spool, lag {} s\n",
            self.version,
            self.host,
            self.uptime_seconds,
            self.files,
            self.unread_bytes,
            self.bytes_read,
            self.bytes_lost,
            self.bytes_skipped,
            self.chunks_sealed,
            self.bytes_sealed,
            self.chunks_shipped,
            self.bytes_shipped,
            self.upload_errors,
            self.spool_bytes,
            self.lag_seconds,
        );
        if let Some(error) = &self.last_error {
            text += &format!("last error   {error}\n");
        }
        for Stream { path, source, size, offset, state } in self.streams.iter().take(streams_max) {
            text += &format!("{state:>12}  {offset:>12} of {size:>12}  {source}  {path}\n");
        }
        text
    }

    /// In Prometheus' text format, version 0.0.4.
    pub fn to_prometheus(&self) -> String {
        let figures = [
            ("files", "gauge", "Files known.", self.files),
            ("read_bytes_total", "counter", "Plain bytes taken from files.", self.bytes_read),
            ("sealed_bytes_total", "counter", "Plain bytes in sealed chunks.", self.bytes_sealed),
            ("shipped_bytes_total", "counter", "Bytes of stored chunks.", self.bytes_shipped),
            ("lost_bytes_total", "counter", "Plain bytes gone before they could be read.", self.bytes_lost),
            ("sealed_chunks_total", "counter", "Chunks sealed.", self.chunks_sealed),
            ("shipped_chunks_total", "counter", "Chunks stored.", self.chunks_shipped),
            ("upload_errors_total", "counter", "Uploads that failed.", self.upload_errors),
            (
                "skipped_bytes",
                "gauge",
                "Bytes that were there at first and are not read.",
                self.bytes_skipped,
            ),
            ("spool_bytes", "gauge", "Bytes sealed and not known to be stored.", self.spool_bytes),
            ("unread_bytes", "gauge", "Bytes found in files and not taken.", self.unread_bytes),
            ("lag_seconds", "gauge", "The age of the oldest byte that is not stored.", self.lag_seconds),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in figures {
            let _ = writeln!(
                text,
                "# HELP headrig_agent_{name} {help}\n# TYPE headrig_agent_{name} {kind}\nheadrig_agent_{name} {value}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_told_to_prometheus_with_its_kind() {
        let text = Status { bytes_lost: 7, ..Status::default() }.to_prometheus();
        assert!(
            text.contains(
                "# TYPE headrig_agent_lost_bytes_total counter\nheadrig_agent_lost_bytes_total 7\n"
            )
        );
        assert_eq!(text.matches("# HELP").count(), text.matches("# TYPE").count());
    }

    #[test]
    fn a_status_survives_its_way_over_the_socket() {
        let status = Status { host: "web-1".into(), last_error: Some("why".into()), ..Status::default() };
        let text = serde_json::to_string(&status).unwrap();
        assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        assert!(status.to_text(5).contains("last error   why"));
    }
}
