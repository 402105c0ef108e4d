"""A server behind a bad line: the first requests get a 503, one of them after it was passed on."""

import http.client
import json
import threading
from collections import Counter
from contextlib import closing
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from tests.closing import ClosingServer

RETRY = {"success": False, "code": "log_unavailable", "message": "try again", "error": "try again"}
OF_ONE_CONNECTION = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Stumbling:
    """A proxy that passes everything on, but answers the first two posts to each path with 503 and Retry-After.

    The first never reaches the server.  The second does, and only its answer is lost.

    posts: how many came, by path.  delivered: how many of them got the server's own answer.
    """

    def __init__(self, url: str) -> None:
        self.target = urlsplit(url).netloc
        self.posts: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.encodings: set[str | None] = set()
        self.preflights = 0
        proxy, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                with lock:
                    proxy.posts[self.path] += 1
                    attempt = proxy.posts[self.path]
                    proxy.encodings.add(self.headers["Content-Encoding"])
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                answer = proxy.passed_on(self, body) if attempt > 1 else None
                headers = {"Retry-After": "1", "Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}
                self.answer(*(answer if attempt > 2 else (503, headers, json.dumps(RETRY).encode())))
                proxy.delivered[self.path] += attempt > 2

            def do_GET(self):
                self.answer(*proxy.passed_on(self, None))

            def do_OPTIONS(self):
                proxy.preflights += 1
                self.answer(*proxy.passed_on(self, None))

            def answer(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                """Say nothing."""

        self._server = ClosingServer(Handler)
        self.url = self._server.url

    def passed_on(self, handler, body):
        """The server's own answer to a request."""
        with closing(http.client.HTTPConnection(self.target, timeout=60)) as connection:
            connection.request(handler.command, handler.path, body, dict(handler.headers))
            response = connection.getresponse()
            answer = response.read()
        headers = {name: value for name, value in response.getheaders() if name.lower() not in OF_ONE_CONNECTION}
        return response.status, headers, answer

    def close(self):
        """Stop."""
        self._server.close()
