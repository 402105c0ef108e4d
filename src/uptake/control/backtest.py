"""What commands can ask of outcomes: how well scores told them beforehand."""

import io
from typing import Any

import msgspec

from uptake.control import requests as ask
from uptake.control.requests import Silence, Told
from uptake.core.errors import UptakeError
from uptake.pipeline.jobs import Bench, Kind, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Work
from uptake.pipeline.work.aside import Tell, aside
from uptake.sources.csv_table import CsvUnfit
from uptake.stores.meta.jobs import Job
from uptake.views.backtest import HORIZONS, Backtest, backtest, backtest_of_file, outcomes_by_trait
from uptake.views.base import Unknown


def backtest_kind() -> Kind:
    """How a backtest is made as long work: in a thread of its own, for it only reads.  A restart begins again."""
    return Kind(_backtesting, power="editor")


def _backtesting(bench: Bench, job: Job, product: RunningProduct, _note: Note) -> Work[dict[str, Any]]:
    request = job.request

    def run(tell: Tell) -> Backtest:
        shown = _Steps(_Telling(tell), len(HORIZONS))
        if "trait" in request:
            rows = outcomes_by_trait(product, request["workspace_id"], request["trait"])
            return backtest(product, request["workspace_id"], rows, told=shown)
        with bench.files.input(request["input"]) as path, path.open("rb") as outcomes:
            return backtest_of_file(product, request["workspace_id"], outcomes, told=shown)

    try:
        found = yield from aside(run)
    except CsvUnfit as unfit:
        raise UptakeError(unfit.fault.code, f"The outcomes cannot be read: {unfit}.") from unfit
    except Unknown as error:
        raise UptakeError(error.code, f"{error.message}.") from error
    path = bench.files.making(product.product_id, job.id, "backtest", f"{product.today()}.json")
    path.write_bytes(msgspec.json.encode(found))
    kept = yield from bench.files.offer(path)
    numbers = {"outcomes": found.outcomes, "churned": found.churned, "renewed": found.renewed}
    return {**numbers, "bytes": kept.size_bytes}


class _Telling(Silence):
    """Hands progress on."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def progress(self, done: int, total: int, doing: str) -> None:
        """So much of so much is done."""
        self._tell(done, total, doing)


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
