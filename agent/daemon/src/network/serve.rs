//! The status socket and the metrics endpoint: an answer for each connection, and good-bye.

use super::Notice;
use crate::status::Status;
use std::{fs, net::SocketAddr, path::PathBuf, sync::mpsc::Sender, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixListener},
    sync::oneshot,
    time::{sleep, timeout},
};

/// How long the loop may take to answer: a block's compression, and then some.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// The pause after a connection that could not be taken, as when descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long a client may take to ask and to take the answer.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers every connection to the Unix socket with the status as JSON.
pub(super) async fn status(socket: PathBuf, notices: Sender<Notice>) {
    let _ = fs::remove_file(&socket);
    if let Some(folder) = socket.parent() {
        let _ = fs::create_dir_all(folder);
    }
    let listener = match UnixListener::bind(&socket) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::warn!("status cannot be asked for at {}: {error}", socket.display());
        }
    };
    loop {
        let Ok((mut client, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let text = ask(&notices).await.and_then(|status| serde_json::to_string(&status).ok());
        if let Some(text) = text {
            let _ = timeout(CLIENT_TIMEOUT, client.write_all(text.as_bytes())).await;
        }
    }
}

/// Answers every HTTP request with the metrics.
pub(super) async fn metrics(address: SocketAddr, notices: Sender<Notice>) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) => return tracing::warn!("metrics cannot be asked for at {address}: {error}"),
    };
    loop {
        let Ok((client, _)) = listener.accept().await else {
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // A client that says nothing keeps no other one waiting.
        tokio::task::spawn_local(answer_metrics(client, notices.clone()));
    }
}

async fn answer_metrics(mut client: TcpStream, notices: Sender<Notice>) {
    // What is asked for does not matter: there is one answer.
    let _ = timeout(CLIENT_TIMEOUT, client.read(&mut [0; 4096])).await;
    let body = ask(&notices).await.map(|status| status.to_prometheus());
    let answer = match body {
        Some(body) => format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        None => "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".into(),
    };
    let _ = timeout(CLIENT_TIMEOUT, client.write_all(answer.as_bytes())).await;
    let _ = client.shutdown().await;
}

async fn ask(notices: &Sender<Notice>) -> Option<Status> {
    let (answer, answered) = oneshot::channel();
    notices.send(Notice::StatusWanted(answer)).ok()?;
    timeout(ANSWER_TIMEOUT, answered).await.ok()?.ok()
}
