"""Erasures in a list: the oracle of the contract suite."""

import msgspec


class MemoryErasureStore:
    """An `ErasureStore` that forgets everything with the process."""

    def __init__(self, meta) -> None:
        self._meta, self._kept, self._last = meta, {}, 0

    def all(self, product_id=None):
        return [each for each in self._kept.values() if product_id in (None, each.product_id)]

    def one(self, product_id, erasure_id):
        found = self._kept.get(erasure_id)
        return found if found and found.product_id == product_id else None

    def add(self, erasure, entry):
        self._last += 1
        made = msgspec.structs.replace(erasure, id=self._last)
        self._kept[made.id] = made
        self._meta._revision += 1
        if entry is not None:
            self._meta.audit.add(entry)
        return made

    def keep(self, erasure):
        self._kept[erasure.id] = erasure

    def withdraw(self, product_id, erasure_id, job_id, entry):
        with self._meta._lock:
            job = self._meta.jobs.one(product_id, job_id)
            if job is None or job.state != "waiting":
                raise KeyError(job_id)
            self._meta.jobs.ask_cancel(product_id, job_id, entry)
            self._kept.pop(erasure_id, None)

    def forget(self, product_id, kind, ids):
        meta = self._meta
        merges = [
            each
            for each in meta.merges.all(product_id)
            if each.kind == kind and (each.merged in ids or each.into in ids)
        ]
        for each in merges:
            meta.merges._kept.remove(each)
        owned = sum(each in meta.care.owners(product_id) for each in ids) if kind == "account" else 0
        notes = sum(meta.care.forget(product_id, kind, each) for each in ids)
        views = [each for each in meta.care._views if each.product_id == product_id and _tells(each, ids)]
        meta.care._views = [each for each in meta.care._views if each not in views]
        meta._revision += 1
        return len(merges) + notes + owned + len(views) + self._unexclude(product_id, f"{kind}s", ids)

    def _unexclude(self, product_id, field, ids):
        had = 0
        for index, version in enumerate(self._meta._versions[product_id]):
            listed = getattr(version.config.exclusions, field)
            left = tuple(each for each in listed if each not in ids)
            had = len(listed) - len(left)
            exclusions = msgspec.structs.replace(version.config.exclusions, **{field: left})
            config = msgspec.structs.replace(version.config, exclusions=exclusions)
            self._meta._versions[product_id][index] = msgspec.structs.replace(version, config=config)
        return had

    def scrub(self):
        """Nothing is on disk."""


def _tells(view, ids):
    return any(each in view.address or each in view.name for each in ids)
