"""The handler of CSV files: traits of users and accounts."""

import io
from typing import Annotated

import msgspec
from litestar import post
from litestar.params import RawBody
from msgspec import Meta

from uptake.core.calls import Projection
from uptake.core.effects import Kind
from uptake.core.errors import UptakeError
from uptake.pipeline.import_csv import CsvPreview, CsvReading, import_csv, preview_csv
from uptake.pipeline.import_file import File, Imported
from uptake.pipeline.product import Clock, RunningProduct
from uptake.stores.log.base import CallLog
from uptake.stores.meta.base import MetaStore
from uptake.web.api.bodies import read_body
from uptake.web.api.operation import Operation
from uptake.web.api.params import asked
from uptake.web.problems import AnyRequest, Refused
from uptake.web.site import managed_product_of, site_of

MOST_FILE_BYTES = 8_000_000
FILE_NAME = "the file"


class CsvAsked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A CSV file, and how it is read.

    kind: whose traits it holds; by default a user's where it has a user's id.  columns: name → `userId`, `groupId`,
    `timestamp`, `traits.KEY` or '' for nothing; a column not named here is what its name says.  again: also where it
    was imported before.
    """

    csv: str
    kind: Kind | None = None
    columns: dict[str, str] = {}
    again: bool = False


class ImportAsked(msgspec.Struct, kw_only=True):
    """Whether to import."""

    preview: Annotated[bool, Meta(description="Only say what the file would become.")] = False


class CsvAnswer(msgspec.Struct, frozen=True):
    """What a file would become, or what became of it."""

    preview: CsvPreview | None = None
    imported: Imported | None = None


class WebLedger:
    """Where an import of one product goes."""

    def __init__(self, meta: MetaStore, product: RunningProduct, clock: Clock) -> None:
        self.meta, self.log, self.product_id = meta, product.log, product.product_id
        self.projection = product.projection
        self._clock = clock

    meta: MetaStore
    log: CallLog
    product_id: int
    projection: Projection

    def clock(self) -> int:
        """Now, µs since 1970 UTC."""
        return self._clock()


@post("/v2/import/csv", status_code=200, sync_to_thread=True)
def run(request: AnyRequest, body: RawBody) -> CsvAnswer:
    """Import traits of users or accounts from a CSV file, or say what it would become."""
    product, running = managed_product_of(request), site_of(request).running
    given = read_body(body, CsvAsked, most=MOST_FILE_BYTES)
    content = given.csv.encode(errors="surrogatepass")
    file = File(FILE_NAME, len(content), lambda: io.BytesIO(content))
    reading = CsvReading(given.kind, given.columns)
    try:
        if asked(request, ImportAsked).preview:
            return CsvAnswer(preview=preview_csv(file, reading, now_us=running.clock()))
        ledger = WebLedger(running.meta, product, running.clock)
        return CsvAnswer(imported=import_csv(file, ledger, reading, again=given.again, told=lambda _done, _all: None))
    except UptakeError as error:
        raise Refused(error.code, error.message) from error


CSV_HANDLERS = (run,)
CSV_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "/v2/import/csv",
        "importCsv",
        "Import traits of users or accounts from a CSV file, or preview what it would become",
        CsvAnswer,
        ImportAsked,
        (
            "config_invalid",
            "read_only_token",
            "invalid_parameter",
            "csv_no_header",
            "csv_column_missing",
            "csv_column_repeated",
            "csv_mapping",
            "csv_not_utf8",
        ),
        method="POST",
        body=CsvAsked,
    ),
)
