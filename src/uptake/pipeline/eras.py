"""Which scoring models are in force on which day, resolved for the store's state.

A product's days fall into eras: in each of them every workspace has one model.  A model that was published from a day
on begins an era there; the days before keep the model that they had, also when late calls open them again.  Whom rules
leave out is decided by the exclusions in force and by the filter of each model, for what is known today.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from hashlib import blake2b
from itertools import pairwise
from typing import Any

import msgspec

from uptake.core.config import ProductConfig
from uptake.core.scores import ScoringModel
from uptake.pipeline.population import Population, excluded
from uptake.scoring.versions import Timeline, workspace_in
from uptake.stores.events.base import EventStore


class Era(msgspec.Struct, frozen=True):
    """From `first` on, and up to the next one, days are scored under these models, by workspace id.

    The first era of a product begins with `date.min`.
    """

    first: date
    models: tuple[ScoringModel, ...]


Eras = tuple[Era, ...]


def eras_of(timeline: Timeline, store: EventStore, today: date) -> Eras:
    """The eras that a product's versions make, the earliest first."""
    config = timeline.config
    population = Population(excluded(config, store, today), store, today)
    found: dict[int, list[tuple[date, ScoringModel]]] = {}
    for workspace_id, reigning in timeline.reigns.items():
        found[workspace_id] = []
        for reign in reigning:
            told = msgspec.structs.replace(reign.config, ignored_events=config.ignored_events)
            found[workspace_id].append((reign.first, population.counted(reign.workspace, told)))
    firsts = sorted({first for models in found.values() for first, _ in models})
    return tuple(Era(first, tuple(_in_force(models, first) for models in found.values())) for first in firsts)


def models_on(eras: Eras, day: date) -> tuple[ScoringModel, ...]:
    """The models that score a day, by workspace id."""
    return next(era.models for era in reversed(eras) if era.first <= day)


def model_under(config: ProductConfig, workspace_id: int, store: EventStore, today: date) -> ScoringModel | None:
    """The model that a configuration makes of a workspace; None where it has no such workspace."""
    workspace = workspace_in(config, workspace_id)
    if workspace is None:
        return None
    return Population(excluded(config, store, today), store, today).counted(workspace, config)


def by_models(eras: Eras, days: Sequence[date]) -> Iterator[tuple[tuple[ScoringModel, ...], list[date]]]:
    """The days of each era with its models, the latest era first, days in the order given."""
    for era, following in reversed([*pairwise([*eras, None])]):
        assert era is not None
        within = [day for day in days if era.first <= day and (following is None or day < following.first)]
        if within:
            yield era.models, within


def changed_since(before: Eras, after: Eras, store: EventStore) -> date | None:
    """The first day whose numbers differ between the two; None where no number does.

    A workspace that only one of them has does not count.
    """
    firsts = sorted({era.first for era in (*before, *after)})
    found = []
    for first, following in pairwise([*firsts, date.max]):
        then = {model.workspace_id: model for model in models_on(before, first)}
        for model in models_on(after, first):
            old = then.get(model.workspace_id)
            day = None if old is None else _differs_from(old, model, store)
            if day is not None and day < following:
                found.append(max(first, day))
    return min(found, default=None)


def hash_of(eras: Eras) -> str:
    """A digest of what scores are made of, the same after every start."""
    told = [
        (
            era.first,
            model.workspace_id,
            _arithmetic(model),
            sorted(model.excluded_users),
            sorted(model.excluded_accounts),
        )
        for era in eras
        for model in era.models
    ]
    return blake2b(msgspec.json.encode(told, order="deterministic"), digest_size=16).hexdigest()


def _in_force(models: Sequence[tuple[date, ScoringModel]], day: date) -> ScoringModel:
    return next(model for first, model in reversed(models) if first <= day)


def _differs_from(old: ScoringModel, new: ScoringModel, store: EventStore) -> date | None:
    """The first day for which two models of one workspace can have other numbers."""
    if _arithmetic(old) != _arithmetic(new):
        return date.min
    users, accounts = old.excluded_users ^ new.excluded_users, old.excluded_accounts ^ new.excluded_accounts
    return store.first_day_of(users, accounts) if users or accounts else None


def _arithmetic(model: ScoringModel) -> tuple[Any, ...]:
    """What kept numbers depend on beside whom they count: not levels, activation and names of features."""
    return (
        model.weights,
        model.every_event,
        model.window_days,
        model.curve,
        model.account_score,
        model.daily_cap,
        model.half_life_days,
    )
