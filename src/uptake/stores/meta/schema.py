"""The meta store's tables, as SQLAlchemy sees them.

`HEAD` names the newest migration; a change here needs a new file in `migrations/versions` and a new `HEAD`.  An empty
database gets these tables at once, without Alembic; a test compares them with what the migrations make.  Moments are
µs since 1970 UTC.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    insert,
)

HEAD = "0003"

metadata = MetaData()

products = Table(
    "products",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("revision", Integer, nullable=False),
    sqlite_autoincrement=True,
)

config_versions = Table(
    "config_versions",
    metadata,
    Column("product_id", Integer, ForeignKey("products.id"), primary_key=True, autoincrement=False),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("from_offset", BigInteger, nullable=False),
    Column("saved_us", BigInteger, nullable=False),
    Column("saved_by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("scores_from", String(10)),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("name", String(200), nullable=False),
    Column("hint", String(20), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("sealed", Text),
    Column("created_us", BigInteger, nullable=False),
    Column("revoked_us", BigInteger),
    Index("keys_by_digest", "digest", unique=True),
    sqlite_autoincrement=True,
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("value", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
)
"""One row: a number that grows with every change, so that whoever keeps a copy can ask whether it is still good."""


def create_tables(connection: Connection) -> None:
    """Make every table in an empty database, as the migrations would."""
    metadata.create_all(connection)
    connection.execute(insert(changes).values(id=1, revision=0))
    connection.exec_driver_sql("create table alembic_version (version_num varchar(32) not null primary key)")
    connection.exec_driver_sql(f"insert into alembic_version values ('{HEAD}')")
