"""Exports of whole tables into files.  A restart begins again: half a file is no file."""

from typing import Any

from uptake.core.errors import UptakeError
from uptake.pipeline.exports import Table, exported
from uptake.pipeline.jobs import Bench, Note
from uptake.pipeline.product import RunningProduct
from uptake.pipeline.steps import Step, Work
from uptake.pipeline.table_file import TableFile
from uptake.stores.meta.jobs import Job

FORMATS = ("csv", "jsonl", "parquet")


def exporting(bench: Bench, job: Job, product: RunningProduct, note: Note) -> Work[dict[str, Any]]:
    """Write a table as it is at the first step, a batch a step."""
    table, kind = job.request["table"], job.request["format"]
    ending = f"{table.replace('_', '-')}-{product.today()}.{kind}"
    path = bench.files.making(product.product_id, job.id, "export", ending)
    rows, expected = 0, _expected(bench, product, table)
    with TableFile(path, kind, for_spreadsheets=True) as file:
        for batch in exported(product, bench.log, table):
            file.take(batch)
            rows += batch.num_rows
            if file.size_bytes > bench.files.most_bytes:
                most = f"{bench.files.most_bytes // 1_000_000:,} MB"
                raise UptakeError("job_too_large", f"the file would have more than {most}: use `uptake export`.")
            yield Step(rows, max(rows, expected), "Writing")
    note(f"{rows:,} rows")
    kept = yield from bench.files.offer(path)
    return {"file": ending, "rows": rows, "bytes": kept.size_bytes}


def _expected(bench: Bench, product: RunningProduct, table: Table) -> int:
    """About how many rows there will be; 0 where that is not known."""
    if table == "calls":
        return bench.log.end(product.product_id) - (product.retained.offset if product.retained else 0)
    totals = product.store.totals()
    return {"users": totals.users, "accounts": totals.accounts}.get(table, 0)
