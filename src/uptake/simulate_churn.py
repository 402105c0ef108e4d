"""Planted causes of churn: which features an account's fate hangs on, known beforehand, so that a backtest can be held
against the truth.

Each account uses each feature more or less than others do, by chance and on its own for every feature.  Whether it
churns depends on its use of the causes alone; the other features are noise.
"""

import math
import random
from collections.abc import Sequence
from datetime import date
from typing import Literal

import msgspec


class Truth(msgspec.Struct, frozen=True):
    """What decides about churn.

    causes: features whose use keeps an account.  noise: features that tell nothing.  spread: by how much accounts
    differ in their use (of its logarithm).  strength: how much of the fate the causes decide; 0 makes it pure chance.
    rate: about how many of the accounts churn, 0 to 1.
    """

    causes: tuple[str, ...] = ("Reporting", "Automation")
    noise: tuple[str, ...] = ("Dashboards", "Collaboration", "Integrations", "Search", "Account basics")
    spread: float = 0.9
    strength: float = 2.0
    rate: float = 0.35


class Fate(msgspec.Struct, frozen=True):
    """What becomes of an account on a day (its index), and how keen it is on each feature, times the average."""

    outcome: Literal["churned", "renewed"]
    day: int
    keen: dict[str, float]


def fates(truth: Truth, accounts: int, *, seed: int, days: int) -> Sequence[Fate]:
    """The fate of each account; outcomes fall into the last fifth of the days."""
    rng = random.Random(seed)
    drawn = [_draw(rng, truth) for _ in range(accounts)]
    bound = sorted(health for health, _ in drawn)[min(accounts - 1, int(accounts * truth.rate))] if drawn else 0.0
    first = max(0, days - max(1, days // 5))
    return [
        Fate("churned" if health < bound else "renewed", rng.randrange(first, days), keen) for health, keen in drawn
    ]


def _draw(rng: random.Random, truth: Truth) -> tuple[float, dict[str, float]]:
    """How well an account is, and its keenness by feature."""
    leaning = {feature: rng.gauss(0, 1) for feature in (*truth.causes, *truth.noise)}
    causes = sum(leaning[feature] for feature in truth.causes) / math.sqrt(max(1, len(truth.causes)))
    health = truth.strength * causes + rng.gauss(0, 1)
    return health, {feature: math.exp(truth.spread * each) for feature, each in leaning.items()}


def day_of(fate: Fate, last: date, days: int) -> date:
    """The day of an outcome, in a product whose last day is `last`."""
    return date.fromordinal(last.toordinal() - (days - 1 - fate.day))
