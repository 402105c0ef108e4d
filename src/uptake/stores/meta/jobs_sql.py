"""Long work over SQLAlchemy Core; see `uptake.stores.meta.jobs` for what is promised."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, and_, delete, func, insert, select, update
from sqlalchemy.engine import Row

from uptake.stores.meta.audit import Entry
from uptake.stores.meta.audit_sql import write_entry
from uptake.stores.meta.jobs import KEPT_JOBS, OVER, Job, TooManyJobs
from uptake.stores.meta.schema import changes, jobs

_decode = msgspec.json.Decoder(Job).decode


class SqlJobStore:
    """A `JobStore` in a database that SQLAlchemy knows."""

    def __init__(self, engine: Engine) -> None:
        """engine: of a meta store whose tables are there."""
        self._engine, self._writing = engine, engine.execution_options(writes=True)

    def all(self, product_id: int) -> Sequence[Job]:
        """A product's jobs, the newest first."""
        wanted = select(jobs).where(jobs.c.product_id == product_id).order_by(jobs.c.id.desc())
        with self._engine.connect() as connection:
            return [_job(row) for row in connection.execute(wanted)]

    def one(self, product_id: int, job_id: int) -> Job | None:
        """The product's job with this id."""
        with self._engine.connect() as connection:
            return _one(connection, product_id, job_id)

    def unfinished(self) -> Sequence[Job]:
        """Every product's jobs that are not over, by id."""
        wanted = select(jobs).where(jobs.c.state.not_in(OVER)).order_by(jobs.c.id)
        with self._engine.connect() as connection:
            return [_job(row) for row in connection.execute(wanted)]

    def add(self, job: Job, entry: Entry | None, *, most: int) -> Job:
        """Keep a job; the id is given here.  Raises TooManyJobs."""
        theirs = jobs.c.product_id == job.product_id
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            waiting = select(func.count()).select_from(jobs).where(theirs, jobs.c.state.not_in(OVER))
            if connection.execute(waiting).scalar_one() >= most:
                raise TooManyJobs
            old = select(jobs.c.id).where(theirs, jobs.c.state.in_(OVER)).order_by(jobs.c.id.desc()).offset(KEPT_JOBS)
            gone = [row.id for row in connection.execute(old)]
            connection.execute(delete(jobs).where(jobs.c.id.in_(gone)))
            row = {"product_id": job.product_id, "state": job.state, "cancel": False, "document": _text(job)}
            key = connection.execute(insert(jobs).values(row)).inserted_primary_key
            if entry is not None:
                write_entry(connection, entry)
        assert key is not None
        return msgspec.structs.replace(job, id=int(key[0]))

    def begin(self, job: Job) -> bool:
        """As `keep`, where nobody has asked that the job end; False where somebody has."""
        row = {"state": job.state, "document": _text(job)}
        this = and_(jobs.c.id == job.id, jobs.c.cancel.is_(False))
        with self._writing.begin() as connection:
            return bool(connection.execute(update(jobs).where(this).values(row)).rowcount)

    def keep(self, job: Job) -> None:
        """Put a job in the place of the one with its id."""
        row = {"state": job.state, "document": _text(job)}
        with self._writing.begin() as connection:
            connection.execute(update(jobs).where(jobs.c.id == job.id).values(row))

    def ask_cancel(self, product_id: int, job_id: int, entry: Entry) -> Job:
        """Write down that an unfinished job shall end.  Raises KeyError."""
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            this = and_(jobs.c.id == job_id, jobs.c.product_id == product_id, jobs.c.state.not_in(OVER))
            if not connection.execute(update(jobs).where(this).values(cancel=True)).rowcount:
                raise KeyError(job_id)
            write_entry(connection, entry)
            found = _one(connection, product_id, job_id)
        assert found is not None
        return found


def _one(connection: Connection, product_id: int, job_id: int) -> Job | None:
    wanted = select(jobs).where(jobs.c.id == job_id, jobs.c.product_id == product_id)
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _job(row)


def _job(row: Row[Any]) -> Job:
    told = _decode(row.document)
    return msgspec.structs.replace(told, id=row.id, product_id=row.product_id, state=row.state, cancel=row.cancel)


def _text(job: Job) -> str:
    return msgspec.json.encode(job).decode()
