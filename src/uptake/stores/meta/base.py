"""The meta store's promise: products, configuration versions, keys and small facts that nothing else can rebuild."""

from collections.abc import Callable, Collection, Sequence
from datetime import date
from hashlib import sha256
from typing import Literal, Protocol, TypeVar

import msgspec

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.errors import UptakeError
from uptake.stores.meta.attempts import AttemptStore
from uptake.stores.meta.audit import AuditLog
from uptake.stores.meta.care import CareStore
from uptake.stores.meta.erasures import ErasureStore
from uptake.stores.meta.jobs import JobStore
from uptake.stores.meta.merges import MergeStore
from uptake.stores.meta.people import PeopleStore

KeyKind = Literal["ingest", "read", "manage"]


class Product(msgspec.Struct, frozen=True):
    """A measured app: id 1, 2, 3 …, name, and the revision of its configuration in force."""

    id: int
    name: str
    revision: int


class Key(msgspec.Struct, frozen=True):
    """A key as it may be shown.

    hint: the first characters.  revoked_us: from then on refused (may lie in the future: a grace time); None while
    good.  secret: an ingest key's text (at rest it is encrypted); None for a read token.  expires_us: from then on
    refused, as it was made to be; None: never.  used_us: about when it was last used.
    """

    id: int
    product_id: int
    kind: KeyKind
    name: str
    hint: str
    created_us: int
    revoked_us: int | None = None
    secret: str | None = None
    expires_us: int | None = None
    used_us: int | None = None

    def good(self, now_us: int) -> bool:
        """Is the key accepted now?"""
        return all(end is None or end > now_us for end in (self.revoked_us, self.expires_us))


class MetaUnavailable(Exception):
    """The meta store cannot be read or written now, as when another program holds its lock; nothing was changed."""


class ConfigConflict(Exception):
    """Somebody saved another revision meanwhile."""


class MetaStore(Protocol):
    """Safe for several threads and, on one machine, several processes.  Everything raises MetaUnavailable."""

    @property
    def people(self) -> PeopleStore:
        """Who may sign in."""

    @property
    def audit(self) -> AuditLog:
        """Who did what."""

    @property
    def attempts(self) -> AttemptStore:
        """How often somebody failed to sign in lately."""

    @property
    def merges(self) -> MergeStore:
        """Which users and accounts are one."""

    @property
    def erasures(self) -> ErasureStore:
        """Who was erased, and who is to be."""

    @property
    def jobs(self) -> JobStore:
        """Long work."""

    @property
    def care(self) -> CareStore:
        """Notes, owners of accounts, saved views."""

    def lead(self) -> bool:
        """May this process fold, score and rebuild?  One at a time may, until it closes the store or loses its server.

        True in the data folder's own file, whose one process is known by the folder's lock.  Cheap, for asking often.
        """

    def attend(self) -> bool:
        """Take part beside other processes, without any product; nobody leads until the store is closed or the server
        lost.  False while another process leads.  Cheap, for asking often.  True in the data folder's own file.
        """

    def leases(self, products: Collection[int]) -> frozenset[int]:
        """Which of these products this process may fold, score and rebuild now, and no other process.

        For processes that share the products: each asks now and then, and gets an even share.  A lease lasts until it
        is given up by a later answer, the store is closed, or the server is lost.  None while another process leads.
        All of the products in the data folder's own file.
        """

    def holds(self, product_id: int) -> bool:
        """Is the product, of `leases`, still for this process alone?  Asks the server."""

    def revision(self) -> int:
        """A number that grows with every change of products, configurations and keys; cheap, for polling."""

    def products(self) -> list[Product]:
        """All products by id."""

    def create_product(self, config: ProductConfig, *, now_us: int, by: str) -> Product:
        """A new product with revision 1 of its configuration; its name is config.product."""

    def create_first_product(self, config: ProductConfig, *, now_us: int, by: str) -> Product | None:
        """A new product where there is none yet, however many ask at once; None where there is one."""

    def config(self, product_id: int) -> ConfigVersion:
        """The version in force.  Raises KeyError for an unknown product."""

    def versions(self, product_id: int) -> list[ConfigVersion]:
        """All versions, oldest first."""

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
        """Save what `change` makes of the version in force as the next one, atomically; return it.

        Where the result equals the version in force nothing is saved and that version is returned, unless
        `even_if_equal` (the same destination from another offset on, the same models from another day on).
        """

    def create_key(
        self, product_id: int, kind: KeyKind, *, name: str, now_us: int, expires_us: int | None = None
    ) -> tuple[Key, str]:
        """A new key and its text, which for a read token is told only now."""

    def keys(self, product_id: int) -> list[Key]:
        """All keys of a product by id."""

    def revoke_key(self, key_id: int, *, at_us: int) -> None:
        """Refuse the key from this moment on."""

    def note_used(self, used_us_by_id: dict[int, int]) -> None:
        """Remember when keys were last used.  The revision stays: whoever keeps a copy of keys needs no new one."""

    def find_key(self, text: str) -> Key | None:
        """The key with this text, revoked or not; None if there is none."""

    def keys_by_digest(self) -> dict[bytes, Key]:
        """Every key of every product by `key_digest` of its text, for whoever must know keys without asking."""

    def fact(self, name: str) -> str | None:
        """A small fact by name (a generation in force, an import's progress); None if it was never set."""

    def set_fact(self, name: str, value: str) -> None:
        """Set a small fact."""

    def change_fact(self, name: str, change: Callable[[str | None], str]) -> str:
        """Set a small fact to what `change` makes of it, with nobody in between; return that."""

    def close(self) -> None:
        """Give files back."""


class _HasName(Protocol):
    @property
    def name(self) -> str:
        """What an operator calls it."""


_Named = TypeVar("_Named", bound=_HasName)


def chosen(products: Sequence[_Named], name: str | None) -> _Named:
    """The product with this name; without a name the only one.  Raises UptakeError (E008)."""
    found = [product for product in products if name in (None, product.name)]
    if len(found) == 1:
        return found[0]
    names = ", ".join(repr(product.name) for product in products)
    what = f"There is no product {name!r}." if name else "There are several products."
    raise UptakeError("E008", what, hint=f"Name one with --product: {names}.")


def key_digest(text: str) -> bytes:
    """What a key is found by; keys are random, so that a plain digest cannot be turned back."""
    return sha256(text.encode(errors="surrogatepass")).digest()


def by_id(products: Sequence[Product], product_id: int) -> Product | None:
    """The product with this id."""
    return next((product for product in products if product.id == product_id), None)
