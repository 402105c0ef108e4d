"""Statistics of outcomes that need NumPy and scikit-learn: a bootstrap interval, and weights learnt from outcomes.

Both libraries are large, so that this module is imported by its name when somebody asks for a backtest, and by nobody
else.  Everything drawn by chance follows from a seed.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from uptake.scoring.outcomes import Observed, auc

RESAMPLES = 1_000
INTERVAL = (2.5, 97.5)
FOLDS = 5
STRENGTHS = tuple(float(each) for each in np.logspace(-3, 2, 11))
"""The values of C that are tried: the smaller, the more the coefficients are held down."""

LEAST_OF_EACH = 10
"""Churned and renewed accounts that a regression needs at least."""

HIGHEST_WEIGHT = 10

Floats = NDArray[np.float64]


class Learnt(msgspec.Struct, frozen=True):
    """What a regression of renewal on feature use found.

    coefficients: by feature, of standardised log(1 + times); above 0 where use speaks for renewal.
    weights: by feature, 1–10, in proportion to the coefficient, the greatest being 10; 1 where there is no sign of it.
    strength: the C that predicted best in cross-validation, and auc: of those predictions, each of an account that the
    regression had not seen.
    """

    coefficients: dict[str, float]
    weights: dict[str, int]
    strength: float
    auc: float


def auc_interval(churned: Sequence[float], renewed: Sequence[float], *, seed: int) -> tuple[float, float] | None:
    """The 95 % interval of the AUC by bootstrap: churned and renewed accounts are drawn again, each among themselves.

    None without two of each.
    """
    if len(churned) < 2 or len(renewed) < 2:
        return None
    rng = np.random.default_rng(seed)
    low, high = np.asarray(churned, dtype=np.float64), np.asarray(renewed, dtype=np.float64)
    found = [_auc(rng.choice(low, len(low)), rng.choice(high, len(high))) for _ in range(RESAMPLES)]
    lowest, highest = np.percentile(found, INTERVAL)
    return float(lowest), float(highest)


def _auc(churned: Floats, renewed: Floats) -> float:
    ordered = np.sort(churned)
    below = np.searchsorted(ordered, renewed, "left") + np.searchsorted(ordered, renewed, "right")
    return float(below.sum() / 2 / (len(churned) * len(renewed)))


def learnt(observed: Sequence[Observed], features: Sequence[str], *, seed: int) -> Learnt | None:
    """Learn weights for the features from what became of accounts; None where too few churned or were renewed.

    The number of active users is held constant, so that a large account does not look keen on everything.
    """
    renewed = np.array([not each.churned for each in observed], dtype=np.int64)
    if not features or min(int(renewed.sum()), len(renewed) - int(renewed.sum())) < LEAST_OF_EACH:
        return None
    counts = [[*(each.use.get(feature, 0) for feature in features), each.active_users] for each in observed]
    use = np.log1p(np.array(counts, dtype=np.float64))
    strength, predicted = _best(use, renewed, seed)
    scaled = StandardScaler().fit_transform(use)
    fitted = _regression(strength).fit(scaled, renewed)
    coefficients = {feature: float(each) for feature, each in zip(features, fitted.coef_[0], strict=False)}
    lost = [float(each) for each, stays in zip(predicted, renewed, strict=True) if not stays]
    kept = [float(each) for each, stays in zip(predicted, renewed, strict=True) if stays]
    return Learnt(coefficients, weights_of(coefficients), strength, auc(lost, kept) or 0.0)


def weights_of(coefficients: dict[str, float]) -> dict[str, int]:
    """Whole weights 1–10 in proportion to the coefficients, of which those below 0 count as 0.

    >>> weights_of({"Reporting": 0.8, "Search": 0.2, "Help": -0.5})
    {'Reporting': 10, 'Search': 3, 'Help': 1}
    """
    greatest = max((each for each in coefficients.values() if each > 0), default=0.0)
    if not greatest:
        return dict.fromkeys(coefficients, 1)
    return {
        feature: max(1, int(HIGHEST_WEIGHT * max(0.0, each) / greatest + 0.5)) for feature, each in coefficients.items()
    }


def _best(use: Floats, renewed: NDArray[np.int64], seed: int) -> tuple[float, Floats]:
    """The strength with the least log loss over all folds, and the predictions that it made there."""
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(use, renewed))
    tried = {strength: _predicted(use, renewed, folds, strength) for strength in STRENGTHS}
    best = min(STRENGTHS, key=lambda strength: float(log_loss(renewed, tried[strength])))
    return best, tried[best]


def _predicted(
    use: Floats, renewed: NDArray[np.int64], folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], c: float
) -> Floats:
    """Each account's chance of renewal, by a regression on the folds that it is not in."""
    chances = np.zeros(len(renewed))
    for train, test in folds:
        scaler = StandardScaler().fit(use[train])
        fitted = _regression(c).fit(scaler.transform(use[train]), renewed[train])
        chances[test] = fitted.predict_proba(scaler.transform(use[test]))[:, 1]
    return chances


def _regression(strength: float) -> LogisticRegression:
    return LogisticRegression(C=strength, max_iter=1_000)
