"""Where a call log on NATS JetStream is: the text of a setting, read and checked.  Nothing here connects."""

import re
from urllib.parse import parse_qsl, unquote

import msgspec

EXAMPLE = "nats://user:password@host1:4222,host2:4222,host3:4222?replicas=3"
REPLICAS = (1, 3, 5)
DEFAULT_PORT = 4222

_ADDRESS = re.compile(r"(nats|tls)://(?:([^@/?#\s]+)@)?([^@/?#\s]+)/?(?:\?([^#\s]*))?")
_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


class NatsAddress(msgspec.Struct, frozen=True):
    """The servers of one cluster and how streams are made there.

    servers: URLs without user and password.  user: a token where there is no password.  name: what subjects begin with,
    so that several installations may share a cluster.  replicas: of each stream.  max_bytes: of the calls of one
    product, after which no more are taken; -1 for no limit but the servers' own.
    """

    servers: tuple[str, ...]
    user: str | None = None
    password: str | None = None
    name: str = "uptake"
    replicas: int = 1
    max_bytes: int = -1


def parse(text: str) -> NatsAddress:
    """The address that a text names.  Raises ValueError, without the text, for it may hold a password.

    Replicas are 3 where at least three servers are named, else 1, unless the text says so.

    >>> parse("nats://one,two:5222?name=acme&replicas=3").servers
    ('nats://one:4222', 'nats://two:5222')
    """
    if not (found := _ADDRESS.fullmatch(text)):
        raise ValueError("no address of NATS servers")
    scheme, who, servers, options = found.groups()
    hosts = servers.split(",")
    user, _, password = (who or "").partition(":")
    said = dict(parse_qsl(options or "", keep_blank_values=True, strict_parsing=bool(options)))
    address = NatsAddress(
        servers=tuple(_server(scheme, host) for host in hosts),
        user=unquote(user) or None,
        password=unquote(password) or None,
        name=said.pop("name", "uptake"),
        replicas=int(said.pop("replicas", "3" if len(hosts) >= 3 else "1")),
        max_bytes=int(said.pop("max_bytes", "-1")),
    )
    if said or address.replicas not in REPLICAS or not _NAME.fullmatch(address.name) or address.max_bytes < -1:
        raise ValueError("an unknown option, or one with a value that it cannot take")
    return address


def _server(scheme: str, host: str) -> str:
    found = _SERVER.fullmatch(host)
    port = int(found[2] or DEFAULT_PORT) if found else 0
    if not found or not 0 < port < 65536:
        raise ValueError("no name or port of a server")
    return f"{scheme}://{found[1]}:{port}"
