"""Settings of an installation: one table, read from the environment and from the command line, checked before anything
starts.

What belongs to one product (time zone, features, weights) is not here but in its configuration.  Only `uptake.app` and
the command line see `Settings`; everything below gets plain values.
"""

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from uptake.setting_kinds import (
    PREFIX,
    SECRET_CHARACTERS,
    Setting,
    choice_row,
    flag_of,
    grants_of,
    issuer_of,
    log_url_of,
    meta_url_of,
    names_of,
    networks_of,
    not_empty_of,
    one_line_of,
    provider_row,
    scope_of,
    secret_of,
    size_of,
    store_url_of,
    text_row,
    url_of,
    whole_row,
    word_or_nothing,
)
from uptake.stores.events.clickhouse_address import EXAMPLE as CLICKHOUSE_EXAMPLE
from uptake.stores.log.nats_address import EXAMPLE

PROVIDER_ROWS = (
    provider_row(
        "ISSUER",
        "The OpenID provider by which people may sign in, as it calls itself; without it there is none.",
        "an address such as https://login.example.com",
        issuer_of,
    ),
    provider_row("CLIENT_ID", "What the provider calls this installation.", "a text without blanks", word_or_nothing),
    provider_row("CLIENT_SECRET", "The secret that the provider gave for it.", "a text on one line", one_line_of),
    provider_row("NAME", "How the sign-in page calls the provider; its host name otherwise.", "a text", one_line_of),
    provider_row(
        "SCOPE", "What is asked of the provider.", "names with openid", scope_of, default="openid email profile"
    ),
    provider_row("ROLE_CLAIM", "The claim that lists a person's groups.", "a text without blanks", word_or_nothing),
    provider_row(
        "ROLES",
        "Which group gives which role, separated by commas: `group=role` in every product, `group=role:1` in product "
        "1. Without it people must be invited, or be known by their e-mail address.",
        "pairs such as staff=viewer, analysts=editor:1, ops=owner",
        grants_of,
        kind=tuple,
    ),
    provider_row(
        "ALLOWED_DOMAINS",
        "Domains of e-mail addresses that may sign in by the provider, separated by commas; without it any.",
        "names separated by commas",
        names_of,
        kind=tuple,
    ),
)

SETTINGS: tuple[Setting, ...] = (
    Setting(
        "UPTAKE_DATA_DIR",
        Path,
        "uptake-data",
        "",
        "The data folder: everything that Uptake keeps. Made if it is not there.",
        "the path of a folder",
        lambda value: Path(not_empty_of(value)).expanduser(),
    ),
    text_row("HOST", "127.0.0.1", "The address to listen on; 0.0.0.0 listens on every address of the machine."),
    whole_row("PORT", 8000, (0, 65535), "", "The port to listen on; 0 takes a free one and says which."),
    Setting(
        "UPTAKE_ALLOWED_HOSTS",
        tuple,
        "",
        "",
        "Further names that the app and the read API may be addressed as, separated by commas, when a proxy stands "
        "before them; `*` allows any.",
        "names separated by commas",
        names_of,
    ),
    Setting(
        "UPTAKE_PUBLIC_URL",
        str,
        "",
        "",
        "Where people and senders reach this server, when a proxy stands before it; without it, what they ask for. "
        "With https the cookies of people never travel unencrypted.",
        "an address such as https://uptake.example.com",
        url_of,
    ),
    Setting(
        "UPTAKE_TRUSTED_PROXIES",
        tuple,
        "",
        "",
        "Addresses or networks of proxies, separated by commas, whose X-Forwarded-For says where a request comes from.",
        "addresses or networks such as 10.0.0.0/8, separated by commas",
        networks_of,
    ),
    Setting(
        "UPTAKE_OPEN_ON_LOOPBACK",
        bool,
        "false",
        "",
        "Take whoever opens the app on this very machine for an owner, without signing in, as the demo does. Never "
        "where others have a login on the machine.",
        "true or false",
        flag_of,
    ),
    *PROVIDER_ROWS,
    Setting(
        "UPTAKE_METRICS_TOKEN",
        str,
        "",
        "",
        "What opens /metrics as a Bearer token from another machine; without it only this machine may read them.",
        f"a random text of at least {SECRET_CHARACTERS} characters",
        secret_of,
        secret=True,
    ),
    Setting(
        "UPTAKE_OTEL_ENDPOINT",
        str,
        "",
        "",
        "Where traces go by OTLP over HTTP, without `/v1/traces`; without it there are none. Needs `uptake[otel]`.",
        "an address such as http://collector:4318",
        url_of,
    ),
    Setting(
        "UPTAKE_SECRET_KEY",
        str,
        "",
        "",
        "What texts of ingest keys are encrypted under. Without it a random one is kept in the data folder, in "
        "`secret.key`.",
        f"a random text of at least {SECRET_CHARACTERS} characters",
        secret_of,
        secret=True,
    ),
    Setting(
        "UPTAKE_META_URL",
        str,
        "",
        "",
        "The PostgreSQL database of the meta store; without it a file in the data folder. One process at a time folds "
        "what it describes.",
        "an address such as postgresql://user:password@host/database",
        meta_url_of,
        secret=True,
    ),
    Setting(
        "UPTAKE_LOG_URL",
        str,
        "",
        "",
        "The NATS servers of the call log; without it files in the data folder. `replicas` 1, 3 or 5 (3 where three "
        "servers are named), `name` where several installations share the servers, `max_bytes` a product.",
        f"an address such as {EXAMPLE}",
        log_url_of,
        secret=True,
    ),
    Setting(
        "UPTAKE_STORE_URL",
        str,
        "",
        "",
        "The ClickHouse server of the event stores, each a database whose name begins with the one given; without it "
        "files in the data folder. `secure=1` for TLS, `cluster` for one of its clusters, on whose servers tables are.",
        f"an address such as {CLICKHOUSE_EXAMPLE}",
        store_url_of,
        secret=True,
    ),
    choice_row(
        "ROLE",
        ("all", "web", "worker"),
        "What of the work this process does. web takes calls and serves the app and the API, worker folds and scores; "
        "both need a call log, an event store and a meta store on servers. all does both, alone",
    ),
    choice_row("LOG_LEVEL", ("info", "debug", "warning", "error"), "The least important kind of line to log"),
    choice_row("LOG_FORMAT", ("text", "json"), "How a log line is written"),
    whole_row(
        "MAX_WAITING",
        1000,
        (1, 100_000),
        "requests",
        "How many requests may wait for the disk; more are refused with 429.",
    ),
    *(
        whole_row(
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
        flag_of,
    ),
    whole_row("DEDUPE_DAYS", 7, (1, 90), "days", "The dedupe window that a new product begins with."),
    whole_row("FOLD_BATCH", 30_000, (100, 200_000), "calls", "About how many calls one fold takes from the log."),
    whole_row(
        "RESULT_DAYS",
        7,
        (1, 90),
        "days",
        "How long a file that long work made (an export, a backup, a backtest) is kept.",
    ),
    whole_row("MAX_RESULT_MB", 2_000, (1, 1_000_000), "MB", "How large an export that is made in the app may become."),
    whole_row(
        "MAX_FILES_MB",
        5_000,
        (1, 10_000_000),
        "MB",
        "How large uploads and results of long work may become together; with roles the NATS servers set it aside.",
    ),
    Setting(
        "UPTAKE_MEMORY_LIMIT",
        str,
        "1GB",
        "",
        "Memory the event store of one product may use before it works on disk; between writes it keeps an eighth, "
        "and up to a sixteenth of what is not in its file yet.",
        "a size such as 512MB or 4GB",
        size_of,
    ),
    whole_row("THREADS", 2, (1, 256), "threads", "How many threads the event store may use for one question."),
    whole_row(
        "RECEIVE_S",
        30,
        (1, 600),
        "seconds",
        "How long a sender may take for a request's head, and then for its body.",
    ),
    whole_row("STOP_S", 10, (1, 600), "seconds", "How long a stopping server waits for requests that it has begun."),
)


class Settings(msgspec.Struct, frozen=True):
    """The settings of this run, checked."""

    data_dir: Path
    host: str
    port: int
    allowed_hosts: tuple[str, ...]
    public_url: str
    trusted_proxies: tuple[str, ...]
    open_on_loopback: bool
    oidc_issuer: str
    oidc_client_id: str
    oidc_client_secret: str
    oidc_name: str
    oidc_scope: str
    oidc_role_claim: str
    oidc_roles: tuple[tuple[str, str, int | None], ...]
    oidc_allowed_domains: tuple[str, ...]
    metrics_token: str
    otel_endpoint: str
    secret_key: str
    meta_url: str
    log_url: str
    store_url: str
    role: Literal["all", "web", "worker"]
    log_level: str
    log_format: str
    max_waiting: int
    max_key_requests: int
    max_key_calls: int
    max_key_bytes: int
    silent_auth: bool
    dedupe_days: int
    fold_batch: int
    result_days: int
    max_result_mb: int
    max_files_mb: int
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
