"""People in a browser: a first owner by the printed link, a viewer who changes nothing, keys, sessions, OpenID."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import OPENED, SIZES, looked_at
from tests.browser.servers import UPTAKE, Server, free_port, member, serving, track
from tests.browser.test_every_page import axe
from tests.openid import SECRET, openid_provider

__all__ = ["axe"]
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

OLGA, VERA, PASSWORD = "olga@acme.example", "vera@acme.example", "correct horse battery"
PAGES = {
    "me": "/me",
    "settings-people": "/settings/people",
    "settings-keys": "/settings/keys",
    "settings-audit": "/settings/audit",
    "destination-as-viewer": "/destination",
    "mapping-as-viewer": "/destination/mappings/Track%20Calls",
    "no-permission": "/destination/mappings/new",
}
OF_A_VIEWER = ("destination-as-viewer", "mapping-as-viewer", "no-permission")


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Server]:
    """A server that asks who one is, with nobody in it."""
    with serving(tmp_path / "data", UPTAKE_OPEN_ON_LOOPBACK="false") as server:
        yield server


@pytest.fixture
def inhabited(closed: Server) -> Server:
    """With an owner, a viewer, an invitation and a key."""
    for email, role in ((OLGA, "owner"), (VERA, "viewer")):
        let_in(closed, email, role)
    closed.command("user", "create", "ben@acme.example", "--role", "editor")
    closed.command("key", "create", "--kind", "read", "--name", "Data warehouse")
    return closed


def let_in(server: Server, email: str, role: str) -> None:
    """Add somebody with the password."""
    command = [UPTAKE, "user", "create", email, "--role", role, "--password-stdin", "--data-dir", server.folder]
    subprocess.run(command, input=PASSWORD + "\n", text=True, check=True, capture_output=True, timeout=60)


def sign_in(page: Page, server: Server, email: str = OLGA) -> None:
    """Through the sign-in page, into the app."""
    page.goto(server.url + "/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#side")).to_have_count(1)


@pytest.mark.parametrize(("width", "scheme"), OPENED)
def test_every_page_of_people_is_whole_and_readable(inhabited, opened, axe, shots, width, scheme):
    """No console error, nothing wider than the window, and axe finds nothing serious; the doors too."""
    link = inhabited.command("user", "create", "new@acme.example", "--role", "admin").strip()
    page = opened(width, SIZES[width], scheme=scheme, forgiven="status of 4")
    found = []

    for name, address in {"sign-in": "/sign-in", "invited": "/welcome/" + link.rpartition("/")[2]}.items():
        page.goto(inhabited.url + address)
        found += looked_at(page, axe, shots, name)
    for email in (OLGA, VERA):
        sign_in(page, inhabited, email)
        for name, address in PAGES.items():
            if (name in OF_A_VIEWER) == (email == VERA):
                page.goto(inhabited.url + address)
                found += looked_at(page, axe, shots, name)
        page.context.clear_cookies()

    assert found == []


def test_from_the_printed_link_to_a_viewer_who_changes_nothing(closed, opened):
    """The first owner chooses a password, sends calls, invites a viewer; who reads the same numbers and no more."""
    log = (closed.folder.parent / f"{closed.folder.name}.log").read_text()
    link = re.search(r"http://localhost:\d+(/welcome/[\w-]+)", log)[1]
    owner, viewer = opened(), opened(forgiven="status of 403")
    owner.goto(closed.url)
    expect(owner.get_by_text("Nobody owns this installation yet")).to_be_visible()

    owner.goto(closed.url + link)
    owner.get_by_label("E-mail address").fill(OLGA)
    owner.get_by_label("Your name").fill("Olga")
    owner.get_by_label("Password").fill(PASSWORD)
    owner.get_by_role("button", name="Continue").click()
    key = owner.locator("#ingest-key").inner_text()
    calls = [
        *member("ana", "Ana", "acme", "Acme", datetime.now(UTC)),
        track("ana", "Report_Created", datetime.now(UTC)),
    ]
    httpx.post(f"{closed.url}/v1/batch", json={"batch": calls}, auth=(key, ""), timeout=60).raise_for_status()
    closed.settle()
    owner.goto(closed.url + "/settings/people")
    owner.get_by_label("E-mail address").fill(VERA)
    owner.get_by_role("button", name="Make a link").click()
    invitation = owner.locator("#made-link").inner_text()

    viewer.goto(closed.url + "/welcome/" + invitation.rpartition("/")[2])
    viewer.get_by_label("Password").fill(PASSWORD)
    viewer.get_by_role("button", name="Continue").click()
    viewer.goto(closed.url + "/accounts")
    row = viewer.locator("tr", has=viewer.locator(".row-link", has_text="Acme"))
    score = closed.read("/v2/accounts?workspace_id=1")["data"][0]["score"]
    expect(row.locator(".score b").first).to_have_text(str(score))
    viewer.get_by_role("link", name="Destination", exact=True).click()
    expect(viewer.get_by_role("switch")).to_have_count(0)
    expect(viewer.get_by_text("Editors and admins see the key.")).to_be_visible()
    viewer.goto(closed.url + "/destination/mappings/new")
    expect(viewer.get_by_role("heading", name="You may not do this")).to_be_visible()
    viewer.goto(closed.url + "/settings/people")
    expect(viewer.get_by_text("you are a viewer of My product")).to_be_visible()


def test_a_key_is_rotated_and_the_old_one_still_taken(inhabited, opened):
    """Both are good for a while; the list says until when, and the audit log who did it."""
    page = opened()
    sign_in(page, inhabited)
    page.goto(inhabited.url + "/settings/keys")
    old = inhabited_key(inhabited)

    page.get_by_role("button", name=f"Rotate… the key {old[:4]}").click()
    page.locator(".sure:popover-open").get_by_role("button", name="Make a new key").click()
    new = page.locator("#made-key").inner_text()

    expect(page.get_by_text("good until")).to_have_count(1)
    for key in (old, new):
        answer = httpx.post(f"{inhabited.url}/v1/batch", json={"batch": []}, auth=(key, ""), timeout=60)
        assert answer.status_code == 200
    page.goto(inhabited.url + "/settings/audit?what=key_revoked")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text(OLGA)


def inhabited_key(server: Server) -> str:
    """The text of the first ingest key, as the server printed it."""
    log = (server.folder.parent / f"{server.folder.name}.log").read_text()
    return re.search(r"Ingest key: (\w+)", log)[1]


def test_a_session_that_ended_takes_a_live_page_to_the_sign_in_page_and_back(inhabited, opened):
    """The page that refreshes itself notices; after signing in its reader is where they were."""
    page, elsewhere = opened(forgiven="status of 401"), opened()
    sign_in(page, inhabited)
    page.goto(inhabited.url + "/live")
    sign_in(elsewhere, inhabited)
    elsewhere.goto(inhabited.url + "/me")

    elsewhere.get_by_role("button", name="End all others").click()
    expect(elsewhere.get_by_text("Every other session has ended")).to_be_visible()
    expect(page.get_by_role("heading", name="Sign in to Uptake")).to_be_visible()
    page.get_by_label("E-mail address").fill(OLGA)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(re.compile("/live$"))


def test_somebody_signs_in_by_openid(node, node_modules, tmp_path, opened, shots):
    """From the sign-in page to a real provider and back into the app, with the role of their group."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with openid_provider(node, tmp_path, f"{url}/sign-in/provider/back") as provider:
        provider.says(ana={"email": "ana@acme.example", "email_verified": True, "name": "Ana", "groups": ["staff"]})
        settings = {
            "UPTAKE_OIDC_ISSUER": provider.issuer,
            "UPTAKE_OIDC_CLIENT_ID": "uptake",
            "UPTAKE_OIDC_CLIENT_SECRET": SECRET,
            "UPTAKE_OIDC_NAME": "Acme ID",
            "UPTAKE_OIDC_ROLE_CLAIM": "groups",
            "UPTAKE_OIDC_ROLES": "staff=viewer",
            "UPTAKE_OPEN_ON_LOOPBACK": "false",
        }
        with serving(tmp_path / "data", port=port, **settings) as server:
            let_in(server, OLGA, "owner")
            page = opened(forgiven="fonts.googleapis.com", outside=provider.issuer)
            page.goto(server.url + "/accounts")
            page.screenshot(path=shots / "sign-in-provider-1440-light.png")
            page.get_by_role("link", name="Continue with Acme ID").click()
            page.locator("input[name=login]").fill("ana")
            page.locator("input[name=password]").fill("any")
            page.get_by_role("button", name="Sign-in").click()
            page.get_by_role("button", name="Continue").click()

            expect(page).to_have_url(re.compile("/accounts$"))
            page.locator(".who-here", has_text="Ana").click()
            expect(page.get_by_text("Viewer", exact=True)).to_be_visible()
            people = json.loads(server.command("user", "list", "--json"))

    assert [(each["email"], each["roles"]) for each in people] == [
        ("ana@acme.example", {"My product": "viewer"}),
        (OLGA, {}),
    ]
