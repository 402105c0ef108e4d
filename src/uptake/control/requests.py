"""What a command can ask of an installation: one type a request, as it also travels over the socket.

`product` is a product's name; None stands for the only one.  Days are ISO dates, None for today.
"""

from datetime import date
from typing import Literal, Protocol

import msgspec

from uptake.core.effects import Kind
from uptake.stores.meta.base import KeyKind

Table = Literal["users", "accounts", "memberships", "daily_counts", "scores", "calls"]
"""As `uptake.pipeline.exports.Table`, which would bring Arrow with it."""


class _Request(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask"):
    product: str | None = None


class CreateKey(_Request, frozen=True, tag="create_key"):
    """A new key.  Answer: the listed key and its `text`.  days: how long it is good; None: for ever."""

    kind: KeyKind
    name: str = ""
    days: int | None = None


class ListKeys(_Request, frozen=True, tag="list_keys"):
    """All keys of a product, or of all products.  Answer: a list."""


class RevokeKey(_Request, frozen=True, tag="revoke_key"):
    """Refuse a key from now on, or after a grace time.  Answer: the listed key."""

    id: int
    after_s: int = 0


class ExportConfig(_Request, frozen=True, tag="export_config"):
    """The configuration in force.  Answer: `text`, `revision` and the plain `config`."""


class ApplyConfig(_Request, frozen=True, tag="apply_config"):
    """Put a document in force.  Answer: `revision`, whether it `changed`, and whether a `rebuild` follows.

    create: make the product that `product` names if there is none.  to_history: a changed destination applies to the
    whole log.  publish: how changed scoring models take force, see `Running.change_config`.  dry: only say what would
    change, as `diff`.
    """

    text: str
    prune: bool = False
    create: bool = False
    to_history: bool = False
    publish: Literal["from_now_on", "recompute"] | None = None
    dry: bool = False


class WhatIf(_Request, frozen=True, tag="what_if"):
    """What a document would make of a workspace's ranking on a day; nothing changes.  Answer: a `WhatIf`.

    workspace_id: None for the first.  beside: the document's workspace by name that is held against it, such as one
    that it adds; None for the same.  day: None for the last full one.  most: movers up and down each.
    """

    text: str
    workspace_id: int | None = None
    beside: str | None = None
    day: date | None = None
    most: int = 10


class Check(_Request, frozen=True, tag="check"):
    """Counters, offsets and health; read_log: every call of the log is read, to find what is damaged."""

    read_log: bool = False


class Explain(_Request, frozen=True, tag="explain"):
    """Why a score is what it is.  Answer: an `Explanation`."""

    kind: Kind
    id: str
    workspace_id: int | None = None
    day: date | None = None
    against: date | None = None


class Rebuild(_Request, frozen=True, tag="rebuild"):
    """Make a new generation from the log and swap it in.  Answer: `generation` and `calls`; tells progress."""


class Rescore(_Request, frozen=True, tag="rescore"):
    """Compute the numbers of every kept day anew.  Answer: `days`; tells progress."""


class Settle(_Request, frozen=True, tag="settle"):
    """Wait until the calls logged so far are folded and scored.  Answer: `settled` and `offset`; tells progress."""

    timeout_s: float | None = None


class TestCall(_Request, frozen=True, tag="test_call"):
    """Follow a call through the destination; nothing is stored.  Answer: a `Trace`.

    event: the call as JSON; else offset: a call of the log.  mapping: as JSON, instead of the destination's own.
    """

    event: str = ""
    offset: int | None = None
    mapping: str = ""


class PreviewHistory(_Request, frozen=True, tag="preview_history"):
    """What applying the destination to the whole log would change.  Answer: a `Preview`; tells progress.

    text: a document that changes the configuration first; '' for the one in force.
    """

    text: str = ""


class RunBacktest(_Request, frozen=True, tag="backtest"):
    """Compare scores with what became of accounts.  Answer: a `Backtest`; tells progress.

    outcomes: a CSV text with account, outcome and date; else trait: the one that holds the day of churn.
    workspace: its name; None for the first.
    """

    outcomes: str = ""
    trait: str = ""
    workspace: str | None = None
    horizons: tuple[int, ...] = (30, 60, 90)


class MergeIds(_Request, frozen=True, tag="merge"):
    """Count one id's calls as another's.  Answer: the listed merge and whether a `rebuild` follows."""

    kind: Kind
    merged: str
    into: str


class ListMerges(_Request, frozen=True, tag="merges"):
    """All merges of a product.  Answer: a list."""


class UndoMerge(_Request, frozen=True, tag="undo_merge"):
    """Take a merge back.  Answer: the listed merge and whether a `rebuild` follows."""

    id: int


class Erase(_Request, frozen=True, tag="erase"):
    """Begin to erase a user or account.  Answer: the listed erasure."""

    kind: Kind
    id: str


class CancelErasure(_Request, frozen=True, tag="cancel_erasure"):
    """Take an erasure back that waits.  Answer: nothing."""

    id: int


class ListErasures(_Request, frozen=True, tag="erasures"):
    """Erasures on their way, and receipts.  Answer: a list."""


class AwaitErasure(_Request, frozen=True, tag="await_erasure"):
    """Wait until an erasure is done.  Answer: the listed erasure; tells progress."""

    id: int


class StartJob(_Request, frozen=True, tag="start_job"):
    """Ask for long work; the answer, the listed job, does not wait for it.  table, format: of an export."""

    kind: Literal["rebuild", "recompute", "export", "backup"]
    table: Table = "users"
    format: Literal["csv", "jsonl", "parquet"] = "csv"


class ListJobs(_Request, frozen=True, tag="jobs"):
    """A product's long work, the newest first.  Answer: a list."""


class ShowJob(_Request, frozen=True, tag="job"):
    """A piece of long work with its `log`."""

    id: int


class AwaitJob(_Request, frozen=True, tag="await_job"):
    """Wait until a job is over.  Answer: the listed job; tells progress."""

    id: int


class CancelJob(_Request, frozen=True, tag="cancel_job"):
    """Ask that a job ends at its next step.  Answer: the listed job."""

    id: int


class Export(_Request, frozen=True, tag="export"):
    """All rows of a table.  Answer: `rows`; sends each batch as an Arrow stream of its own."""

    table: Table


class CreateUser(_Request, frozen=True, tag="create_user"):
    """Let somebody in.  Answer: `email`, and `path`, that of a link to accept with; '' where a password is given.

    role: `owner`, or a role in the product.
    """

    email: str
    role: Literal["viewer", "editor", "admin", "owner"]
    password: str = ""


class ResetPassword(_Request, frozen=True, tag="reset_password"):
    """Let somebody in again.  Answer as to `CreateUser`."""

    email: str
    password: str = ""


class ListUsers(_Request, frozen=True, tag="list_users"):
    """Everybody who may sign in.  Answer: a list."""


Request = (
    CreateKey
    | ListKeys
    | RevokeKey
    | ExportConfig
    | ApplyConfig
    | WhatIf
    | Check
    | Explain
    | Rebuild
    | Rescore
    | Settle
    | Export
    | TestCall
    | PreviewHistory
    | CreateUser
    | ResetPassword
    | ListUsers
    | RunBacktest
    | MergeIds
    | ListMerges
    | UndoMerge
    | Erase
    | CancelErasure
    | ListErasures
    | AwaitErasure
    | StartJob
    | ListJobs
    | ShowJob
    | AwaitJob
    | CancelJob
)


class Progress(msgspec.Struct, frozen=True, tag="progress", tag_field="is"):
    """How far a long operation is; `doing`: one word or two for people."""

    done: int
    total: int
    doing: str


class Chunk(msgspec.Struct, frozen=True, tag="chunk", tag_field="is"):
    """So many bytes follow."""

    size: int


class Answer(msgspec.Struct, frozen=True, tag="answer", tag_field="is"):
    """The end of an operation that went well."""

    value: msgspec.Raw


class Fault(msgspec.Struct, frozen=True, tag="fault", tag_field="is"):
    """The end of an operation that did not: an `UptakeError` as it travels."""

    code: str
    message: str
    hint: str = ""
    faults: tuple[tuple[str, str], ...] = ()


Message = Progress | Chunk | Answer | Fault


class Told(Protocol):
    """Whom an operation tells how far it is, and hands bytes to."""

    def progress(self, done: int, total: int, doing: str) -> None:
        """So much of so much is done."""

    def chunk(self, content: bytes) -> None:
        """One piece of an answer too large for one."""


class Silence:
    """Tells nobody."""

    def progress(self, done: int, total: int, doing: str) -> None:
        """Nothing."""

    def chunk(self, content: bytes) -> None:
        """Nothing."""
