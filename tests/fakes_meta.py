"""The meta store in plain lists and dictionaries: the oracle of the contract suite, quick where files do not matter."""

import threading
from collections.abc import Callable, Collection
from datetime import date

import msgspec

from tests.fakes_attempts import MemoryAttemptStore
from tests.fakes_care import MemoryCareStore
from tests.fakes_erasures import MemoryErasureStore
from tests.fakes_jobs import MemoryJobStore
from tests.fakes_people import MemoryAuditLog, MemoryPeopleStore
from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.merges import Merge
from uptake.stores.meta.base import Key, KeyKind, Product, key_digest


class MemoryMetaStore:
    """A `MetaStore` that forgets everything with the process."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._revision = 0
        self._versions: dict[int, list[ConfigVersion]] = {}
        self._keys: list[Key] = []
        self._digests: list[bytes] = []
        self._facts: dict[str, str] = {}
        self.audit = MemoryAuditLog()
        self.people = MemoryPeopleStore(self.audit)
        self.merges = MemoryMergeStore(self)
        self.erasures = MemoryErasureStore(self)
        self.attempts = MemoryAttemptStore()
        self.jobs = MemoryJobStore(self)
        self.care = MemoryCareStore(self.audit)

    def lead(self) -> bool:
        return True

    def attend(self) -> bool:
        return True

    def leases(self, products: Collection[int]) -> frozenset[int]:
        return frozenset(products)

    def holds(self, product_id: int) -> bool:
        return True

    def revision(self) -> int:
        return self._revision

    def products(self) -> list[Product]:
        return [Product(key, each[-1].config.product, each[-1].revision) for key, each in self._versions.items()]

    def create_product(self, config: ProductConfig, *, now_us: int, by: str) -> Product:
        with self._lock:
            product_id = len(self._versions) + 1
            self._versions[product_id] = [ConfigVersion(product_id, 1, 0, now_us, by, "new product", config)]
            self._revision += 1
        return Product(product_id, config.product, 1)

    def create_first_product(self, config: ProductConfig, *, now_us: int, by: str) -> Product | None:
        with self._lock:
            return None if self._versions else self.create_product(config, now_us=now_us, by=by)

    def config(self, product_id: int) -> ConfigVersion:
        return self._versions[product_id][-1]

    def versions(self, product_id: int) -> list[ConfigVersion]:
        return list(self._versions.get(product_id, []))

    def save_config(
        self,
        product_id: int,
        change: Callable[[ConfigVersion], ProductConfig],
        *,
        from_offset: int,
        now_us: int,
        by: str,
        why: str,
        scores_from: date | None = None,
        even_if_equal: bool = False,
    ) -> ConfigVersion:
        with self._lock:
            before = self.config(product_id)
            config = change(before)
            if config == before.config and not even_if_equal:
                return before
            after = ConfigVersion(product_id, before.revision + 1, from_offset, now_us, by, why, config, scores_from)
            self._versions[product_id].append(after)
            self._revision += 1
        return after

    def create_key(
        self, product_id: int, kind: KeyKind, *, name: str, now_us: int, expires_us: int | None = None
    ) -> tuple[Key, str]:
        with self._lock:
            self.config(product_id)
            number = len(self._keys) + 1
            text = f"{number:032x}" if kind == "ingest" else f"upt_read_{number:040x}"
            hint = text[:4] if kind == "ingest" else text[:13]
            key = Key(
                number, product_id, kind, name, hint, now_us, None, text if kind == "ingest" else None, expires_us
            )
            self._keys.append(key)
            self._digests.append(key_digest(text))
            self._revision += 1
        return key, text

    def keys(self, product_id: int) -> list[Key]:
        return [key for key in self._keys if key.product_id == product_id]

    def revoke_key(self, key_id: int, *, at_us: int) -> None:
        with self._lock:
            if not 1 <= key_id <= len(self._keys):
                raise KeyError(key_id)
            self._keys[key_id - 1] = msgspec.structs.replace(self._keys[key_id - 1], revoked_us=at_us)
            self._revision += 1

    def note_used(self, used_us_by_id: dict[int, int]) -> None:
        with self._lock:
            for key_id, used_us in used_us_by_id.items():
                self._keys[key_id - 1] = msgspec.structs.replace(self._keys[key_id - 1], used_us=used_us)

    def find_key(self, text: str) -> Key | None:
        return self.keys_by_digest().get(key_digest(text))

    def keys_by_digest(self) -> dict[bytes, Key]:
        return dict(zip(self._digests, self._keys, strict=True))

    def fact(self, name: str) -> str | None:
        return self._facts.get(name)

    def set_fact(self, name: str, value: str) -> None:
        self._facts[name] = value

    def change_fact(self, name: str, change: Callable[[str | None], str]) -> str:
        with self._lock:
            self._facts[name] = change(self._facts.get(name))
            return self._facts[name]

    def close(self) -> None:
        """Nothing to give back."""


class MemoryMergeStore:
    """A `MergeStore` in a list."""

    def __init__(self, meta: MemoryMetaStore) -> None:
        self._meta, self._kept, self._last = meta, [], 0

    def all(self, product_id: int) -> list[Merge]:
        return [merge for merge in self._kept if merge.product_id == product_id]

    def add(self, product_id, kind, merged, into, *, check, entry) -> Merge:
        with self._meta._lock:
            check(self.all(product_id))
            self._last += 1
            made = Merge(self._last, product_id, kind, merged, into, entry.at_us, entry.by)
            self._kept.append(made)
            self._changed(entry)
        return made

    def drop(self, product_id, merge_id, entry) -> Merge:
        with self._meta._lock:
            found = next((merge for merge in self.all(product_id) if merge.id == merge_id), None)
            if found is None:
                raise KeyError(merge_id)
            self._kept.remove(found)
            self._changed(entry)
        return found

    def _changed(self, entry) -> None:
        self._meta._revision += 1
        self._meta.audit.add(entry)
