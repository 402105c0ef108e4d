"""Keys beside a running server and without one: good at once, gone at once, never shown where they must not be."""

from tests.installed import code_of

CALL = {"type": "track", "userId": "ana", "event": "Export"}


def test_a_key_made_beside_the_server_works_when_the_command_returns(served):
    """`key create` prints the key alone, and the very next request with it is taken."""
    printed = served.good("key", "create", "--kind", "ingest", "--name", "web")

    answer = served.post([CALL], key=printed.strip())

    assert printed == printed.strip() + "\n"
    assert len(printed.strip()) == 32
    assert answer.status_code == 200


def test_a_read_token_reads_and_never_writes(served):
    """The token opens the read API at once; sending with it, or reading with an ingest key, is refused."""
    token = served.good("key", "create", "--kind", "read").strip()

    assert served.read("/v2/status", token).status_code == 200
    assert served.read("/v2/status", served.key).status_code == 401
    assert served.post([CALL], key=token).status_code == 401


def test_a_revoked_key_is_refused_when_the_command_returns(served):
    """Revoking by number, also with a grace time."""
    made = served.json("key", "create", "--kind", "ingest")
    kept = served.json("key", "create", "--kind", "ingest")

    served.good("key", "revoke", made["id"])
    served.good("key", "revoke", kept["id"], "--after", "3600")

    assert served.post([CALL], key=made["key"]).status_code == 401
    assert served.post([CALL], key=kept["key"]).status_code == 200


def test_the_list_shows_no_texts(served):
    """Of every key only the beginning is listed, for people and for programs."""
    made = served.json("key", "create", "--kind", "read", "--name", "for the warehouse")

    for listed in (served.good("key", "list"), served.good("key", "list", "--json")):
        assert "for the warehouse" in listed
        assert made["hint"] in listed
        assert made["key"] not in listed
        assert served.key not in listed


def test_what_is_not_there_is_said(served):
    """An unknown product, an unknown key and an unknown kind are told apart."""
    product = served.run("key", "create", "--kind", "read", "--product", "Nobody's")
    key = served.run("key", "revoke", "999")
    kind = served.run("key", "create", "--kind", "admin")

    assert (product.returncode, code_of(product.stderr), product.stdout) == (1, "E008", "")
    assert "My product" in product.stderr
    assert (key.returncode, code_of(key.stderr)) == (1, "E008")
    assert kind.returncode == 2


def test_keys_can_be_made_before_the_first_start(installed):
    """Without a server the command opens the folder itself; the server then knows the key."""
    key = installed.good("key", "create", "--kind", "ingest").strip()
    installed.start()

    assert installed.post([CALL], key=key).status_code == 200
    assert len(installed.json("key", "list")) == 2


def test_listing_makes_no_installation(installed):
    """A mistyped folder is said, and is not made."""
    done = installed.run("key", "list")

    assert (done.returncode, code_of(done.stderr)) == (1, "E008")
    assert not installed.folder.exists()


def test_no_key_lies_readable_in_the_folder(installed):
    """Neither texts of keys nor tokens are in any file, and the log does not name them."""
    installed.start()
    texts = [installed.key, installed.good("key", "create", "--kind", "read").strip()]
    installed.post([CALL])
    _, log = installed.end()

    content = b"".join(path.read_bytes() for path in installed.folder.rglob("*") if path.is_file())

    assert [text for text in texts if text.encode() in content or text in log] == []


def test_a_key_can_be_made_to_expire(served):
    """The list says when; one that does not expire says nothing."""
    made = served.json("key", "create", "--kind", "read", "--name", "for a month", "--days", "30")
    for_ever = served.json("key", "create", "--kind", "read")

    listed = {key["id"]: key for key in served.json("key", "list")}
    assert listed[made["id"]]["expires_at"] == made["expires_at"]
    assert made["expires_at"] > made["created_at"]
    assert for_ever["expires_at"] is None
    assert served.run("key", "create", "--kind", "read", "--days", "0").returncode == 2
