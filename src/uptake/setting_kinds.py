"""What a setting is, and how values of each kind are read from their text; `uptake.settings` has the table."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import msgspec

from uptake.core.errors import UptakeError
from uptake.stores.events import clickhouse_address
from uptake.stores.log import nats_address

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


def whole_row(name: str, default: int, limits: tuple[int, int], unit: str, text: str) -> Setting:
    """A whole number within limits, both included."""

    def parse(value: str) -> int:
        number = int(value) if re.fullmatch(r"\d{1,12}", value) else -1
        if not limits[0] <= number <= limits[1]:
            raise ValueError(value)
        return number

    wanted = f"a whole number{f' of {unit}' if unit else ''} from {limits[0]} to {limits[1]}"
    return Setting(PREFIX + name, int, str(default), unit, text, wanted, parse)


def choice_row(name: str, choices: tuple[str, ...], text: str) -> Setting:
    """One of some words; the first is the default."""

    def parse(value: str) -> str:
        if value.lower() not in choices:
            raise ValueError(value)
        return value.lower()

    wanted = f"{', '.join(choices[:-1])} or {choices[-1]}"
    return Setting(PREFIX + name, str, choices[0], "", f"{text}: {wanted}.", wanted, parse)


def text_row(name: str, default: str, text: str) -> Setting:
    """A text without blanks."""
    return Setting(PREFIX + name, str, default, "", text, "a text without blanks", not_blank_of)


def not_blank_of(value: str) -> str:
    """The text, if it has no blanks and is not empty."""
    if not value or value != "".join(value.split()):
        raise ValueError(value)
    return value


def flag_of(value: str) -> bool:
    """Yes or no."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError(value)
    return words[value.lower()]


def size_of(value: str) -> str:
    """A size in MB or GB."""
    if not re.fullmatch(r"[1-9]\d{0,6}(MB|GB)", value.upper()):
        raise ValueError(value)
    return value.upper()


def url_of(value: str) -> str:
    """An address without a final slash; an empty text is none."""
    if value and not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", value):
        raise ValueError(value)
    return value.rstrip("/")


def secret_of(value: str) -> str:
    """A text that is long enough to be guessed by nobody; an empty text is none."""
    if value and len(value) < SECRET_CHARACTERS:
        raise ValueError
    return value


def names_of(value: str) -> tuple[str, ...]:
    """Names separated by commas or blanks."""
    return tuple(name for name in re.split(r"[,\s]+", value) if name)


def networks_of(value: str) -> tuple[str, ...]:
    """Networks; an address is one of its own."""
    return tuple(str(ipaddress.ip_network(each, strict=False)) for each in names_of(value))


def word_or_nothing(value: str) -> str:
    """A text without blanks; an empty text is none."""
    return not_blank_of(value) if value else ""


def scope_of(value: str) -> str:
    """Scopes of OpenID Connect, openid among them."""
    if "openid" not in value.split():
        raise ValueError(value)
    return " ".join(value.split())


def issuer_of(value: str) -> str:
    """An address as it stands: its final slash is part of what a provider calls itself."""
    return value if value.endswith("/") and url_of(value) else url_of(value)


def one_line_of(value: str) -> str:
    """A text on one line."""
    if not value.isprintable():
        raise ValueError(value)
    return value.strip()


def grants_of(value: str) -> tuple[tuple[str, str, int | None], ...]:
    """Who is in which group gets which role, in which product; None: in every product."""
    parts = [re.fullmatch(r"(.+)=(viewer|editor|admin|owner)(?::(\d{1,9}))?", each) for each in _between_commas(value)]
    if not all(parts):
        raise ValueError(value)
    return tuple((each[1], each[2], int(each[3]) if each[3] else None) for each in parts if each)


def provider_row(name: str, text: str, wanted: str, parse: Parse, *, default: str = "", kind: type = str) -> Setting:
    """A setting about the sign-in provider."""
    return Setting(f"{PREFIX}OIDC_{name}", kind, default, "", text, wanted, parse, secret=name == "CLIENT_SECRET")


def not_empty_of(value: str) -> str:
    """The text, if there is any."""
    if not value.strip():
        raise ValueError(value)
    return value


def log_url_of(value: str) -> str:
    """Where NATS servers keep the call log; an empty text is nowhere."""
    if value:
        nats_address.parse(value)
    return value


def store_url_of(value: str) -> str:
    """Where a ClickHouse server keeps event stores; an empty text is nowhere."""
    if value:
        clickhouse_address.parse(value)
    return value


def meta_url_of(value: str) -> str:
    """A database of PostgreSQL, as SQLAlchemy has it; an empty text is none.

    Of several servers the one that takes writes is chosen, unless the address says otherwise.

    >>> meta_url_of("postgres://ana:pass@one,two:5433/uptake")
    'postgresql+psycopg://ana:pass@/uptake?target_session_attrs=read-write&host=one,two&port=5432,5433'
    """
    if not value:
        return ""
    found = re.fullmatch(r"postgres(?:ql)?(?:\+psycopg)?://(?:([^\s/]*)@)?([^\s/@]*)(/[^\s/?]+)(?:\?(\S*))?", value)
    if not found:
        raise ValueError
    who, hosts, database, options = found.groups()
    at = "" if who is None else f"{who}@"
    if "," not in hosts:
        return f"postgresql+psycopg://{at}{hosts}{database}" + (f"?{options}" if options else "")
    servers = [_server_of(each) for each in hosts.split(",")]
    chosen = [] if options and "target_session_attrs=" in options else ["target_session_attrs=read-write"]
    names, ports = (",".join(each) for each in zip(*servers, strict=True))
    said = "&".join([*([options] if options else []), *chosen, f"host={names}", f"port={ports}"])
    return f"postgresql+psycopg://{at}{database}?{said}"


def _server_of(text: str) -> tuple[str, str]:
    """Host and port; an address of IPv6 stands in brackets."""
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]]+))(?::(\d{1,5}))?", text)
    if not found or not 0 < int(found[3] or 5432) < 65536:
        raise ValueError
    return found[1] or found[2], found[3] or "5432"


def _between_commas(value: str) -> list[str]:
    """What stands between commas: names of groups have blanks."""
    return [each.strip() for each in value.split(",") if each.strip()]
