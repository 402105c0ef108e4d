"""Senders that outlive the server: what is not acknowledged is sent again, with the same messageIds.

Each sender posts requests over one connection, a request after the answer to the last.  A request is wholly known from
its sender and number, so that what was acknowledged can be looked up, call by call, and sent to another server.
"""

import http.client
import json
import threading
import time
from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from tests.installed import PATIENCE_S

EVENTS = ("Report_Created", "Report_Shared", "Dashboard_Viewed")
ACCOUNTS = 12
BEGAN = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=3)


def calls_of(name, number, calls):
    """The calls of one request: its own user joins an account and does `calls` things over three days."""
    user, common = f"{name}-{number}", {"userId": f"{name}-{number}"}
    joined = {
        "type": "group",
        "groupId": f"account-{number % ACCOUNTS}",
        "traits": {"plan": "pro"},
        "messageId": f"{user}-g",
        "timestamp": BEGAN.isoformat(),
        **common,
    }
    acted = [
        {
            "type": "track",
            "event": EVENTS[index % len(EVENTS)],
            "messageId": f"{user}-{index}",
            "timestamp": (BEGAN + timedelta(days=index % 3, minutes=number % 600)).isoformat(),
            **common,
        }
        for index in range(calls)
    ]
    return [joined, *acted]


class Sender(threading.Thread):
    """A thread that sends until it is told to stop or the server is gone.

    acknowledged: how many requests were answered 200; the requests 0 to acknowledged − 1 are those.
    begun: how many were ever sent, acknowledged or not.  refused: statuses other than 200, with their Retry-After.
    slowest_s: how long the slowest answer took.
    """

    def __init__(self, name, calls, *, most=None, pause_s=0.0):
        """calls: of a batch; 0 posts single calls to /v1/track.  most: end after so many requests.

        pause_s: after each acknowledged one.
        """
        self.sender, self.calls, self.most, self.pause_s = name, calls, most, pause_s
        self.slowest_s = 0.0
        self.acknowledged = self.begun = self.repeats = 0
        self.refused = []
        self._begin()

    def _begin(self):
        super().__init__(daemon=True)
        self.stopped = False

    def send_to(self, installed):
        """Send to a server that runs, from the first unacknowledged request on."""
        self._begin()
        self.port = int(installed.url.rsplit(":", 1)[1])
        self.headers = {"Authorization": "Basic " + b64encode(f"{installed.key}:".encode()).decode()}
        self.start()

    def run(self):
        """Post, and post again what was not acknowledged."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        # A killed server ends a connection in many ways: all mean that the request was not acknowledged.
        with suppress(OSError, http.client.HTTPException):
            while not self.stopped and self.acknowledged != self.most:
                self._post(connection)
        connection.close()

    def stop(self):
        """Send no more, and return when the last answer is there."""
        self.stopped = True
        if self.is_alive():
            self.join()

    def _post(self, connection):
        path, body = self.request(self.acknowledged)
        self.repeats += self.begun > self.acknowledged
        self.begun = self.acknowledged + 1
        began_s = time.monotonic()
        connection.request("POST", path, body, self.headers)
        answer = connection.getresponse()
        answer.read()
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        if answer.status == 200:
            self.acknowledged += 1
            time.sleep(self.pause_s)
        else:
            self.refused.append((answer.status, answer.headers["Retry-After"]))
            time.sleep(0.02)

    def request(self, number):
        """Path and body of a request."""
        if self.calls:
            return "/v1/batch", json.dumps({"batch": calls_of(self.sender, number, self.calls)})
        return "/v1/track", json.dumps(calls_of(self.sender, number, 1)[1])

    def sent(self):
        """The calls of every acknowledged request."""
        for number in range(self.acknowledged):
            yield from calls_of(self.sender, number, self.calls) if self.calls else calls_of(self.sender, number, 1)[1:]
