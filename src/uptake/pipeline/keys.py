"""Making, revoking and rotating keys, each told to the audit log."""

from uptake.core.days import SECOND_US
from uptake.core.errors import UptakeError
from uptake.pipeline.product import Clock
from uptake.pipeline.standing import Standing
from uptake.stores.meta.audit import Entry
from uptake.stores.meta.base import Key, KeyKind, MetaStore

MOST_NAME = 100


class KeyRing:
    """The keys of every product, as those who administer it change them."""

    def __init__(self, meta: MetaStore, clock: Clock) -> None:
        self._meta, self._clock = meta, clock

    def create(
        self, standing: Standing, product_id: int, kind: KeyKind, *, name: str, expires_us: int | None = None
    ) -> tuple[Key, str]:
        """A new key and its text.  Raises UptakeError (`not_permitted`), KeyError for an unknown product."""
        standing.demand("admin", product_id)
        key, text = self._meta.create_key(
            product_id, kind, name=name.strip()[:MOST_NAME], now_us=self._clock(), expires_us=expires_us
        )
        self._tell(standing, key, "key_created")
        return key, text

    def revoke(self, standing: Standing, key_id: int, *, after_s: int = 0) -> Key:
        """Refuse a key from now on, or after a grace time; an earlier end stays.

        Raises UptakeError: `not_permitted`, E008 where there is no such key in a product of theirs.
        """
        key = self._key(standing, key_id)
        wanted_us = self._clock() + after_s * SECOND_US
        at_us = wanted_us if key.revoked_us is None else min(wanted_us, key.revoked_us)
        self._meta.revoke_key(key.id, at_us=at_us)
        self._tell(standing, key, "key_revoked", after=f"refused in {after_s} s" if after_s else "refused at once")
        return self._key(standing, key_id)

    def rotate(self, standing: Standing, key_id: int, *, grace_s: int) -> tuple[Key, str]:
        """A new key of the same kind and name, and its text; the old one is good for the grace time.

        The new one is made first, so that a failure in between leaves the old one good.  Raises UptakeError.
        """
        old = self._key(standing, key_id)
        made = self.create(standing, old.product_id, old.kind, name=old.name, expires_us=old.expires_us)
        self.revoke(standing, old.id, after_s=grace_s)
        return made

    def _key(self, standing: Standing, key_id: int) -> Key:
        for product in self._meta.products():
            if standing.role_in(product.id):
                for key in self._meta.keys(product.id):
                    if key.id == key_id:
                        standing.demand("admin", product.id)
                        return key
        raise UptakeError("E008", f"There is no key {key_id}.", hint="`uptake key list` lists them.")

    def _tell(self, standing: Standing, key: Key, what: str, *, after: str = "") -> None:
        about = f"{key.kind} key {key.id} ({key.hint}…)" + (f" {key.name}" if key.name else "")
        self._meta.audit.add(
            Entry(self._clock(), standing.by, what, key.product_id, about, after=after, address=standing.address)
        )
