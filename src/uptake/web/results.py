"""Files that long work made, on their way to whoever may have them: a piece at a time, wherever they are kept."""

from collections.abc import Iterator, Mapping

from litestar.response import Stream

from uptake.pipeline.files import shown_name
from uptake.pipeline.running import Running
from uptake.stores.files.base import KeptFile
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.jobs import Job


def _made(job: Job) -> bool:
    return job.state == "done" and "bytes" in job.result


def result_of(running: Running, job: Job | None) -> KeptFile | None:
    """What a job made, while it is kept; where it made nothing nobody is asked.  Raises FilesUnavailable."""
    return running.jobs.files.found(job.product_id, job.id) if job and _made(job) else None


def results_of(running: Running, product_id: int, jobs: list[Job]) -> dict[int, KeptFile]:
    """What these jobs of a product made and is kept, by job.  Raises FilesUnavailable."""
    made = {each.id for each in jobs if _made(each)}
    kept = running.jobs.files.results(product_id) if made else {}
    return {job_id: file for job_id, file in kept.items() if job_id in made}


def content_of(running: Running, job: Job | None) -> bytes | None:
    """All of what a job made; None where it is not kept.  Raises FilesUnavailable."""
    file = result_of(running, job)
    pieces = _pieces(running, file) if file else None
    return None if pieces is None else b"".join(pieces)


def sent(running: Running, job: Job, *, by: str, headers: Mapping[str, str]) -> Stream | None:
    """What a job made as a download, which the audit log tells of; None where it is not kept.

    Raises FilesUnavailable.
    """
    file = result_of(running, job)
    pieces = _pieces(running, file) if file else None
    if file is None or pieces is None:
        return None
    name = shown_name(file)
    about = f"{job.kind} {job.id}, {name}"
    running.meta.audit.add(Entry(running.clock(), by, "result_downloaded", job.product_id, about))
    told = {"Content-Length": str(file.size_bytes), "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(pieces, media_type="application/octet-stream", headers={**headers, **told})


def _pieces(running: Running, file: KeptFile) -> Iterator[bytes] | None:
    try:
        return running.jobs.files.read(file)
    except KeyError:  # it went since it was found
        return None
