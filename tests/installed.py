"""Real processes: `uptake` commands and a real `uptake serve`, each on a data folder of the test."""

import json
import os
import re
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.started import PATIENCE_S, ended_unless_ready

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("UPTAKE_")}
SOAK_ROUNDS = int(os.environ.get("UPTAKE_SOAK_ROUNDS", "0"))
"""How many rounds the long form of a test takes (`make soak`); 0 for the short form."""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Nothing here speaks TLS; without this httpx reads all certificates of the machine for every request."""


class Installed:
    """An installation on disk, its commands, and perhaps a server that runs."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.environment = {**ENVIRONMENT, **environment}
        self.process: subprocess.Popen[str] | None = None
        self.url = self.key = ""

    # ---- commands
    def run(self, *words, stdin=None):
        """Run a command on the folder and return what it did."""
        command = [sys.executable, "-m", "uptake", *map(str, words), "--data-dir", str(self.folder)]
        return subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=PATIENCE_S, env=self.environment, check=False
        )

    def good(self, *words, stdin=None):
        """What a command printed; it must have gone well."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words, stdin=None):
        """What a command printed as JSON."""
        return json.loads(self.good(*words, "--json", stdin=stdin))

    def popen(self, *words):
        """Start a command and do not wait for it."""
        command = [sys.executable, "-m", "uptake", *map(str, words), "--data-dir", str(self.folder)]
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.environment
        )

    # ---- a server
    def start(self, *words):
        """Serve the folder on a free port; return when it says so."""
        process = self.process = self.popen("serve", "--port", "0", "--json", *words)
        try:
            with ended_unless_ready(process.kill):
                told = process.stdout.readline()
                assert told, process.stderr.read()
                announced = json.loads(told)
        except BaseException:
            self.close()
            raise
        self.url, self.key = announced["url"], announced["ingest_key"]
        return announced

    def end(self, how=signal.SIGTERM):
        """End the server; return its exit code and its log."""
        process, self.process = self.process, None
        process.send_signal(how)
        _, log = process.communicate(timeout=PATIENCE_S)
        return process.returncode, log

    def close(self):
        """End the server if one runs."""
        if self.process:
            self.end(signal.SIGKILL)

    # ---- the wire
    def post(self, calls, *, key=None, path="/v1/batch"):
        """Send a batch; return the answer."""
        return self._http("POST", path, json={"batch": calls}, auth=(key or self.key, ""))

    def read(self, path, token):
        """Ask the read API."""
        return self.get(path, headers={"Authorization": f"Bearer {token}"})

    def get(self, path, **more):
        """Ask anything."""
        return self._http("GET", path, **more)

    def _http(self, method, path, **more):
        return httpx.request(method, self.url + path, timeout=PATIENCE_S, verify=NO_TLS, **more)

    def settle(self, token):
        """Wait until everything is scored under the configuration in force."""
        return wait_for(lambda: self._settled(token), pause_s=0.05)

    def _settled(self, token):
        answer = self.read("/v2/status", token)
        if answer.status_code == 503:  # the store is being made again
            return None
        told = answer.json()
        return told if told["log"]["offset"] == told["folded"]["offset"] == told["scored"]["offset"] else None


def wait_for(happened, *, pause_s=0.01):
    """Wait until something is so; what it was then."""
    until = time.monotonic() + PATIENCE_S
    while not (what := happened()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(pause_s)
    return what


def code_of(text):
    """The code that a command's error begins with."""
    found = re.match(r"(E\d{3}|[a-z_]+) ", text)
    return found[1] if found else text
