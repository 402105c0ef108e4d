"""What every view stands on: what it needs of a running product, and what a question can be refused with.

Views only read.  `ProductView` is the part of `uptake.pipeline.product.RunningProduct` that they use, so that neither
floor imports the other.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from uptake.core.conditions import Condition
from uptake.core.config import ConfigVersion, ProductConfig, Workspace
from uptake.core.effects import Kind
from uptake.core.scores import ScoringModel
from uptake.scoring.versions import Reign
from uptake.segments.looking_back import looks_back
from uptake.stores.events.base import EventStore
from uptake.stores.log.base import CallLog
from uptake.stores.retained.base import Retained

FIRST_DAY = date(1970, 1, 1)


class StatusView(Protocol):
    """How far a product is; see `uptake.pipeline.product.Status`."""

    @property
    def log_offset(self) -> int:
        """Calls logged."""

    @property
    def folded_offset(self) -> int:
        """Calls folded."""

    @property
    def scored_offset(self) -> int:
        """Calls that the scores in force tell of; −1 while those are of another configuration or day."""

    @property
    def as_of_us(self) -> int | None:
        """When the scores were published; None before the first time."""

    @property
    def revision(self) -> int:
        """The configuration in force."""

    @property
    def scored_revision(self) -> int:
        """The configuration that the scores tell of."""

    @property
    def generation(self) -> int:
        """The event store's generation."""

    @property
    def rebuilding(self) -> bool:
        """Is another generation being made?"""


class ProductView(Protocol):
    """A running product, as far as views read it.  A view takes `store` once and asks it all its questions."""

    @property
    def product_id(self) -> int:
        """The product's id, 1, 2, 3 …"""

    @property
    def name(self) -> str:
        """The product's name."""

    @property
    def retained(self) -> Retained | None:
        """Which calls left the log for the base snapshot; None for none."""

    @property
    def store(self) -> EventStore:
        """The event store in force."""

    @property
    def log(self) -> CallLog:
        """The call log of all products."""

    @property
    def version(self) -> ConfigVersion:
        """The configuration version in force."""

    @property
    def versions(self) -> Sequence[ConfigVersion]:
        """All configuration versions, oldest first."""

    @property
    def models(self) -> Sequence[ScoringModel]:
        """The scoring models in force today, by workspace id."""

    @property
    def zone(self) -> ZoneInfo:
        """The product's time zone."""

    def model(self, workspace_id: int, day: date | None = None) -> ScoringModel | None:
        """The model of a workspace that scores the day, by default today."""

    def reigns(self, workspace_id: int) -> Sequence[Reign]:
        """The versions of a workspace's model that score history, the earliest first."""

    def model_under(self, workspace_id: int, config: ProductConfig) -> ScoringModel | None:
        """The model that another configuration makes of a workspace."""

    def model_at(self, workspace_id: int, revision: int) -> ScoringModel | None:
        """The model that a workspace had at a revision."""

    def workspace(self, workspace_id: int) -> Workspace | None:
        """The configuration of a workspace."""

    def canonical_behind(self, kind: Kind, some_id: str) -> str | None:
        """The id that a merged user's or account's calls count for, by its opaque id or itself; None for others."""

    def today(self) -> date:
        """The day that the product's zone has now."""

    def last_full_day(self) -> date:
        """Yesterday in the product's zone."""

    def status(self) -> StatusView:
        """How far log, fold and scores are."""

    def ensure_scored(self, day: date) -> None:
        """Compute the numbers of a day that has none yet."""

    def ensure_scored_days(self, first: date, last: date) -> None:
        """Compute the numbers of days since the first event that have none yet."""


class Unknown(LookupError):
    """There is no such workspace, account or user: a code of `uptake.core.errors.CODES` and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class BadDay(ValueError):
    """A day for which nothing can be said: not begun, or before 1970."""


def model_of(product: ProductView, workspace_id: int | None, day: date | None = None) -> ScoringModel:
    """The model of a workspace, by default of the first one, that scores a day, by default today.  Raises Unknown."""
    chosen = product.model(product.models[0].workspace_id if workspace_id is None else workspace_id, day)
    if chosen is None:
        known = ", ".join(str(model.workspace_id) for model in product.models)
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id}; it has {known}")
    return chosen


def scored_day(product: ProductView, day: date | None, where: Condition | None = None) -> date:
    """The day itself, by default today, with its numbers computed, and those that `where` compares them with.

    Raises BadDay.
    """
    chosen = begun_day(product, day)
    product.ensure_scored(chosen)
    for days in looks_back(where):
        product.ensure_scored(max(chosen - timedelta(days=days), FIRST_DAY))
    return chosen


def begun_day(product: ProductView, day: date | None) -> date:
    """The day itself, by default today.  Raises BadDay for one that has not begun, or before 1970."""
    today = product.today()
    chosen = today if day is None else day
    if not FIRST_DAY <= chosen <= today:
        raise BadDay(f"expected a day from {FIRST_DAY} to {today} (today in {product.zone.key}), got {chosen}")
    return chosen
