"""The handler of the backtest."""

import io
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import FromPath, RawBody
from msgspec import Meta

from uptake.sources.csv_table import CsvUnfit
from uptake.views.backtest import HORIZONS, Backtest, backtest, backtest_of_file, outcomes_by_trait
from uptake.views.base import Unknown
from uptake.web.api.bodies import read_body
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import managed_product_of

MOST_FILE_BYTES = 8_000_000


class BacktestAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What became of accounts: a CSV text with the columns account, outcome and date, or a trait.

    trait: the account trait that holds the day of churn.  horizons: how many days before the outcome to look.
    """

    outcomes: str | None = None
    trait: str | None = None
    horizons: Annotated[tuple[Annotated[int, Meta(ge=1, le=365)], ...], Meta(min_length=1, max_length=6)] = HORIZONS


@post("/v2/workspaces/{workspace_id:str}/backtest", status_code=200, sync_to_thread=True)
def run(request: AnyRequest, workspace_id: FromPath[str], body: RawBody) -> Backtest:
    """Say how well scores told beforehand which accounts churned, and suggest weights; nothing is changed."""
    product = managed_product_of(request)
    asked = read_body(body, BacktestAsked, most=MOST_FILE_BYTES)
    if not (workspace_id.isascii() and workspace_id.isdigit() and len(workspace_id) < 10):
        raise Unknown("unknown_workspace", f"the product has no workspace {workspace_id!r}")
    if (asked.outcomes is None) == (asked.trait is None):
        raise Refused("missing_outcomes", "expected either outcomes, a CSV text, or trait")
    number = int(workspace_id)
    if asked.trait is not None:
        rows = outcomes_by_trait(product, number, asked.trait)
        return backtest(product, number, rows, horizons=asked.horizons)
    try:
        stream = io.BytesIO((asked.outcomes or "").encode())
        return backtest_of_file(product, number, stream, horizons=asked.horizons)
    except CsvUnfit as unfit:
        raise Refused(unfit.fault.code, str(unfit)) from unfit


BACKTEST_HANDLERS = (run,)
