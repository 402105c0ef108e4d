"""What commands can ask of outcomes: how well scores told them beforehand."""

import io

from uptake.control import requests as ask
from uptake.control.requests import Told
from uptake.core.errors import UptakeError
from uptake.pipeline.product import RunningProduct
from uptake.sources.csv_table import CsvUnfit
from uptake.views.backtest import Backtest, backtest, backtest_of_file, outcomes_by_trait


def run_backtest(product: RunningProduct, request: ask.RunBacktest, told: Told) -> Backtest:
    """Compare scores with outcomes.  Raises UptakeError for outcomes that cannot be read, Unknown."""
    workspace_id = _workspace_id(product, request.workspace)
    shown = _Steps(told, len(request.horizons))
    if request.trait:
        rows = outcomes_by_trait(product, workspace_id, request.trait)
        return backtest(product, workspace_id, rows, horizons=request.horizons, told=shown)
    try:
        stream = io.BytesIO(request.outcomes.encode(errors="surrogatepass"))
        return backtest_of_file(product, workspace_id, stream, horizons=request.horizons, told=shown)
    except CsvUnfit as unfit:
        raise UptakeError(unfit.fault.code, f"The outcomes cannot be read: {unfit}.") from unfit


class _Steps:
    """Progress over several horizons, each of which begins at 0 again."""

    def __init__(self, told: Told, horizons: int) -> None:
        self._told, self._horizons, self._over = told, horizons, 0

    def __call__(self, done: int, total: int) -> None:
        self._told.progress(self._over * max(total, 1) + done, self._horizons * max(total, 1), "Looking back")
        self._over += done == total


def _workspace_id(product: RunningProduct, name: str | None) -> int | None:
    if name is None:
        return None
    found = next((each for each in product.config.workspaces if name in (each.name, str(each.id))), None)
    if found is None:
        known = ", ".join(repr(each.name) for each in product.config.workspaces)
        raise UptakeError("unknown_workspace", f"There is no workspace {name!r}.", hint=f"There are {known}.")
    return found.id
