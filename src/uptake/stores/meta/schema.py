"""The meta store's tables, as SQLAlchemy sees them.

`HEAD` names the newest migration; a change here needs a new file in `migrations/versions` and a new `HEAD`.  An empty
database gets these tables at once, without Alembic; a test compares them with what the migrations make.  Moments are
µs since 1970 UTC.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
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

HEAD = "0009"

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
    Column("expires_us", BigInteger),
    Column("used_us", BigInteger),
    Index("keys_by_digest", "digest", unique=True),
    sqlite_autoincrement=True,
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(300), primary_key=True),
    Column("value", Text, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("email", String(320), nullable=False),
    Column("name", String(200), nullable=False),
    Column("password", String(300), nullable=False),
    Column("subject", String(600)),
    Column("owner", Boolean, nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("disabled_us", BigInteger),
    Index("people_by_email", "email", unique=True),
    Index("people_by_subject", "subject", unique=True),
    sqlite_autoincrement=True,
)
"""subject: null for nobody, so that the index holds one row for each that is there."""

roles = Table(
    "roles",
    metadata,
    Column("person_id", Integer, ForeignKey("people.id"), primary_key=True, autoincrement=False),
    Column("product_id", Integer, ForeignKey("products.id"), primary_key=True, autoincrement=False),
    Column("role", String(10), nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("person_id", Integer, ForeignKey("people.id"), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("seen_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("agent", String(200), nullable=False),
    Column("address", String(60), nullable=False),
    Index("sessions_by_digest", "digest", unique=True),
    sqlite_autoincrement=True,
)

links = Table(
    "links",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("created_us", BigInteger, nullable=False),
    Column("expires_us", BigInteger, nullable=False),
    Column("made_by", String(320), nullable=False),
    Column("email", String(320), nullable=False),
    Column("product_id", Integer, ForeignKey("products.id")),
    Column("role", String(10)),
    Column("person_id", Integer, ForeignKey("people.id")),
    Column("used_us", BigInteger),
    Index("links_by_digest", "digest", unique=True),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Column("what", String(40), nullable=False),
    Column("product_id", Integer),
    Column("about", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("address", String(60), nullable=False),
    sqlite_autoincrement=True,
)
"""Rows are added and never changed; they outlive what they tell of, so that nothing here points elsewhere."""

merges = Table(
    "merges",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("merged", String(500), nullable=False),
    Column("into_id", String(500), nullable=False),
    Column("made_us", BigInteger, nullable=False),
    Column("made_by", Text, nullable=False),
    Index("merges_by_id", "product_id", "kind", "merged", unique=True),
    sqlite_autoincrement=True,
)

notes = Table(
    "notes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("tracking_id", String(500), nullable=False),
    Column("text", Text, nullable=False),
    Column("author", String(320), nullable=False),
    Column("person_id", Integer, ForeignKey("people.id")),
    Column("written_us", BigInteger, nullable=False),
    Index("notes_by_subject", "product_id", "kind", "tracking_id"),
    sqlite_autoincrement=True,
)

owners = Table(
    "owners",
    metadata,
    Column("product_id", Integer, ForeignKey("products.id"), primary_key=True, autoincrement=False),
    Column("account", String(500), primary_key=True),
    Column("person_id", Integer, ForeignKey("people.id"), nullable=False),
)

views = Table(
    "views",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("person_id", Integer, ForeignKey("people.id")),
    Column("name", String(200), nullable=False),
    Column("address", Text, nullable=False),
    Column("saved_us", BigInteger, nullable=False),
    Index("views_by_person", "product_id", "person_id"),
    sqlite_autoincrement=True,
)

erasures = Table(
    "erasures",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("document", Text, nullable=False),
    sqlite_autoincrement=True,
)

attempts = Table(
    "attempts",
    metadata,
    Column("subject", LargeBinary(16), primary_key=True),
    Column("times", Integer, nullable=False),
    Column("last_us", BigInteger, nullable=False),
    Index("attempts_by_last", "last_us"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("product_id", Integer, ForeignKey("products.id"), nullable=False),
    Column("state", String(10), nullable=False),
    Column("cancel", Boolean, nullable=False),
    Column("document", Text, nullable=False),
    Index("jobs_by_product", "product_id", "state"),
    sqlite_autoincrement=True,
)
"""cancel: beside the document, so that whoever asks for it and whoever does the work do not overwrite each other."""

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
