"""What is in force for a product while the server runs, as those ask who read: configuration, rules, models, store."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import msgspec

from uptake.core.calls import Projection
from uptake.core.config import ConfigVersion, ProductConfig, Workspace
from uptake.core.days import day_of
from uptake.core.scores import ScoringModel
from uptake.pipeline.configure import projection_of, rules_of
from uptake.pipeline.eras import Eras, model_under, models_on
from uptake.pipeline.fold import Rules
from uptake.pipeline.merges import WhoIsWho, counted_as, counted_config
from uptake.scoring.versions import Reign
from uptake.stores.events.base import EventStore, StoreRules
from uptake.stores.log.base import CallLog

Clock = Callable[[], int]


class InForce:
    """The part of a running product that changes nothing; whoever opens the product sets what it tells of."""

    product_id: int
    _clock: Clock
    _log: CallLog
    _store: EventStore
    _who: WhoIsWho
    _built: ConfigVersion
    _eras: Eras

    def _load(self, versions: list[ConfigVersion]) -> None:
        self._versions = versions
        self._version = versions[-1]
        self._inforce = counted_as(versions, self._who.built)
        self._decided = counted_as(versions, self._who.decided) if self._who.differs else self._inforce
        self._projection = projection_of(self._version.config)
        self._zone = ZoneInfo(self._version.config.time_zone)

    def _version_of(self, revision: int) -> ConfigVersion:
        return next((each for each in self._versions if each.revision == revision), self._versions[-1])

    def _store_rules(self) -> StoreRules:
        """The rules of the rows as they were built, with the names and types of traits, which apply at once."""
        built, latest = rules_of(self._built.config), rules_of(self.version.config)
        return msgspec.structs.replace(
            built,
            display_name=latest.display_name,
            created_at=latest.created_at,
            trait_types=latest.trait_types,
        )

    # ---- what is in force
    @property
    def name(self) -> str:
        """The product's name."""
        return self._version.config.product

    @property
    def store(self) -> EventStore:
        """The event store in force; stays readable for a minute after it is swapped out."""
        return self._store

    @property
    def log(self) -> CallLog:
        """The call log of all products; this one's calls stand under its `product_id`."""
        return self._log

    @property
    def version(self) -> ConfigVersion:
        """The configuration version in force."""
        return self._version

    @property
    def config(self) -> ProductConfig:
        """The configuration in force."""
        return self._version.config

    @property
    def versions(self) -> list[ConfigVersion]:
        """All configuration versions, oldest first."""
        return list(self._versions)

    @property
    def models(self) -> tuple[ScoringModel, ...]:
        """The scoring models in force today, by workspace id."""
        return self._eras[-1].models

    @property
    def projection(self) -> Projection:
        """What ingest keeps of a call's properties, context and unknown fields."""
        return self._projection

    @property
    def zone(self) -> ZoneInfo:
        """The product's time zone."""
        return self._zone

    def model(self, workspace_id: int, day: date | None = None) -> ScoringModel | None:
        """The model of a workspace that scores the day, by default today; None if there is none with this id."""
        models = self.models if day is None else models_on(self._eras, day)
        return next((model for model in models if model.workspace_id == workspace_id), None)

    def reigns(self, workspace_id: int) -> Sequence[Reign]:
        """The versions of a workspace's model that score history, the earliest first; none for an unknown one."""
        return self._inforce.timeline.reigns.get(workspace_id, ())

    def model_under(self, workspace_id: int, config: ProductConfig) -> ScoringModel | None:
        """The model that another configuration makes of a workspace; None where that one has no such workspace."""
        return model_under(counted_config(config, self._who.built), workspace_id, self._store, self.today())

    def model_at(self, workspace_id: int, revision: int) -> ScoringModel | None:
        """The model that a workspace had at a revision, without those whom rules leave out now; None without any."""
        version = next((each for each in self._versions if each.revision == revision), None)
        if version is None:
            return None
        now = self.config
        told = msgspec.structs.replace(version.config, exclusions=now.exclusions, ignored_events=now.ignored_events)
        return self.model_under(workspace_id, told)

    @property
    def rules(self) -> Rules:
        """What logged calls mean, by their offset."""
        return self._inforce.rules

    def workspace(self, workspace_id: int) -> Workspace | None:
        """The configuration of a workspace; None if there is none with this id."""
        return next((each for each in self.config.workspaces if each.id == workspace_id), None)

    def today(self) -> date:
        """The day that the product's zone has now; it is partial."""
        return day_of(self._clock(), self._zone)

    def last_full_day(self) -> date:
        """Yesterday in the product's zone."""
        return self.today() - timedelta(days=1)
