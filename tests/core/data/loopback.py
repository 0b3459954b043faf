"""A web server on loopback that behaves as badly as it is told to."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from snip_gui.core.data.download.sources import Part, RemoteFile

if TYPE_CHECKING:
    from collections.abc import Iterator


class Loopback:
    """Serves files by path.

    ``cut`` names paths whose connection breaks off half way, ``held`` such that stop half way until
    `release` is set, ``silent`` such that never answer.
    """

    def __init__(self):
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.held: set[str] = set()
        self.without_length: set[str] = set()
        self.asked: list[str] = []
        self.half_sent = threading.Event()
        self.release = threading.Event()
        self.url = ""


@contextlib.contextmanager
def serving() -> Iterator[Loopback]:
    """Run a server for as long as the block lasts."""
    loopback = Loopback()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path
            loopback.asked.append(path)
            content = loopback.files.get(path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            if path not in loopback.without_length:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            half = len(content) // 2
            # A client that has gone away is what some tests are about.
            with contextlib.suppress(ConnectionError):
                self.wfile.write(content[:half])
                self.wfile.flush()
                if path in loopback.cut:
                    return
                if path in loopback.held:
                    loopback.half_sent.set()
                    loopback.release.wait(30)
                self.wfile.write(content[half:])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    loopback.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield loopback
    finally:
        loopback.release.set()
        server.shutdown()
        server.server_close()
        thread.join()


def md5(content):
    return hashlib.md5(content).hexdigest()


def remote(server, path, content, parts=None, into="", **changes):
    """Put a file on the server and describe it."""
    server.files[path] = content
    url = server.url + path
    name = path.rpartition("/")[2]
    parts = parts or (Part(f"{into}/{name}".lstrip("/"), len(content), md5(content)),)
    described = RemoteFile((url,), md5(content), len(content), into, parts)
    return dataclasses.replace(described, **changes)
