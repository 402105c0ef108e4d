"""Real processes: `uptake` commands and a real `uptake serve`, each on a data folder of the test."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("UPTAKE_")}
PATIENCE_S = 60


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
        self.process = self.popen("serve", "--port", "0", "--json", *words)
        told = self.process.stdout.readline()
        assert told, self.process.stderr.read()
        announced = json.loads(told)
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
        return httpx.post(self.url + path, json={"batch": calls}, auth=(key or self.key, ""), timeout=10)

    def read(self, path, token):
        """Ask the read API."""
        return httpx.get(self.url + path, headers={"Authorization": f"Bearer {token}"}, timeout=10)

    def settle(self, token):
        """Wait until everything is scored under the configuration in force."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            told = self.read("/v2/status", token).json()
            if told["log"]["offset"] == told["folded"]["offset"] == told["scored"]["offset"]:
                return told
            time.sleep(0.05)
        raise AssertionError(f"not settled: {told}")


def code_of(text):
    """The code that a command's error begins with."""
    found = re.match(r"(E\d{3}|[a-z_]+) ", text)
    return found[1] if found else text
