"""A proxy before MiniStack at which a job dies, stalls or loses an answer, when it sends the request of a phase.

The job runs unmodified: a phase is known by what it asks AWS for.
"""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Action = Literal["pass", "before", "after", "answer", "hold"]
"""What happens to a request: nothing; the job dies before or after it is carried out; its answer is lost; it waits."""

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Request:
    """What a rule sees."""

    method: str
    path: str
    action: str
    number: int = 0

    def is_file(self) -> bool:
        """Whether a lake file is stored."""
        return self.method == "PUT" and self.path.endswith(".parquet")


@dataclass
class Fault:
    """What happens to the `at`-th request that `is_phase` knows, and if it `lasts` to all behind it."""

    is_phase: Callable[[Request], bool]
    action: Action
    at: int = 1
    lasts: bool = False


PHASES = {
    "after the claim": Fault(lambda it: it.method == "GET" and it.path.startswith("/upload-"), "before"),
    "in mid-write": Fault(Request.is_file, "before", at=3),
    "after writing": Fault(lambda it: it.action.endswith("BatchCreatePartition"), "before"),
    "before the manifest": Fault(lambda it: it.method == "PUT" and it.path.endswith("-manifest.json"), "before"),
    "before the commit": Fault(lambda it: it.action.endswith("TransactWriteItems"), "before"),
    "after the commit": Fault(lambda it: it.action.endswith("TransactWriteItems"), "after"),
}


@dataclass
class Proxy:
    """Listens on 127.0.0.1 until it is closed; `kill` ends the job."""

    endpoint: str
    fault: Fault
    kill: Callable[[], None] = lambda: None
    seen: int = 0
    struck: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Proxy:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                proxy._carry(self)

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where the job shall find AWS."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def _carry(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        action = self._judge(
            Request(handler.command, handler.path.split("?")[0], handler.headers.get("X-Amz-Target", ""))
        )
        if action == "before":
            self._strike()
            handler.close_connection = True
            return
        if action == "hold":
            self.struck.set()
            self.go_on.wait()
        status, headers, answer = self._ask(handler, body)
        if action in ("after", "answer"):
            if action == "after":
                self._strike()
            self.struck.set()
            handler.close_connection = True
            return
        try:
            handler.send_response(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    handler.send_header(name, value)
            length = dict((name.lower(), value) for name, value in headers).get("content-length", len(answer))
            handler.send_header("Content-Length", str(length if handler.command == "HEAD" else len(answer)))
            handler.end_headers()
            handler.wfile.write(answer)
        except OSError:
            handler.close_connection = True

    def _judge(self, request: Request) -> Action:
        if not self.fault.is_phase(request):
            return "pass"
        with self._lock:
            self.seen += 1
            is_struck = self.seen == self.fault.at or (self.fault.lasts and self.seen > self.fault.at)
            return self.fault.action if is_struck else "pass"

    def _strike(self) -> None:
        self.kill()
        self.struck.set()

    def _ask(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        there = urlsplit(self.endpoint)
        connection = http.client.HTTPConnection(there.hostname or "", there.port, timeout=60)
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in HOP_BY_HOP}
        headers["Content-Length"] = str(len(body))
        connection.request(handler.command, handler.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, answer.getheaders(), content
