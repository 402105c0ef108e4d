"""The meta store over SQLAlchemy Core: SQLite in the data folder, PostgreSQL by the same statements.

Every change bumps one counter first, whose row lock (SQLite: the write lock, taken by `begin immediate`) puts changes
in line; so a configuration is read, changed and saved as the next revision with nobody in between.
"""

import importlib
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, create_engine, event, insert, inspect, select, update
from sqlalchemy.engine import ExceptionContext, Row
from sqlalchemy.exc import DatabaseError, OperationalError

from uptake.core.config import ConfigVersion, ProductConfig
from uptake.core.errors import UptakeError
from uptake.stores.meta.attempts_sql import SqlAttemptStore
from uptake.stores.meta.audit_sql import SqlAuditLog
from uptake.stores.meta.base import Key, KeyKind, MetaUnavailable, Product, key_digest
from uptake.stores.meta.care_sql import SqlCareStore
from uptake.stores.meta.erasures_sql import SqlErasureStore
from uptake.stores.meta.jobs_sql import SqlJobStore
from uptake.stores.meta.lead_sql import JOIN, MIGRATION_S, ONE_MIGRATES, AdvisoryLock, allow
from uptake.stores.meta.leases_sql import SqlLeases
from uptake.stores.meta.merges_sql import SqlMergeStore
from uptake.stores.meta.people_sql import SqlPeopleStore
from uptake.stores.meta.schema import HEAD, changes, config_versions, create_tables, facts, keys, products
from uptake.stores.meta.secrets import Seal, hint_of, new_text

_decode = msgspec.json.Decoder(ProductConfig).decode
_BUSY_S = 15


class SqlMetaStore:
    """A `MetaStore` in a database that SQLAlchemy knows."""

    def __init__(self, url: str, secret: bytes) -> None:
        """url: SQLAlchemy's.  secret: what texts of ingest keys are encrypted under.

        Makes the tables or brings them up to date.  Raises UptakeError (E003, E005).
        """
        self._seal = Seal(secret)
        self._engine = create_engine(url)
        event.listen(self._engine, "handle_error", _told, retval=True)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _prepare)
            event.listen(self._engine, "begin", _begin)
        else:
            importlib.import_module("uptake.stores.meta.postgres_wire").bound(self._engine)
        self._writing = self._engine.execution_options(writes=True)
        self.people, self.audit = SqlPeopleStore(self._engine), SqlAuditLog(self._engine)
        self.merges, self.care = SqlMergeStore(self._engine), SqlCareStore(self._engine)
        self.erasures, self.attempts = SqlErasureStore(self._engine), SqlAttemptStore(self._engine, secret)
        shared = self._engine.dialect.name == "postgresql"
        self._lead = AdvisoryLock(self._engine) if shared else None
        self._part = AdvisoryLock(self._engine, JOIN) if shared else None
        self._leases = SqlLeases(self._engine) if shared else None
        self.jobs = SqlJobStore(self._engine)
        try:
            self._migrate()
        except (DatabaseError, MetaUnavailable) as error:
            told, code = getattr(error, "orig", error), "E015" if self._lead else "E003"
            hint = self._engine.url.render_as_string(hide_password=True)
            self.close()
            raise UptakeError(code, f"the meta store cannot be opened: {told}", hint=hint) from error

    def _migrate(self) -> None:
        with self._engine.connect() as connection:
            if _written_by(connection) == HEAD:
                return
        with self._writing.begin() as connection:
            if self._lead is not None:
                allow(connection, MIGRATION_S)
                connection.execute(ONE_MIGRATES)
            written_by = _written_by(connection)
            if not written_by:
                create_tables(connection)
            elif written_by > HEAD:
                raise UptakeError(
                    "E005",
                    f"the data is of version {written_by} and this Uptake knows {HEAD}.",
                    hint="Install the newer Uptake that wrote it.",
                )
            elif written_by < HEAD:
                importlib.import_module("uptake.stores.meta.migrate").upgrade(connection)

    @contextmanager
    def _change(self) -> Iterator[Connection]:
        with self._writing.begin() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            yield connection

    def lead(self) -> bool:
        """See MetaStore."""
        return self._lead is None or self._lead.held()

    def attend(self) -> bool:
        """See MetaStore."""
        return self._part is None or self._part.held()

    def leases(self, products: Collection[int]) -> frozenset[int]:
        """See MetaStore."""
        return frozenset(products) if self._leases is None else self._leases.share(products)

    def holds(self, product_id: int) -> bool:
        """See MetaStore."""
        return self._leases is None or self._leases.holds(product_id)

    def _rows(self, statement: Any) -> list[Row[Any]]:
        with self._engine.connect() as connection:
            return list(connection.execute(statement))

    # ---- for copying
    def rows_of(self, statement: Any) -> list[Row[Any]]:
        """What a statement finds."""
        return self._rows(statement)

    def writing(self) -> AbstractContextManager[Connection]:
        """One transaction, all or nothing."""
        return self._writing.begin()

    def opened_text(self, sealed: str) -> str | None:
        """The text of a key; None where it was sealed under another secret."""
        return self._seal.open(sealed)

    def sealed_text(self, text: str) -> str:
        """The text of a key as it is kept."""
        return self._seal.close(text)

    # ---- products and configurations
    def revision(self) -> int:
        """A number that grows with every change of products, configurations and keys; cheap, for polling."""
        return int(self._rows(select(changes.c.revision))[0].revision)

    def products(self) -> list[Product]:
        """All products by id."""
        return [Product(row.id, row.name, row.revision) for row in self._rows(select(products).order_by(products.c.id))]

    def create_product(self, config: ProductConfig, *, now_us: int, by: str) -> Product:
        """A new product with revision 1 of its configuration; its name is config.product."""
        with self._change() as connection:
            return _added_product(connection, config, now_us=now_us, by=by)

    def create_first_product(self, config: ProductConfig, *, now_us: int, by: str) -> Product | None:
        """See MetaStore."""
        with self._change() as connection:
            if connection.execute(select(products.c.id)).first() is not None:
                return None
            return _added_product(connection, config, now_us=now_us, by=by)

    def config(self, product_id: int) -> ConfigVersion:
        """The version in force.  Raises KeyError for an unknown product."""
        with self._engine.connect() as connection:
            return _in_force(connection, product_id)

    def versions(self, product_id: int) -> list[ConfigVersion]:
        """All versions, oldest first."""
        wanted = select(config_versions).where(config_versions.c.product_id == product_id)
        return [_version(row) for row in self._rows(wanted.order_by(config_versions.c.revision))]

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
        `even_if_equal`.
        """
        with self._writing.connect() as connection:
            connection.execute(update(changes).values(revision=changes.c.revision + 1))
            before = _in_force(connection, product_id)
            config = change(before)
            if config == before.config and not even_if_equal:
                return before  # without a commit: nothing changed, the counter neither
            after = ConfigVersion(product_id, before.revision + 1, from_offset, now_us, by, why, config, scores_from)
            _insert_version(connection, after)
            changed = update(products).where(products.c.id == product_id)
            connection.execute(changed.values(revision=after.revision, name=config.product))
            connection.commit()
        return after

    # ---- keys
    def create_key(
        self, product_id: int, kind: KeyKind, *, name: str, now_us: int, expires_us: int | None = None
    ) -> tuple[Key, str]:
        """A new key and its text, which for a read token is told only now.  Raises KeyError for an unknown product."""
        text = new_text(kind)
        row = {
            "product_id": product_id,
            "kind": kind,
            "name": name,
            "hint": hint_of(text),
            "digest": key_digest(text),
            "sealed": self._seal.close(text) if kind == "ingest" else None,
            "created_us": now_us,
            "expires_us": expires_us,
        }
        with self._change() as connection:
            _in_force(connection, product_id)
            key_id = _added(connection, keys, row)
        secret = text if kind == "ingest" else None
        return Key(key_id, product_id, kind, name, hint_of(text), now_us, None, secret, expires_us), text

    def keys(self, product_id: int) -> list[Key]:
        """All keys of a product by id."""
        return [self._key(row) for row in self._rows(_KEYS.where(keys.c.product_id == product_id))]

    def revoke_key(self, key_id: int, *, at_us: int) -> None:
        """Refuse the key from this moment on.  Raises KeyError for an unknown key."""
        with self._change() as connection:
            done = connection.execute(update(keys).where(keys.c.id == key_id).values(revoked_us=at_us))
            if not done.rowcount:
                raise KeyError(key_id)

    def note_used(self, used_us_by_id: dict[int, int]) -> None:
        """Remember when keys were last used; not a change that others are told of."""
        with self._writing.begin() as connection:
            for key_id, used_us in used_us_by_id.items():
                connection.execute(update(keys).where(keys.c.id == key_id).values(used_us=used_us))

    def find_key(self, text: str) -> Key | None:
        """The key with this text, revoked or not; None if there is none."""
        rows = self._rows(_KEYS.where(keys.c.digest == key_digest(text)))
        return self._key(rows[0]) if rows else None

    def keys_by_digest(self) -> dict[bytes, Key]:
        """Every key of every product by `key_digest` of its text."""
        return {bytes(row.digest): self._key(row) for row in self._rows(_KEYS)}

    def _key(self, row: Row[Any]) -> Key:
        secret = self._seal.open(row.sealed) if row.sealed else None
        return Key(
            id=row.id,
            product_id=row.product_id,
            kind=row.kind,
            name=row.name,
            hint=row.hint,
            created_us=row.created_us,
            revoked_us=row.revoked_us,
            secret=secret,
            expires_us=row.expires_us,
            used_us=row.used_us,
        )

    # ---- facts
    def fact(self, name: str) -> str | None:
        """A small fact by name; None if it was never set."""
        rows = self._rows(select(facts.c.value).where(facts.c.name == name))
        return str(rows[0].value) if rows else None

    def set_fact(self, name: str, value: str) -> None:
        """Set a small fact."""
        self.change_fact(name, lambda _before: value)

    def change_fact(self, name: str, change: Callable[[str | None], str]) -> str:
        """Set a small fact to what `change` makes of it, with nobody in between; return that."""
        with self._writing.begin() as connection:
            connection.execute(select(changes.c.id).with_for_update())  # two first writers of a fact wait in line
            before = connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()
            value = change(before)
            if before is None:
                connection.execute(insert(facts).values(name=name, value=value))
            else:
                connection.execute(update(facts).where(facts.c.name == name).values(value=value))
        return value

    def close(self) -> None:
        """Give files and connections back."""
        for each in (self._lead, self._part, self._leases):
            if each is not None:
                each.close()
        self._engine.dispose()


_KEYS = select(keys).order_by(keys.c.id)


def _told(context: ExceptionContext) -> BaseException | None:
    """What to raise instead of the driver's fault: a lock that is not given, a file or server that is not there."""
    if isinstance(context.sqlalchemy_exception, OperationalError):
        return MetaUnavailable(f"the meta store cannot be used: {context.original_exception}")
    return None


def _added(connection: Connection, table: Table, row: dict[str, Any]) -> int:
    """Insert a row and return the id that it was given."""
    key = connection.execute(insert(table).values(row)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _added_product(connection: Connection, config: ProductConfig, *, now_us: int, by: str) -> Product:
    product_id = _added(connection, products, {"name": config.product, "revision": 1})
    _insert_version(connection, ConfigVersion(product_id, 1, 0, now_us, by, "new product", config))
    return Product(product_id, config.product, 1)


def _in_force(connection: Connection, product_id: int) -> ConfigVersion:
    wanted = select(config_versions).join(
        products,
        (products.c.id == config_versions.c.product_id) & (products.c.revision == config_versions.c.revision),
    )
    row = connection.execute(wanted.where(products.c.id == product_id)).one_or_none()
    if row is None:
        raise KeyError(product_id)
    return _version(row)


def _version(row: Row[Any]) -> ConfigVersion:
    return ConfigVersion(
        product_id=row.product_id,
        revision=row.revision,
        from_offset=row.from_offset,
        saved_us=row.saved_us,
        by=row.saved_by,
        why=row.why,
        config=_decode(row.document),
        scores_from=None if row.scores_from is None else date.fromisoformat(row.scores_from),
    )


def _insert_version(connection: Connection, version: ConfigVersion) -> None:
    connection.execute(
        insert(config_versions).values(
            product_id=version.product_id,
            revision=version.revision,
            from_offset=version.from_offset,
            saved_us=version.saved_us,
            saved_by=version.by,
            why=version.why,
            document=msgspec.json.encode(version.config).decode(),
            scores_from=None if version.scores_from is None else version.scores_from.isoformat(),
        )
    )


def _written_by(connection: Connection) -> str:
    """The migration that the tables are at; '' for an empty database."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.exec_driver_sql("select version_num from alembic_version").scalar() or "")


def _prepare(connection: Any, _record: Any) -> None:
    """Switch off the driver's own transactions (it would begin them too late), and make commits durable."""
    connection.isolation_level = None
    durable = ("journal_mode=wal", "synchronous=full")
    for pragma in (f"busy_timeout={_BUSY_S * 1000}", *durable, "foreign_keys=on", "secure_delete=on"):
        connection.execute(f"pragma {pragma}").close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("begin immediate" if writes else "begin")
