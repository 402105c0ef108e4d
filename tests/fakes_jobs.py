"""Long work in a list: the oracle of the contract suite."""

import msgspec

from uptake.stores.meta.jobs import KEPT_JOBS, TooManyJobs


class MemoryJobStore:
    """A `JobStore` that forgets everything with the process."""

    def __init__(self, meta) -> None:
        self._meta, self._kept, self._last = meta, {}, 0

    def all(self, product_id):
        return [each for each in reversed(self._kept.values()) if each.product_id == product_id]

    def one(self, product_id, job_id):
        return next((each for each in self.all(product_id) if each.id == job_id), None)

    def unfinished(self):
        return [each for each in self._kept.values() if not each.over]

    def add(self, job, entry, *, most):
        with self._meta._lock:
            theirs = self.all(job.product_id)
            if sum(not each.over for each in theirs) >= most:
                raise TooManyJobs
            for old in [each for each in theirs if each.over][KEPT_JOBS:]:
                del self._kept[old.id]
            self._last += 1
            made = msgspec.structs.replace(job, id=self._last)
            self._kept[made.id] = made
            self._changed(entry)
        return made

    def begin(self, job):
        with self._meta._lock:
            if self._kept[job.id].cancel:
                return False
            self.keep(job)
        return True

    def keep(self, job):
        if job.id in self._kept:
            self._kept[job.id] = msgspec.structs.replace(job, cancel=self._kept[job.id].cancel)

    def ask_cancel(self, product_id, job_id, entry):
        with self._meta._lock:
            found = self.one(product_id, job_id)
            if found is None or found.over:
                raise KeyError(job_id)
            self._kept[job_id] = msgspec.structs.replace(found, cancel=True)
            self._changed(entry)
        return self._kept[job_id]

    def _changed(self, entry):
        self._meta._revision += 1
        if entry is not None:
            self._meta.audit.add(entry)
