"""The built files of the browser travel compressed; what is written for one reader does not."""

import pytest

from tests.house import House
from uptake.web import app

SCRIPT = "export const answer = 42;\n" * 100


@pytest.fixture
def client(tmp_path, monkeypatch):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app-1.js").write_text(SCRIPT)
    (tmp_path / "manifest.json").write_text("{}")
    monkeypatch.setattr(app, "STATIC", tmp_path)
    with House().client() as opened:
        yield opened


def test_assets_are_compressed_for_who_can_read_that(client):
    """A script is sent packed and kept for ever; who asks for it plain gets it plain."""
    packed = client.get("/static/assets/app-1.js", headers={"accept-encoding": "gzip"})
    plain = client.get("/static/assets/app-1.js", headers={"accept-encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < len(SCRIPT) / 4
    assert packed.headers["vary"] == "Accept-Encoding"
    assert "immutable" in packed.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text == SCRIPT


def test_answers_about_people_are_not_compressed(client):
    """The length of a packed page would tell whether a text that somebody chose stands beside it."""
    told = client.get("/accounts", headers={"accept-encoding": "gzip"})

    assert told.status_code == 200
    assert len(told.text) > 5_000
    assert "content-encoding" not in told.headers
