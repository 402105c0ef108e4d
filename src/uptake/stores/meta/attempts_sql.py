"""Failed attempts over SQLAlchemy Core; see `uptake.stores.meta.attempts` for what is promised."""

from collections.abc import Callable, Mapping
from hashlib import blake2b

from sqlalchemy import Engine, delete, func, insert, select

from uptake.stores.meta.attempts import Failures
from uptake.stores.meta.schema import attempts, changes


class SqlAttemptStore:
    """An `AttemptStore` in a database that SQLAlchemy knows."""

    def __init__(self, engine: Engine, secret: bytes) -> None:
        """engine: of a meta store whose tables are there.  secret: what subjects are told apart under."""
        self._writing = engine.execution_options(writes=True)
        self._key = blake2b(secret, digest_size=32, person=b"attempts").digest()

    def _digest(self, subject: str) -> bytes:
        return blake2b(subject.encode("utf-8", "surrogatepass"), digest_size=16, key=self._key).digest()

    def change(
        self,
        subjects: tuple[str, ...],
        change: Callable[[Mapping[str, Failures]], Mapping[str, Failures]],
        *,
        forgotten_us: int,
        most: int,
    ) -> None:
        """See `AttemptStore`."""
        digests = {self._digest(subject): subject for subject in subjects}
        of_them = attempts.c.subject.in_(list(digests))
        with self._writing.begin() as connection:
            connection.execute(select(changes.c.id).with_for_update())
            connection.execute(delete(attempts).where(attempts.c.last_us <= forgotten_us))
            found = connection.execute(select(attempts).where(of_them))
            before = {digests[bytes(row.subject)]: Failures(row.times, row.last_us) for row in found}
            after = change(before)
            if after == before:
                return
            connection.execute(delete(attempts).where(of_them))
            rows = [
                {"subject": digest, "times": after[subject].times, "last_us": after[subject].last_us}
                for digest, subject in digests.items()
                if subject in after
            ]
            if rows:
                connection.execute(insert(attempts), rows)
            over = connection.execute(select(func.count()).select_from(attempts)).scalar_one() - most
            if over > 0:
                oldest = select(attempts.c.subject).order_by(attempts.c.last_us, attempts.c.subject).limit(over)
                connection.execute(delete(attempts).where(attempts.c.subject.in_(oldest)))
