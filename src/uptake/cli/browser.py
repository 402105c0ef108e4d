"""Opening an address in the browser of whoever sits at this machine, and knowing when nobody does."""

import sys
import webbrowser
from collections.abc import Mapping

_AUTOMATED = ("CI", "BUILD_NUMBER", "TF_BUILD", "UPTAKE_NO_BROWSER")
_AWAY = ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def can_open(environment: Mapping[str, str], *, platform: str = sys.platform, terminal: bool) -> bool:
    """Does somebody sit here with a screen?  Not in a build, not where the output goes elsewhere than to a terminal,
    and over ssh or on Linux only with a display.

    >>> can_open({"DISPLAY": ":0"}, platform="linux", terminal=True)
    True
    >>> can_open({"DISPLAY": ":0", "CI": "true"}, platform="linux", terminal=True)
    False
    >>> can_open({"SSH_CONNECTION": "192.0.2.1 1 192.0.2.2 22"}, platform="darwin", terminal=True)
    False
    """
    if not terminal or any(environment.get(name) for name in _AUTOMATED):
        return False
    display = any(environment.get(name) for name in _DISPLAYS)
    away = any(environment.get(name) for name in _AWAY)
    return display or (not away and platform in ("darwin", "win32"))


def open_in_browser(address: str) -> bool:
    """Open the address; False where no browser could be started."""
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
