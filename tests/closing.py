"""An HTTP server in threads that leaves nothing open: no socket, no thread, whoever still holds a connection to it."""

import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ClosingServer(ThreadingHTTPServer):
    """Serves on a free port from the moment it is made until `close`, which ends every connection."""

    daemon_threads = False  # so that server_close waits for all of them
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        """handler: the class, or a partial of it, that answers a connection."""
        self._open: set[socket.socket] = set()
        self._changing = threading.Lock()
        super().__init__(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self._serving = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._serving.start()

    def get_request(self):
        """A connection, remembered until it is closed."""
        connection, address = super().get_request()
        with self._changing:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request):
        """A connection has ended."""
        with self._changing:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        """Whoever goes away in the middle of an answer is no fault."""

    def close(self) -> None:
        """Take no more connections, end those that are open, and wait for their threads."""
        self.shutdown()
        self._serving.join()
        with self._changing:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        self.server_close()
