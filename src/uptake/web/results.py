"""Files that long work made, on their way to whoever may have them: a piece at a time, wherever they are kept."""

from collections.abc import Mapping

from litestar.response import Stream

from uptake.pipeline.files import shown_name
from uptake.pipeline.running import Running
from uptake.stores.files.base import KeptFile
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.jobs import Job


def result_of(running: Running, job: Job | None) -> KeptFile | None:
    """What a job made, while it is kept; where it made nothing nobody is asked.  Raises FilesUnavailable."""
    if job is None or job.state != "done" or "bytes" not in job.result:
        return None
    return running.jobs.files.found(job.product_id, job.id)


def results_of(running: Running, product_id: int, jobs: list[Job]) -> dict[int, KeptFile]:
    """What these jobs of a product made and is kept, by job.  Raises FilesUnavailable."""
    made = {each.id for each in jobs if each.state == "done" and "bytes" in each.result}
    kept = running.jobs.files.results(product_id) if made else {}
    return {job_id: file for job_id, file in kept.items() if job_id in made}


def sent(running: Running, job: Job, file: KeptFile, *, by: str, headers: Mapping[str, str]) -> Stream:
    """The file as a download; the audit log tells who took it.  Raises KeyError where it is gone, FilesUnavailable."""
    pieces, name = running.jobs.files.read(file), shown_name(file)
    about = f"{job.kind} {job.id}, {name}"
    running.meta.audit.add(Entry(running.clock(), by, "result_downloaded", job.product_id, about))
    told = {"Content-Length": str(file.size_bytes), "Content-Disposition": f'attachment; filename="{name}"'}
    return Stream(pieces, media_type="application/octet-stream", headers={**headers, **told})
