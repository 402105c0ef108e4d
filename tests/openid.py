"""A real OpenID provider (npm oidc-provider) beside a test, and a browser without a window that signs in there."""

import json
import re
import socket
import subprocess
from contextlib import contextmanager
from html import unescape
from pathlib import Path

import httpx

from tests.started import end, ended_unless_ready

CLIENTS = Path(__file__).parent / "clients"
SECRET = "a secret of the client"


class OpenIdProvider:
    """A provider that runs, and what it says of whom."""

    def __init__(self, issuer: str, claims_file: Path) -> None:
        self.issuer, self._claims_file = issuer, claims_file
        self.says()

    def says(self, **claims_by_name) -> None:
        """From now on it says this of people, by the name they sign in with."""
        self._claims_file.write_text(json.dumps(claims_by_name))

    def sign_in(self, address: str, name: str) -> str:
        """Sign in there and agree; the address that the browser is sent back to."""
        with httpx.Client(timeout=20) as browser:
            page = self._follow(browser, browser.get(address))
            page = self._posted(browser, page, prompt="login", login=name, password="any")
            if not isinstance(page, str):
                page = self._posted(browser, page, prompt="consent")
            return page

    def _posted(self, browser, page, **fields):
        action = unescape(re.search(r'<form[^>]* action="([^"]+)"', page.text)[1])
        return self._follow(browser, browser.post(action, data=fields))

    def _follow(self, browser, answer):
        """The page at the end of redirects, or the address at which they leave the provider."""
        while answer.is_redirect:
            target = str(answer.url.join(answer.headers["location"]))
            if not target.startswith(self.issuer):
                return target
            answer = browser.get(target)
        return answer


@contextmanager
def openid_provider(node: str, folder: Path, redirect_uri: str):
    """A provider that knows one client, `uptake`, which may send people back to this address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    claims_file = folder / "claims.json"
    provider = OpenIdProvider(f"http://127.0.0.1:{port}", claims_file)
    command = [node, CLIENTS / "openid_provider.mjs", str(port), redirect_uri, claims_file]
    log = (folder / "provider.log").open("wb")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=CLIENTS)
    try:
        with ended_unless_ready(process.kill):
            assert process.stdout.readline() == "ready\n", (folder / "provider.log").read_text()
        yield provider
    finally:
        try:
            end(process)
        finally:
            process.stdout.close()
            log.close()
