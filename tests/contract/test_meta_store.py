"""What every meta store promises, asked of SQLite, PostgreSQL and the oracle in memory; and what is an engine's own."""

import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import date

import msgspec
import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.fakes_meta import MemoryMetaStore
from uptake.core.config import Exclusions, Feature, Mapping, ProductConfig, Segment, Workspace
from uptake.core.errors import UptakeError
from uptake.stores.meta import migrate, sql
from uptake.stores.meta.audit import AuditQuery, Entry
from uptake.stores.meta.base import MetaUnavailable, by_id
from uptake.stores.meta.migrate import MIGRATIONS, upgrade
from uptake.stores.meta.schema import HEAD, create_tables, metadata
from uptake.stores.meta.sql import SqlMetaStore

SECRET = b"a secret of at least 32 characters"


def sqlite_store(folder, secret=SECRET):
    return SqlMetaStore(f"sqlite:///{folder}/meta.sqlite", secret)


@pytest.fixture(params=["sqlite", "postgres", "memory"])
def meta(request, tmp_path):
    if request.param == "memory":
        store = MemoryMetaStore()
    elif request.param == "postgres":
        store = SqlMetaStore(request.getfixturevalue("databases")(), SECRET)
    else:
        store = sqlite_store(tmp_path)
    yield store
    store.close()


def product(meta, name="Acme App"):
    return meta.create_product(ProductConfig(product=name), now_us=1, by="setup")


def save(meta, product_id, **changes):
    return meta.save_config(
        product_id,
        lambda before: msgspec.structs.replace(before.config, **changes),
        from_offset=7,
        now_us=9,
        by="ana",
        why="because",
    )


def test_a_new_store_is_empty(meta):
    """It has no products, no keys and no facts."""
    assert meta.products() == []
    assert meta.keys(1) == []
    assert meta.keys_by_digest() == {}
    assert meta.fact("anything") is None


def test_products_are_numbered_from_one(meta):
    """The first product has id 1 and revision 1 of what it was made with."""
    first, second = product(meta), product(meta, "Bob's")

    assert (first.id, second.id) == (1, 2)
    assert meta.products() == [first, second]
    assert by_id(meta.products(), 2).name == "Bob's"
    assert meta.config(1).config == ProductConfig(product="Acme App")
    assert (meta.config(1).revision, meta.config(1).from_offset, meta.config(1).saved_us) == (1, 0, 1)


def test_a_saved_configuration_comes_back_whole(meta):
    """Every field survives, nested ones too, and the product takes its new name."""
    product(meta)
    config = ProductConfig(
        product="Acme App 2",
        time_zone="Europe/Berlin",
        features=(Feature("Reporting", events=("Report_Created",)),),
        workspaces=(Workspace("Engagement", id=1, features={"Reporting": 8}, filter='account.plan = "pro"'),),
        segments=(Segment("Big", "account", "Engagement", where='account.plan = "zwei"'),),
    )
    config = msgspec.structs.replace(
        config, destination=msgspec.structs.replace(config.destination, mappings=(Mapping("T", "track", "a = 1"),))
    )

    day = date(2026, 3, 1)
    saved = meta.save_config(1, lambda _: config, from_offset=7, now_us=9, by="ana", why="because", scores_from=day)

    assert saved == meta.config(1)
    assert saved.config == config
    assert (saved.revision, saved.from_offset, saved.saved_us, saved.by, saved.why) == (2, 7, 9, "ana", "because")
    assert (saved.scores_from, meta.versions(1)[0].scores_from) == (day, None)
    assert meta.products()[0].name == "Acme App 2"
    assert meta.products()[0].revision == 2


def test_versions_are_kept_oldest_first(meta):
    """Every revision can be read again, and those of another product are not among them."""
    product(meta)
    product(meta, "Bob's")
    save(meta, 1, currency="EUR")
    save(meta, 1, currency="CHF")

    assert [each.revision for each in meta.versions(1)] == [1, 2, 3]
    assert [each.config.currency for each in meta.versions(1)] == ["USD", "EUR", "CHF"]
    assert [each.revision for each in meta.versions(2)] == [1]


def test_a_change_that_changes_nothing_saves_nothing(meta):
    """The version in force is returned, and the store's revision stays."""
    product(meta)
    before = meta.revision()

    same = save(meta, 1, currency="USD")

    assert same.revision == 1
    assert meta.revision() == before
    assert len(meta.versions(1)) == 1


def test_a_change_that_fails_leaves_everything_as_it_was(meta):
    """What the change raises comes out, and nothing of it is kept."""
    product(meta)
    before = meta.revision()

    def fail(_):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        meta.save_config(1, fail, from_offset=0, now_us=9, by="ana", why="")

    assert meta.revision() == before
    assert meta.config(1).revision == 1
    assert save(meta, 1, currency="EUR").revision == 2


def test_merges_are_kept_by_product(meta):
    """Each grows the revision and is told to the audit log; a check that fails keeps nothing; ids come once."""
    product(meta)
    product(meta, "Bob's")
    before = meta.revision()

    first = meta.merges.add(1, "user", "bob", "ana", check=lambda present: None, entry=entry("ids_merged"))
    second = meta.merges.add(1, "account", "acme-inc", "acme", check=lambda present: None, entry=entry("ids_merged"))

    assert meta.revision() == before + 2
    assert meta.merges.all(1) == [first, second]
    assert meta.merges.all(2) == []
    assert (first.kind, first.merged, first.into, first.made_us, first.by) == ("user", "bob", "ana", 5, "ana")

    def fail(present):
        assert present == [first, second]
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        meta.merges.add(1, "user", "eve", "ana", check=fail, entry=entry("ids_merged"))
    with pytest.raises(KeyError):
        meta.merges.drop(2, first.id, entry("merge_undone"))
    assert meta.merges.drop(1, first.id, entry("merge_undone")) == first
    assert meta.merges.all(1) == [second]
    third = meta.merges.add(1, "user", "bob", "ana", check=lambda present: None, entry=entry("ids_merged"))
    assert third.id > second.id
    told = [each.entry.what for each in meta.audit.entries(AuditQuery())]
    assert told == ["ids_merged", "merge_undone", "ids_merged", "ids_merged"]


def entry(what):
    """An entry of the audit log."""
    return Entry(5, "ana", what, 1, "")


def test_an_unknown_product_is_a_key_error(meta):
    """Reading, saving and making a key for a product that is not there say so."""
    with pytest.raises(KeyError):
        meta.config(1)
    with pytest.raises(KeyError):
        save(meta, 1, currency="EUR")
    with pytest.raises(KeyError):
        meta.create_key(1, "ingest", name="", now_us=1)

    assert meta.versions(1) == []
    assert meta.keys_by_digest() == {}


def test_an_ingest_key_can_be_shown_again_and_a_read_token_cannot(meta):
    """The listed ingest key carries its text; of the read token only the beginning is left."""
    product(meta)
    ingest, ingest_text = meta.create_key(1, "ingest", name="web", now_us=5)
    read, read_text = meta.create_key(1, "read", name="bi", now_us=6)

    assert meta.keys(1) == [ingest, read]
    assert ingest.secret == ingest_text
    assert read.secret is None
    assert (ingest.id, ingest.kind, ingest.name, ingest.created_us) == (1, "ingest", "web", 5)
    assert ingest_text.startswith(ingest.hint)
    assert read_text.startswith(read.hint)
    assert read_text not in repr(meta.keys(1))


def test_texts_of_keys_have_their_form(meta):
    """An ingest key is 32 hexadecimal characters, as Segment's write keys; a read token says what it is."""
    product(meta)
    _, ingest = meta.create_key(1, "ingest", name="", now_us=5)
    _, read = meta.create_key(1, "read", name="", now_us=5)

    assert len(ingest) == 32
    assert int(ingest, 16) >= 0
    assert read.startswith("upt_read_")
    assert len(read) >= 40


def test_a_key_is_found_by_its_text_alone(meta):
    """Its own text finds it, any other text does not, and the digests know the same keys."""
    product(meta)
    product(meta, "Bob's")
    key, text = meta.create_key(2, "ingest", name="", now_us=5)
    other, other_text = meta.create_key(1, "read", name="", now_us=5)

    assert meta.find_key(text) == key
    assert meta.find_key(other_text) == other
    assert meta.find_key(text + "0") is None
    assert meta.find_key("") is None
    assert meta.find_key(key.hint) is None
    assert sorted(each.id for each in meta.keys_by_digest().values()) == [1, 2]
    assert meta.keys(2) == [key]


def test_a_revoked_key_is_still_listed_with_its_moment(meta):
    """Revoking sets the moment, once more moves it, and an unknown key is a KeyError."""
    product(meta)
    key, text = meta.create_key(1, "ingest", name="", now_us=5)

    meta.revoke_key(key.id, at_us=77)

    assert meta.find_key(text).revoked_us == 77
    meta.revoke_key(key.id, at_us=78)
    assert meta.keys(1)[0].revoked_us == 78
    with pytest.raises(KeyError):
        meta.revoke_key(99, at_us=1)


def test_the_revision_grows_with_every_change_and_only_then(meta):
    """Products, configurations and keys move it; questions and facts do not."""
    seen = [meta.revision()]
    product(meta)
    seen.append(meta.revision())
    save(meta, 1, currency="EUR")
    seen.append(meta.revision())
    key, _ = meta.create_key(1, "read", name="", now_us=5)
    seen.append(meta.revision())
    meta.revoke_key(key.id, at_us=9)
    seen.append(meta.revision())

    assert seen == sorted(set(seen))
    meta.set_fact("a", "b")
    meta.products(), meta.keys(1), meta.config(1), meta.find_key("x")
    assert meta.revision() == seen[-1]


def test_a_fact_is_what_was_said_last(meta):
    """Facts are text by name and know nothing of one another."""
    meta.set_fact("import:1", "10")
    meta.set_fact("import:1", "20")
    meta.set_fact("import:2", "ü")

    assert meta.fact("import:1") == "20"
    assert meta.fact("import:2") == "ü"
    assert meta.fact("import:3") is None


def test_a_fact_is_changed_with_nobody_in_between(meta):
    """Four threads add to one fact ten times each, from nothing on; nothing is lost."""

    def add():
        for _ in range(10):
            meta.change_fact("sum", lambda before: str(int(before or 0) + 1))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert meta.fact("sum") == "40"
    assert meta.change_fact("sum", lambda before: f"{before}!") == "40!"


def test_the_first_product_is_made_once(meta):
    """Whoever finds an installation empty makes its first product; the others find it."""
    made = [meta.create_first_product(ProductConfig(product=name), now_us=1, by="setup") for name in ("Acme", "Bob")]

    assert [each and each.name for each in made] == ["Acme", None]
    assert [each.name for each in meta.products()] == ["Acme"]


def test_who_is_alone_holds_every_product(meta, request):
    """One process gets all that it asks for, at once where nobody can share it."""
    if isinstance(meta, SqlMetaStore) and request.node.callspec.params["meta"] == "postgres":
        pytest.skip("its leases begin after a while; see test_leases.py")
    assert meta.leases([1, 2]) == {1, 2}
    assert meta.holds(2)


def test_changes_from_many_threads_all_count(meta):
    """Eight threads change one list ten times each; every change sees the one before it.  Facts get through too."""
    product(meta)

    def add(name):
        for number in range(10):
            meta.set_fact("last", name)
            meta.set_fact(f"done:{name}", str(number))
            meta.save_config(
                1,
                lambda before, word=f"{name}{number}": msgspec.structs.replace(
                    before.config, hidden_events=(*before.config.hidden_events, word)
                ),
                from_offset=0,
                now_us=1,
                by=name,
                why="",
            )

    threads = [threading.Thread(target=add, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(meta.config(1).config.hidden_events) == 80
    assert meta.config(1).revision == 81
    assert [each.revision for each in meta.versions(1)] == list(range(1, 82))
    assert [meta.fact(f"done:{name}") for name in "abcdefgh"] == ["9"] * 8


# ---- SQLite's own


def test_everything_is_there_after_opening_again(tmp_path):
    """A second opening finds products, configurations, keys with their texts, and facts."""
    store = sqlite_store(tmp_path)
    product(store)
    save(store, 1, currency="EUR")
    key, _ = store.create_key(1, "ingest", name="web", now_us=5)
    store.set_fact("a", "b")
    revision = store.revision()
    store.close()

    again = sqlite_store(tmp_path)

    assert again.config(1).config.currency == "EUR"
    assert again.keys(1) == [key]
    assert again.fact("a") == "b"
    assert again.revision() == revision
    again.close()


def test_no_key_lies_readable_on_disk(tmp_path):
    """Neither an ingest key's nor a read token's text is in any file of the store."""
    store = sqlite_store(tmp_path)
    product(store)
    texts = [store.create_key(1, kind, name="", now_us=5)[1] for kind in ("ingest", "read")]

    on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    store.close()

    assert b"Acme App" in on_disk
    assert [text for text in texts if text.encode() in on_disk] == []


def test_another_secret_hides_texts_but_keys_still_open(tmp_path, caplog):
    """With a changed secret an ingest key is found and counted as good, only its text cannot be shown."""
    store = sqlite_store(tmp_path)
    product(store)
    _, text = store.create_key(1, "ingest", name="", now_us=5)
    store.close()

    other = sqlite_store(tmp_path, b"another secret of at least 32 characters")

    assert other.find_key(text).id == 1
    assert other.find_key(text).secret is None
    assert "key_text_unreadable" in caplog.text
    other.close()


def test_commits_are_durable(tmp_path):
    """The journal is a write-ahead log and every commit reaches the disk."""
    store = sqlite_store(tmp_path)

    with store._engine.connect() as connection:
        pragmas = [connection.exec_driver_sql(f"pragma {name}").scalar() for name in ("journal_mode", "synchronous")]

    assert pragmas == ["wal", 2]
    store.close()


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_migrations_make_the_tables_that_the_code_knows(engine, tmp_path, request):
    """Run from nothing, the migrations give what an empty database gets at once, and HEAD names the newest one."""
    if engine == "sqlite":
        urls = [f"sqlite:///{tmp_path}/{name}.sqlite" for name in ("made", "migrated")]
    else:
        databases = request.getfixturevalue("databases")
        urls = [databases(), databases()]
    made, migrated = map(sqlalchemy.create_engine, urls)
    with made.begin() as connection:
        create_tables(connection)
    with migrated.begin() as connection:
        upgrade(connection)
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    assert differences == []
    assert dump(made) == dump(migrated)
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD
    made.dispose()
    migrated.dispose()


@contextmanager
def old_store(folder, version):
    """A transaction on a store whose tables are of an older version."""
    engine = sqlalchemy.create_engine(f"sqlite:///{folder}/meta.sqlite")
    with engine.begin() as connection:
        upgrade(connection, version)
        yield connection
    engine.dispose()


def test_conditions_of_the_first_form_are_taken_out(tmp_path):
    """A configuration that was saved before conditions were texts opens, and loses nothing else."""
    config = msgspec.json.decode(msgspec.json.encode(ProductConfig(product="Acme App", ignored_events=("Test",))))
    config["workspaces"][0] |= {"filter": {"trait": "plan"}, "user_activation": [{"event": "x"}]}
    config["segments"] = [{"name": "Big", "of": "account", "workspace": "Engagement", "where": {"all": []}}]
    config["exclusions"] = {"users": ["bob"], "user_traits": [], "account_traits": []}
    with old_store(tmp_path, "0001") as connection:
        connection.execute(sqlalchemy.text("insert into products values (1, 'Acme App', 1)"))
        written = sqlalchemy.text("insert into config_versions values (1, 1, 0, 1, 'setup', '', :document)")
        connection.execute(written, {"document": msgspec.json.encode(config).decode()})

    opened = sqlite_store(tmp_path).config(1).config

    assert opened == ProductConfig(product="Acme App", ignored_events=("Test",), exclusions=Exclusions(("bob",)))


def dump(engine):
    """Every table's columns, keys, indexes and rows."""
    with engine.connect() as connection:
        seen = sqlalchemy.inspect(connection)
        return {
            table: (
                [{**column, "type": str(column["type"])} for column in seen.get_columns(table)],
                seen.get_pk_constraint(table)["constrained_columns"],
                seen.get_foreign_keys(table),
                seen.get_indexes(table),
                connection.exec_driver_sql(f"select * from {table}").fetchall(),
            )
            for table in seen.get_table_names()
        }


def test_older_tables_are_migrated(tmp_path, monkeypatch):
    """A store whose tables are of an older version runs the migrations; nothing is run twice."""
    ran = []
    monkeypatch.setattr(migrate, "upgrade", lambda connection: ran.append(connection))
    store = sqlite_store(tmp_path)
    with store._writing.begin() as connection:
        connection.execute(sqlalchemy.text("update alembic_version set version_num = '0000'"))
    store.close()

    sqlite_store(tmp_path).close()

    assert len(ran) == 1


def test_tables_of_today_need_no_alembic(tmp_path):
    """A new store is made, and one whose tables are up to date opens, without importing Alembic."""
    program = (
        "import sys; from uptake.stores.meta.sql import SqlMetaStore\n"
        f"for _ in 'ab': print(SqlMetaStore('sqlite:///{tmp_path}/meta.sqlite', b'x' * 32).products())\n"
        "print('alembic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n[]\nFalse\n"


def test_data_of_a_newer_uptake_is_left_alone(tmp_path):
    """A version that this code does not know stops the start with E005."""
    store = sqlite_store(tmp_path)
    with store._writing.begin() as connection:
        connection.execute(sqlalchemy.text("update alembic_version set version_num = '9999'"))
    store.close()

    with pytest.raises(UptakeError, match=r"E005 .*9999"):
        sqlite_store(tmp_path)


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    """A place where no file can be made stops the start with E003."""
    with pytest.raises(UptakeError, match="E003"):
        sqlite_store(tmp_path / "missing")


def test_a_locked_store_is_told_and_goes_on(tmp_path, monkeypatch):
    """While another program keeps the lock, changes raise MetaUnavailable and reads go on; afterwards all is well."""
    monkeypatch.setattr(sql, "_BUSY_S", 0.05)
    store = sqlite_store(tmp_path)
    product(store)
    other = sqlite3.connect(tmp_path / "meta.sqlite", isolation_level=None)
    other.execute("begin exclusive")

    for change in (lambda: store.set_fact("a", "b"), lambda: save(store, 1), lambda: product(store, "Another")):
        with pytest.raises(MetaUnavailable, match="the meta store cannot be used: database is locked"):
            change()
    assert [each.name for each in store.products()] == ["Acme App"]

    other.execute("rollback")
    other.close()
    store.set_fact("a", "b")
    assert (store.fact("a"), store.config(1).revision) == ("b", 1)
    store.close()


# ---- PostgreSQL's own


def test_one_of_several_processes_leads(databases):
    """Where several have the database open, the first one leads, and the next when that is closed."""
    url = databases()
    ours, theirs = SqlMetaStore(url, SECRET), SqlMetaStore(url, SECRET)

    assert [each.lead() for each in (ours, theirs, ours, theirs)] == [True, False, True, False]

    ours.close()
    until = time.monotonic() + 30  # the server sees a connection end a moment later
    while not theirs.lead():
        assert time.monotonic() < until
        time.sleep(0.02)
    theirs.close()


def test_who_loses_the_server_must_take_the_lead_anew(databases):
    """The lock goes with its connection: whoever asks first afterwards has it, and the other one knows."""
    url = databases()
    ours, theirs, other = (SqlMetaStore(url, SECRET) for _ in range(3))
    assert ours.lead()
    with other._engine.connect() as connection:
        connection.exec_driver_sql(
            "select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory'"
            " and database = (select oid from pg_database where datname = current_database())"
        ).fetchall()

    assert [each.lead() for each in (theirs, ours)] == [True, False]

    for each in (ours, theirs, other):
        each.close()


def test_nodes_that_start_at_once_make_the_tables_once(databases):
    """Several processes may meet an empty database at the same moment."""
    url, opened = databases(), []

    def open_one():
        opened.append(SqlMetaStore(url, SECRET))

    nodes = [threading.Thread(target=open_one) for _ in range(4)]
    for node in nodes:
        node.start()
    for node in nodes:
        node.join()

    assert [store.products() for store in opened] == [[]] * 4
    for store in opened:
        store.close()


def test_a_server_that_is_not_there_stops_the_start_without_telling_the_password():
    """The fault has the code of servers, and says where without the password."""
    with pytest.raises(UptakeError, match="E015") as told:
        SqlMetaStore("postgresql+psycopg://ana:hunter2@127.0.0.1:1/uptake", SECRET)

    assert "127.0.0.1" in str(told.value)
    assert "hunter2" not in str(told.value)
