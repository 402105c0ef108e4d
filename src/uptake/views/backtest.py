"""Backtest: did the scores of a workspace tell beforehand which accounts would churn, and which weights would have?

Given what became of accounts, their scores are looked up so many days before, and compared with the outcome.  Weights
are suggested and never applied.  Nothing is stored, except numbers of past days that had none yet.
"""

import importlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import IO, Any, Literal

import msgspec
import yaml

from uptake.core.conditions import Trait
from uptake.core.scores import Numbers, ScoringModel
from uptake.scoring.outcomes import DecileOutcome, LevelOutcome, Observed, auc, by_decile, by_level
from uptake.sources.csv_table import CsvFault
from uptake.sources.outcomes import Outcome, day_in, read_outcomes
from uptake.stores.events.base import ListQuery
from uptake.views.base import ProductView, Unknown, model_of

HORIZONS = (30, 60, 90)
"""How many days before an outcome the score is looked at."""

SEED = 7
LISTED_SKIPS = 200
EVERY = 10_000_000

Reason = Literal["unknown_account", "excluded_account", "no_score", "day_not_over"]
Told = Callable[[int, int], None]


class Skipped(msgspec.Struct, frozen=True):
    """An account that is left out, and why; horizon: of the days before its outcome, None for all of them."""

    account: str
    line: int
    reason: Reason
    horizon: int | None = None


class Horizon(msgspec.Struct, frozen=True):
    """How well scores told the outcome so many days before it.

    auc: the chance that a renewed account scored higher than one that churned, with its 95 % bootstrap interval; None
    where there are too few of either.  skipped: reason → accounts.
    """

    days: int
    accounts: int
    churned: int
    renewed: int
    auc: float | None
    auc_low: float | None
    auc_high: float | None
    levels: Sequence[LevelOutcome]
    deciles: Sequence[DecileOutcome]
    skipped: dict[str, int]


class SuggestedWeight(msgspec.Struct, frozen=True):
    """A feature with the weight that outcomes speak for, and the one that it has (None: not in the workspace)."""

    feature: str
    coefficient: float
    weight: int
    present: int | None


class Suggestion(msgspec.Struct, frozen=True):
    """Weights learnt from the use of features `horizon` days before the outcomes; see `uptake.scoring.learning`.

    auc: of the regression's predictions for accounts that it had not seen.  yaml: for `uptake config apply`.
    """

    horizon: int
    accounts: int
    strength: float
    auc: float
    weights: Sequence[SuggestedWeight]
    yaml: str


class Backtest(msgspec.Struct, frozen=True):
    """The whole answer.

    skipped, faults: the first of the accounts that were left out, and of the file's rows that were refused.
    no_suggestion: why there are no weights, '' where there are.
    """

    workspace_id: int
    workspace: str
    window_days: int
    outcomes: int
    churned: int
    renewed: int
    horizons: Sequence[Horizon]
    skipped: Sequence[Skipped]
    suggestion: Suggestion | None
    no_suggestion: str
    faults: Sequence[CsvFault] = ()


def backtest_of_file(
    product: ProductView,
    workspace_id: int | None,
    stream: IO[bytes],
    *,
    horizons: Sequence[int] = HORIZONS,
    told: Told = lambda _done, _total: None,
) -> Backtest:
    """The backtest of outcomes in a CSV file, with the rows that were refused.  Raises CsvUnfit, and as `backtest`."""
    read = read_outcomes(stream)
    found = backtest(product, workspace_id, read.rows, horizons=horizons, told=told)
    return msgspec.structs.replace(found, faults=tuple(read.faults[:LISTED_SKIPS]))


def backtest(
    product: ProductView,
    workspace_id: int | None,
    outcomes: Sequence[Outcome],
    *,
    horizons: Sequence[int] = HORIZONS,
    told: Told = lambda _done, _total: None,
) -> Backtest:
    """Compare scores, as past days are scored now, with what became of accounts.

    outcomes: each account and day once.  horizons: days before the outcome, 1 or more.  told: days looked at, of all.
    Raises Unknown for a workspace.
    """
    learning = importlib.import_module("uptake.scoring.learning")  # by its name: it is large, and rarely needed
    model = model_of(product, workspace_id)
    workspace = product.workspace(model.workspace_id)
    if workspace is None:
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id}")
    counted = [_counted(product, each) for each in outcomes]
    skipped, present = _known(product, model, counted)
    past = _Past(product, model, told)
    seen = {days: past.observed(present, days, skipped) for days in sorted(set(horizons))}
    suggestion, why = _suggestion(product, model, seen, learning)
    return Backtest(
        workspace_id=model.workspace_id,
        workspace=workspace.name,
        window_days=model.window_days,
        outcomes=len(outcomes),
        churned=sum(each.outcome == "churned" for each in outcomes),
        renewed=sum(each.outcome == "renewed" for each in outcomes),
        horizons=[_horizon(days, rows, model, skipped, learning) for days, (rows, _) in seen.items()],
        skipped=skipped[:LISTED_SKIPS],
        suggestion=suggestion,
        no_suggestion=why,
    )


def outcomes_by_trait(product: ProductView, workspace_id: int | None, trait: str) -> list[Outcome]:
    """What became of all accounts by a trait that holds the day on which one churned.

    An account without that day, or with one that is still to come, counts as renewed on the last full day.
    Raises Unknown for a workspace, and where no account has the trait.
    """
    model, last = model_of(product, workspace_id), product.last_full_day()
    store = product.store
    every, _ = store.numbers("account", model, last, ListQuery(sort="tracking_id", descending=False, limit=EVERY))
    having = ListQuery(where=Trait("account", trait, "exists"), limit=EVERY)
    rows, _ = store.numbers("account", model, last, having)
    if not rows:
        raise Unknown("unknown_trait", f"no account has the trait {trait!r}")
    days = {row.tracking_id: day_in(store.traits("account", row.tracking_id).get(trait)) for row in rows}
    found = []
    for row in every:
        day = days.get(row.tracking_id)
        gone = day is not None and day <= last
        found.append(Outcome(row.tracking_id, "churned" if gone else "renewed", day if gone and day else last))
    return found


def _counted(product: ProductView, outcome: Outcome) -> Outcome:
    """The outcome of the account that a merged one's calls count for."""
    into = product.canonical_behind("account", outcome.account)
    return msgspec.structs.replace(outcome, account=into) if into else outcome


def _known(
    product: ProductView, model: ScoringModel, outcomes: Sequence[Outcome]
) -> tuple[list[Skipped], list[Outcome]]:
    """Those whom the workspace does not list, and the others."""
    ids = tuple({each.account for each in outcomes})
    rows, _ = product.store.numbers(
        "account", model, product.last_full_day(), ListQuery(tracking_ids=ids, limit=len(ids))
    )
    known = {row.tracking_id for row in rows}
    skipped: list[Skipped] = []
    present: list[Outcome] = []
    for each in outcomes:
        if each.account in known:
            present.append(each)
        else:
            excluded = each.account in model.excluded_accounts
            skipped.append(Skipped(each.account, each.line, "excluded_account" if excluded else "unknown_account"))
    return skipped, present


class _Past:
    """Accounts as they stood on past days; each day is looked at once."""

    def __init__(self, product: ProductView, model: ScoringModel, told: Told) -> None:
        self._product, self._model, self._told = product, model, told
        self._store = product.store
        self._first_day, self._last_day = self._store.totals().first_day, product.last_full_day()

    def observed(
        self, outcomes: Sequence[Outcome], days: int, skipped: list[Skipped]
    ) -> tuple[list[Observed], list[date]]:
        """Each account so many days before its outcome, and on which day that was; adds those without a score to
        `skipped`."""
        by_day: dict[date, list[Outcome]] = defaultdict(list)
        for each in outcomes:
            by_day[each.day - timedelta(days=days)].append(each)
        found: list[Observed] = []
        on: list[date] = []
        for number, (day, group) in enumerate(sorted(by_day.items())):
            self._told(number, len(by_day))
            rows = self._rows(day, [each.account for each in group])
            for each in group:
                row = rows.get(each.account)
                if row is None or row.first_seen is None:
                    reason: Reason = "day_not_over" if day > self._last_day else "no_score"
                    skipped.append(Skipped(each.account, each.line, reason, days))
                else:
                    found.append(Observed(each.account, each.outcome == "churned", row.score, row.active_users))
                    on.append(day)
        self._told(len(by_day), len(by_day))
        return found, on

    def _rows(self, day: date, accounts: Sequence[str]) -> dict[str, Numbers]:
        if self._first_day is None or not self._first_day <= day <= self._last_day:
            return {}
        query = ListQuery(tracking_ids=tuple(accounts), limit=len(accounts))
        if self._product.model(self._model.workspace_id, day) == self._model:
            self._product.ensure_scored(day)
            rows, _ = self._store.numbers("account", self._model, day, query)
        else:
            with self._store.imagined([self._model], [day]) as store:
                rows, _ = store.numbers("account", self._model, day, query)
        return {row.tracking_id: row for row in rows}


def _horizon(
    days: int, observed: Sequence[Observed], model: ScoringModel, skipped: Iterable[Skipped], learning: Any
) -> Horizon:
    churned = [float(each.score) for each in observed if each.churned]
    renewed = [float(each.score) for each in observed if not each.churned]
    interval = learning.auc_interval(churned, renewed, seed=SEED) or (None, None)
    reasons = Counter(each.reason for each in skipped if each.horizon in (None, days))
    return Horizon(
        days=days,
        accounts=len(observed),
        churned=len(churned),
        renewed=len(renewed),
        auc=auc(churned, renewed),
        auc_low=interval[0],
        auc_high=interval[1],
        levels=by_level(observed, model.levels),
        deciles=by_decile(observed),
        skipped=dict(sorted(reasons.items())),
    )


def _suggestion(
    product: ProductView,
    model: ScoringModel,
    seen: dict[int, tuple[list[Observed], list[date]]],
    learning: Any,
) -> tuple[Suggestion | None, str]:
    """Weights from the first horizon that has enough accounts of both outcomes, or why there are none."""
    features = [feature.name for feature in product.version.config.features if feature.events]
    if not features:
        return None, "The product has no feature with events yet."
    for days, (rows, on) in seen.items():
        used = _with_use(product, model, rows, on)
        found = learning.learnt(used, features, seed=SEED)
        if found is not None:
            return _told_weights(product, model, days, len(rows), found), ""
    least = learning.LEAST_OF_EACH
    return None, f"Weights need at least {least} accounts that churned and {least} that were renewed, with a score."


def _with_use(
    product: ProductView, model: ScoringModel, observed: Sequence[Observed], days: Sequence[date]
) -> list[Observed]:
    pairs = [(each.account, day) for each, day in zip(observed, days, strict=True)]
    use: dict[tuple[str, date], dict[str, int]] = defaultdict(dict)
    for each in product.store.feature_use(model, pairs):
        use[each.account, each.day][each.feature] = each.times
    return [msgspec.structs.replace(each, use=use.get(pair, {})) for each, pair in zip(observed, pairs, strict=True)]


def _told_weights(product: ProductView, model: ScoringModel, days: int, accounts: int, found: Any) -> Suggestion:
    workspace = product.workspace(model.workspace_id)
    assert workspace is not None
    weights = [
        SuggestedWeight(feature, coefficient, found.weights[feature], workspace.features.get(feature))
        for feature, coefficient in found.coefficients.items()
    ]
    snippet = {"workspaces": [{"name": workspace.name, "features": {each.feature: each.weight for each in weights}}]}
    text = yaml.safe_dump(snippet, sort_keys=False, allow_unicode=True)
    return Suggestion(days, accounts, found.strength, found.auc, weights, text)
