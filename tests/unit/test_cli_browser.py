"""The demo opens a browser only where somebody sits in front of one."""

import webbrowser

import pytest

from uptake.cli import demo
from uptake.cli.browser import can_open, open_in_browser

HERE = {"DISPLAY": ":0"}


@pytest.mark.parametrize(
    ("environment", "platform", "terminal", "opens"),
    [
        (HERE, "linux", True, True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True, True),
        ({}, "linux", True, False),
        ({}, "darwin", True, True),
        ({}, "win32", True, True),
        (HERE, "linux", False, False),
        (HERE | {"CI": "true"}, "linux", True, False),
        ({"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}, "darwin", True, False),
        (HERE | {"SSH_CONNECTION": "192.0.2.1 50000 192.0.2.2 22"}, "linux", True, True),
    ],
)
def test_a_browser_is_opened_where_somebody_sits(environment, platform, terminal, opens):
    """With a screen and a terminal: not in a build, not over ssh without a display, not into a pipe."""
    assert can_open(environment, platform=platform, terminal=terminal) is opens


def test_a_machine_without_a_browser_is_no_fault(monkeypatch):
    """The address was printed; it is said that nothing opened."""

    def nothing(_address):
        raise webbrowser.Error("no browser")

    monkeypatch.setattr(webbrowser, "open", nothing)

    assert open_in_browser("http://localhost:8000") is False


@pytest.mark.parametrize(("wanted", "opened"), [("http://localhost:8000/welcome/x", 1), ("", 0)])
def test_the_demo_shows_itself_when_it_is_filled(monkeypatch, wanted, opened):
    """The page that was asked for is opened once; none without the wish."""
    shown = []
    monkeypatch.setattr(demo, "open_in_browser", shown.append)
    monkeypatch.setattr("uptake.demo.history", lambda _now_us: (None, []))

    demo.play(None, demo.Playing("http://127.0.0.1:8000", "key", filled=True, live=False, show=wanted))

    assert shown == [wanted] * opened
