"""Long work: asked for by anybody, done in steps by the process that folds the product, one piece at a time.

A kind of work is a generator: each step is short, and between two of them calls are folded and scored.  What is asked
for, how far it is and what came of it stand in the meta store, so that a restart takes it up again: each kind says in
its own module whether it goes on or begins again.  Ending it closes the generator, which leaves nothing behind.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from uptake.core.errors import UptakeError
from uptake.pipeline.files import Files
from uptake.pipeline.product import Clock, DropStore, RunningProduct
from uptake.pipeline.retention import Archive
from uptake.pipeline.standing import Power
from uptake.pipeline.steps import Step, Work
from uptake.stores.events.base import StoreDamaged
from uptake.stores.files.base import FilesUnavailable
from uptake.stores.log.base import CallLog, LogUnavailable
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import MetaStore, MetaUnavailable
from uptake.stores.meta.jobs import Job, JobKind, JobState, TooManyJobs

log_ = logging.getLogger("uptake.jobs")

Note = Callable[[str], None]

ONCE: tuple[JobKind, ...] = ("rebuild", "recompute")
MOST_WAITING, EVERY = 20, 10**6
MOST_ATTEMPTS = 3
WRITE_EVERY_US = 1_000_000
LONGEST_WAIT_US = 60_000_000
SWEEP_EVERY_US = 600_000_000

JOB_WORDS: dict[JobKind, str] = {
    "rebuild": "Rebuild",
    "recompute": "Recompute scores",
    "import": "Import",
    "export": "Export",
    "erase": "Erase",
    "backtest": "Backtest",
    "backup": "Backup",
}


class Bench(msgspec.Struct, frozen=True):
    """What the work of every kind has at hand."""

    meta: MetaStore
    log: CallLog
    files: Files
    clock: Clock
    drop_store: DropStore
    archive: Archive | None = None


class Kind(msgspec.Struct, frozen=True):
    """How a kind of work is done.

    work: makes the generator, whose end is the result; the last argument adds a line to the log.  power: who may ask
    for it and see it.  withdraw: for what cannot be ended once it has begun, takes it back while it waits, and raises
    KeyError where it does not any more; None for what can be ended at any step.  gives_up: does it fail where it broke
    off several times, or is it tried until it is done?
    """

    work: Callable[[Bench, Job, RunningProduct, Note], Work[dict[str, Any]]]
    power: Power = "admin"
    withdraw: Callable[[Bench, Job, Entry], None] | None = None
    gives_up: bool = True


class _Active(msgspec.Struct):
    """A job that is being worked at; ended: as it is to be kept once it is over."""

    job: Job
    work: Work[dict[str, Any]]
    written_us: int
    ended: Job | None = None


class Jobs:
    """Asks for long work, and does it step by step."""

    def __init__(self, bench: Bench, kinds: Mapping[JobKind, Kind]) -> None:
        """To `kinds` may be added what is done by floors above, to `instead` what is to be done where a kind is not."""
        self._bench, self.kinds = bench, dict(kinds)
        self.meta, self.files, self.clock = bench.meta, bench.files, bench.clock
        self.instead: dict[JobKind, UptakeError] = {}
        self._unfinished: list[Job] = []
        self._active: dict[int, _Active] = {}
        self._rest_until_us: dict[int, int] = {}
        self._swept_us = -SWEEP_EVERY_US

    @property
    def unfinished(self) -> list[Job]:
        """What waits or is being done, as far as it was looked for."""
        return list(self._unfinished)

    # ---- asking
    def ask(
        self, product_id: int, kind: JobKind, request: dict[str, Any] | None = None, *, by: str, always: bool = False
    ) -> Job:
        """Ask for work; a rebuild or recomputation that waits already is not asked for twice.

        always: however much waits.  Raises UptakeError (too_many_jobs, job_impossible, or what `instead` says).
        """
        if kind not in self.kinds:
            told = f"{JOB_WORDS[kind].lower()}: this installation cannot do that as long work"
            raise self.instead.get(kind) or UptakeError("job_impossible", told)
        waiting = self._same(product_id, kind) if kind in ONCE else None
        if waiting:
            return waiting
        now_us = self.clock()
        job = Job(0, product_id, kind, by, now_us, request or {}).noted(now_us, "asked for")
        entry = Entry(now_us, by, "job_asked", product_id, JOB_WORDS[kind])
        try:
            made = self.meta.jobs.add(job, entry, most=EVERY if always else MOST_WAITING)
        except TooManyJobs as error:
            raise UptakeError("too_many_jobs", f"{MOST_WAITING} pieces of work wait already") from error
        self.look_again()
        return made

    def _same(self, product_id: int, kind: JobKind) -> Job | None:
        """One that waits and whose end nobody asked for."""
        waiting = (each for each in self.meta.jobs.unfinished() if each.state == "waiting" and not each.cancel)
        return next((each for each in waiting if (each.product_id, each.kind) == (product_id, kind)), None)

    def cancel(self, product_id: int, job_id: int, *, by: str) -> Job:
        """Ask that work ends at its next step.  Raises UptakeError (unknown_job, job_over, job_goes_on)."""
        job = self._endable(product_id, job_id)
        entry = Entry(self.clock(), by, "job_cancel_asked", product_id, f"{JOB_WORDS[job.kind]} {job_id}")
        kind = self.kinds.get(job.kind)
        try:
            if kind and kind.withdraw:
                kind.withdraw(self._bench, job, entry)
            else:
                self.meta.jobs.ask_cancel(product_id, job_id, entry)
        except KeyError:  # it has gone on meanwhile
            self._endable(product_id, job_id)
            raise
        self.look_again()
        return self.found(product_id, job_id)

    def _endable(self, product_id: int, job_id: int) -> Job:
        """The product's job, which may be ended.  Raises UptakeError (unknown_job, job_over, job_goes_on)."""
        job = self.found(product_id, job_id)
        if job.over:
            raise UptakeError("job_over", f"job {job_id} is {job.state} already")
        if not self.may_end(job):
            raise UptakeError("job_goes_on", f"job {job_id} cannot be ended: half of it would be worse than all of it")
        return job

    def found(self, product_id: int, job_id: int) -> Job:
        """The product's job.  Raises UptakeError (unknown_job)."""
        job = self.meta.jobs.one(product_id, job_id)
        if job is None:
            raise UptakeError("unknown_job", f"the product has no job {job_id}")
        return job

    def may_end(self, job: Job) -> bool:
        """May somebody ask that it ends?  A rebuild that the configuration needs would only begin again."""
        kind = self.kinds.get(job.kind)
        ends = kind is None or kind.withdraw is None or job.state == "waiting"
        return ends and not job.over and not job.cancel and not job.request.get("due")

    def open(self, product_id: int, *kinds: JobKind) -> list[Job]:
        """The product's jobs of these kinds that are not over, as far as this process knows."""
        return [each for each in self._unfinished if each.product_id == product_id and each.kind in kinds]

    def at_hand(self, product_id: int) -> Job | None:
        """The product's job that this process works at, as far as it has come."""
        active = self._active.get(product_id)
        return active.job if active else None

    # ---- working
    def look_again(self) -> None:
        """Take what was asked for into account."""
        self._unfinished = list(self.meta.jobs.unfinished())

    def step(self, product: RunningProduct, *, behind: bool) -> bool:
        """Do one step of the product's first job; True if there may be more to do at once.

        behind: calls wait to be folded; then work takes at most a third of the time.
        """
        product_id = product.product_id
        job = next((each for each in self._unfinished if each.product_id == product_id), None)
        if job is None or (behind and self._rests(product_id)):
            return False
        started_us = self.clock()
        active = self._active.get(product_id)
        if job.cancel or (active and active.ended):
            more = self._over(active or _Active(job, _nothing(), started_us), "cancelled")
        else:
            active = active or self._begun(job, product)
            more = self._stepped(active) if active else True
        self._rest_until_us[product_id] = self.clock() + 2 * (self.clock() - started_us)
        return more

    def let_go(self, product_id: int) -> None:
        """Stop working at the product's job; it is taken up again later."""
        active = self._active.pop(product_id, None)
        if active:
            active.work.close()

    def sweep(self) -> None:
        """Delete results that are too old, and what was left behind, now and then."""
        if 0 <= self.clock() - self._swept_us < SWEEP_EVERY_US:
            return
        self._swept_us = self.clock()
        read = inputs_of(self.meta.jobs.unfinished())
        try:
            self.files.sweep(read, self.clock())
        except FilesUnavailable as error:
            log_.warning("files_stay", extra={"why": str(error)})

    def close(self) -> None:
        """Stop working; the next start goes on."""
        for product_id in list(self._active):
            self.let_go(product_id)

    def _rests(self, product_id: int) -> bool:
        # A clock that was set back must not put the work off for long.
        return 0 < self._rest_until_us.get(product_id, 0) - self.clock() <= LONGEST_WAIT_US

    def _begun(self, job: Job, product: RunningProduct) -> _Active | None:
        """The job as it is worked at from now on; None where somebody has asked meanwhile that it end."""
        now_us = self.clock()
        words = "begun" if job.state == "waiting" else "taken up again"
        begun = msgspec.structs.replace(job, state="running", begun_us=job.begun_us or now_us).noted(now_us, words)
        if not self.meta.jobs.begin(begun):
            self.look_again()
            return None
        active = _Active(begun, _nothing(), now_us)

        def note(words: str) -> None:
            active.job = active.job.noted(self.clock(), words)

        kind = self.kinds.get(job.kind)
        active.work = kind.work(self._bench, begun, product, note) if kind else _impossible(job)
        self._active[product.product_id] = active
        return active

    def _stepped(self, active: _Active) -> bool:
        """Ask for the next step, and write down what it says."""
        broke = True
        try:
            step = next(active.work)
            broke = False
        except StopIteration as end:
            broke = False
            return self._over(active, "done", result=end.value)
        except UptakeError as error:
            broke = False
            return self._over(active, "failed", code=error.code, message=error.message)
        except OSError as error:
            broke = False
            message = f"a file cannot be read or written: {error.strerror}."
            return self._over(active, "failed", code="E007", message=message)
        except (StoreDamaged, MetaUnavailable, KeyboardInterrupt):  # no fault of the work: it is begun again
            broke = False
            self.let_go(active.job.product_id)
            raise
        except (LogUnavailable, FilesUnavailable):
            broke = False
            self.let_go(active.job.product_id)
            return False
        finally:
            if broke:  # a fault of our own, which the worker logs
                self._broken(active)
        self._told(active, step)
        return not step.idle

    def _told(self, active: _Active, step: Step) -> None:
        before = active.job
        place = before.place if step.place is None else step.place
        active.job = msgspec.structs.replace(before, done=step.done, total=step.total, words=step.words, place=place)
        if step.words != before.words and step.words:
            active.job = active.job.noted(self.clock(), step.words.lower())
        if abs(self.clock() - active.written_us) >= WRITE_EVERY_US or step.words != before.words:
            self._keep(active)

    def _keep(self, active: _Active) -> None:
        self.meta.jobs.keep(active.job)
        active.written_us = self.clock()
        self._unfinished = [active.job if each.id == active.job.id else each for each in self._unfinished]

    def _over(self, active: _Active, state: JobState, **told: Any) -> bool:
        """Keep what came of a job; again where the meta store could not be written before."""
        active.work.close()
        if active.ended is None:
            job, now_us = active.job, self.clock()
            done = job.total if state == "done" else job.done
            words = f"{state}: {told['message']}" if told.get("message") else state
            ended = msgspec.structs.replace(job, state=state, done_us=now_us, done=done, place={}, **told)
            active.ended = ended.noted(now_us, words)
        ended = active.ended
        self._active[ended.product_id] = active
        self.meta.jobs.keep(ended)
        del self._active[ended.product_id]
        self.files.drop_input(ended.request.get("input"))
        self.look_again()
        log_.info("job_over", extra={"job": ended.id, "kind": ended.kind, "state": ended.state})
        return True

    def _broken(self, active: _Active) -> None:
        """Begin it again next time, but not for ever."""
        job = msgspec.structs.replace(active.job, attempts=active.job.attempts + 1)
        active.job = job.noted(self.clock(), "broke off")
        self.let_go(job.product_id)
        kind = self.kinds.get(job.kind)
        if job.attempts >= MOST_ATTEMPTS and not job.request.get("due") and (kind is None or kind.gives_up):
            self._over(active, "failed", code="internal", message="it broke off again and again; see the server's log.")
        else:
            self._keep(active)


def inputs_of(jobs: Iterable[Job]) -> set[str]:
    """The files that these jobs are yet to read."""
    return {each.request["input"] for each in jobs if "input" in each.request}


def _nothing() -> Work[dict[str, Any]]:
    """Work that is over at once."""
    yield from ()
    return {}


def _impossible(job: Job) -> Work[dict[str, Any]]:
    """The work of a kind that this installation cannot do."""
    yield Step(0, 0, "")
    raise UptakeError("job_impossible", f"{JOB_WORDS[job.kind].lower()}: this installation cannot do that.")
