"""Where event stores on ClickHouse are: the text of a setting, read and checked.  Nothing here connects."""

import re
from urllib.parse import parse_qsl, unquote

import msgspec

EXAMPLE = "clickhouse://user:password@host:8123/uptake"
HTTP_PORT, HTTPS_PORT = 8123, 8443
ANSWER_S, LONGEST_ANSWER_S = 120, 3_600

_ADDRESS = re.compile(
    r"clickhouse://(?:([^@/?#\s]+)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?/([^/?#\s]*)(?:\?([^#\s]*))?"
)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
_CLUSTER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}")
_STORE = r"{database}_p(\d{{1,9}})_g(\d{{1,9}})"


class ClickHouseAddress(msgspec.Struct, frozen=True):
    """A server's HTTP interface, and what databases there begin with.

    secure: over TLS.  cluster: a cluster of `system.clusters` on whose shards and replicas tables are, '' for none.
    answer_s: how long nothing may be heard of the server before a question is given up.
    """

    host: str
    port: int
    user: str
    password: str
    database: str
    secure: bool = False
    cluster: str = ""
    answer_s: int = ANSWER_S

    def store_name(self, product_id: int, generation: int) -> str:
        """The database of a product's generation.

        >>> parse("clickhouse://localhost/acme").store_name(1, 2)
        'acme_p1_g2'
        """
        return f"{self.database}_p{product_id}_g{generation}"

    def store_of(self, name: str) -> tuple[int, int] | None:
        """Product and generation of a database; None where it is none of these."""
        found = re.fullmatch(_STORE.format(database=self.database), name)
        return (int(found[1]), int(found[2])) if found else None


def parse(text: str) -> ClickHouseAddress:
    """The address that a text names.  Raises ValueError, without the text, for it may hold a password.

    >>> parse("clickhouse://ana:s%40fe@one/uptake?secure=1").port
    8443
    """
    if not (found := _ADDRESS.fullmatch(text)):
        raise ValueError("no address of a ClickHouse server")
    who, host, port, database, options = found.groups()
    user, _, password = (who or "default").partition(":")
    said = dict(parse_qsl(options or "", keep_blank_values=True, strict_parsing=bool(options)))
    secure, cluster, answer_s = said.pop("secure", "0"), said.pop("cluster", ""), said.pop("answer_s", str(ANSWER_S))
    at = int(port or (HTTPS_PORT if secure == "1" else HTTP_PORT))
    sound = secure in ("0", "1") and 0 < at < 65536 and (not cluster or _CLUSTER.fullmatch(cluster))
    if said or not sound or not re.fullmatch(r"\d{1,4}", answer_s) or not 0 < int(answer_s) <= LONGEST_ANSWER_S:
        raise ValueError("an unknown option, or one with a value that it cannot take")
    if not _NAME.fullmatch(database):
        raise ValueError("no name of databases: small letters, digits and underscores")
    return ClickHouseAddress(
        host, at, unquote(user), unquote(password), database, secure == "1", cluster, int(answer_s)
    )
