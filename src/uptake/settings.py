"""Settings of an installation: one table, read from the environment and from the command line, checked before anything
starts.

What belongs to one product (time zone, features, weights) is not here but in its configuration.  Only `uptake.app` and
the command line see `Settings`; everything below gets plain values.
"""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from uptake.core.errors import UptakeError

PREFIX = "UPTAKE_"
SECRET_CHARACTERS = 32

Parse = Callable[[str], Any]


class Setting(msgspec.Struct, frozen=True):
    """One row of the table.

    name: the environment variable.  default: as one would write it; '' for none.  wanted: what a good value is, to
    follow "must be".  parse: the value from its text; raises ValueError where it cannot be one.
    """

    name: str
    type: type
    default: str
    unit: str
    help: str
    wanted: str
    parse: Parse
    secret: bool = False

    @property
    def field(self) -> str:
        """The attribute of `Settings` that holds the value."""
        return self.name.removeprefix(PREFIX).lower()

    def value(self, text: str) -> Any:
        """The value of a text.  Raises UptakeError (E001)."""
        try:
            return self.parse(text)
        except ValueError as error:
            got = f"{len(text)} characters" if self.secret else repr(text)
            hint = f"Unset it for the default, {self.default}." if self.default else "Unset it to do without."
            raise UptakeError("E001", f"{self.name} must be {self.wanted}, got {got}.", hint=hint) from error


def _whole(name: str, default: int, limits: tuple[int, int], unit: str, text: str) -> Setting:
    def parse(value: str) -> int:
        number = int(value) if re.fullmatch(r"\d{1,12}", value) else -1
        if not limits[0] <= number <= limits[1]:
            raise ValueError(value)
        return number

    wanted = f"a whole number{f' of {unit}' if unit else ''} from {limits[0]} to {limits[1]}"
    return Setting(PREFIX + name, int, str(default), unit, text, wanted, parse)


def _choice(name: str, choices: tuple[str, ...], text: str) -> Setting:
    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(value)
        return value.lower()

    wanted = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Setting(PREFIX + name, str, choices[0], "", f"{text}: {wanted}.", wanted, parse)


def _text(name: str, default: str, text: str) -> Setting:
    return Setting(PREFIX + name, str, default, "", text, "a text without blanks", _not_blank)


def _not_blank(value: str) -> str:
    if not value or value != "".join(value.split()):
        raise ValueError(value)
    return value


def _flag(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError(value)
    return words[value.lower()]


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9]\d{0,6}(MB|GB)", value.upper()):
        raise ValueError(value)
    return value.upper()


def _url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise ValueError(value)
    return value.rstrip("/")


def _secret(value: str) -> str:
    if value and len(value) < SECRET_CHARACTERS:
        raise ValueError
    return value


def _names(value: str) -> tuple[str, ...]:
    return tuple(name for name in re.split(r"[,\s]+", value) if name)


def _networks(value: str) -> tuple[str, ...]:
    return tuple(str(ipaddress.ip_network(each, strict=False)) for each in _names(value))


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "UPTAKE_DATA_DIR",
        Path,
        "uptake-data",
        "",
        "The data folder: everything that Uptake keeps. Made if it is not there.",
        "the path of a folder",
        lambda value: Path(_not_empty(value)).expanduser(),
    ),
    _text("HOST", "127.0.0.1", "The address to listen on; 0.0.0.0 listens on every address of the machine."),
    _whole("PORT", 8000, (0, 65535), "", "The port to listen on; 0 takes a free one and says which."),
    Setting(
        "UPTAKE_ALLOWED_HOSTS",
        tuple,
        "",
        "",
        "Further names that the app and the read API may be addressed as, separated by commas, when a proxy stands "
        "before them; `*` allows any.",
        "names separated by commas",
        _names,
    ),
    Setting(
        "UPTAKE_PUBLIC_URL",
        str,
        "",
        "",
        "Where people and senders reach this server, when a proxy stands before it; without it, what they ask for. "
        "With https the cookies of people never travel unencrypted.",
        "an address such as https://uptake.example.com",
        _url,
    ),
    Setting(
        "UPTAKE_TRUSTED_PROXIES",
        tuple,
        "",
        "",
        "Addresses or networks of proxies, separated by commas, whose X-Forwarded-For says where a request comes from.",
        "addresses or networks such as 10.0.0.0/8, separated by commas",
        _networks,
    ),
    Setting(
        "UPTAKE_OPEN_ON_LOOPBACK",
        bool,
        "false",
        "",
        "Take whoever opens the app on this very machine for an owner, without signing in, as the demo does. Never "
        "where others have a login on the machine.",
        "true or false",
        _flag,
    ),
    Setting(
        "UPTAKE_METRICS_TOKEN",
        str,
        "",
        "",
        "What opens /metrics as a Bearer token from another machine; without it only this machine may read them.",
        f"a random text of at least {SECRET_CHARACTERS} characters",
        _secret,
        secret=True,
    ),
    Setting(
        "UPTAKE_SECRET_KEY",
        str,
        "",
        "",
        "What texts of ingest keys are encrypted under. Without it a random one is kept in the data folder, in "
        "`secret.key`.",
        f"a random text of at least {SECRET_CHARACTERS} characters",
        _secret,
        secret=True,
    ),
    _choice("LOG_LEVEL", ("info", "debug", "warning", "error"), "The least important kind of line to log"),
    _choice("LOG_FORMAT", ("text", "json"), "How a log line is written"),
    _whole(
        "MAX_WAITING",
        1000,
        (1, 100_000),
        "requests",
        "How many requests may wait for the disk; more are refused with 429.",
    ),
    *(
        _whole(
            f"MAX_KEY_{name.upper()}",
            0,
            (0, 10**9),
            f"{name} per second",
            f"How many {name} a second one ingest key may send, ten seconds' worth at once; more is refused with 429. "
            "0: as many as it likes.",
        )
        for name in ("requests", "calls", "bytes")
    ),
    Setting(
        "UPTAKE_SILENT_AUTH",
        bool,
        "false",
        "",
        "Answer a request with an unknown key as if it were good, and drop it, as Accoil does.",
        "true or false",
        _flag,
    ),
    _whole("DEDUPE_DAYS", 7, (1, 90), "days", "The dedupe window that a new product begins with."),
    _whole("FOLD_BATCH", 10_000, (100, 200_000), "calls", "About how many calls one fold takes from the log."),
    Setting(
        "UPTAKE_MEMORY_LIMIT",
        str,
        "1GB",
        "",
        "How much memory the event store of one product may use before it works on disk.",
        "a size such as 512MB or 4GB",
        _size,
    ),
    _whole("THREADS", 2, (1, 256), "threads", "How many threads the event store may use for one question."),
    _whole(
        "RECEIVE_S",
        30,
        (1, 600),
        "seconds",
        "How long a sender may take for a request's head, and then for its body.",
    ),
    _whole("STOP_S", 10, (1, 600), "seconds", "How long a stopping server waits for requests that it has begun."),
)


def _not_empty(value: str) -> str:
    if not value.strip():
        raise ValueError(value)
    return value


class Settings(msgspec.Struct, frozen=True):
    """The settings of this run, checked."""

    data_dir: Path
    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    public_url: str
    trusted_proxies: tuple[str, ...]
    open_on_loopback: bool
    metrics_token: str
    secret_key: str
    log_level: str
    log_format: str
    max_waiting: int
    max_key_requests: int
    max_key_calls: int
    max_key_bytes: int
    silent_auth: bool
    dedupe_days: int
    fold_batch: int
    memory_limit: str
    threads: int
    receive_s: int
    stop_s: int


def load(environ: Mapping[str, str], overrides: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of the environment, with what the command line said (by attribute; None: it did not) before it.

    Raises UptakeError (E001) naming the first value that cannot be taken.
    """
    said = {name: text for name, text in (overrides or {}).items() if text is not None}
    texts = {each: said.get(each.field, environ.get(each.name, each.default)) for each in SETTINGS}
    return Settings(**{each.field: each.value(text) for each, text in texts.items()})


def load_here(overrides: Mapping[str, str | None] | None = None) -> Settings:
    """The settings of this process."""
    return load(os.environ, overrides)


def misspelt(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Variables that look like a setting and are none, each with the setting that was probably meant."""
    known = [each.name for each in SETTINGS]
    unknown = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    close = ((name, difflib.get_close_matches(name, known, 1, cutoff=0.85)) for name in unknown)
    return [(name, found[0]) for name, found in close if found]
