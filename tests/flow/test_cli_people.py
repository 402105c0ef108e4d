"""People from the command line, beside a running server and without one: the way in where there is no mail."""

from tests.installed import code_of

PASSWORD = "correct horse battery\n"


def test_a_link_is_printed_alone(installed):
    """`user create` and `user reset-password` print a link of the app, which says nothing of the person."""
    made = installed.good("user", "create", "ana@acme.example", "--role", "editor")
    installed.good("user", "create", "olga@acme.example", "--role", "owner", "--password-stdin", stdin=PASSWORD)
    reset = installed.json("user", "reset-password", "Olga@acme.example")

    assert made.startswith("http://localhost:8000/welcome/")
    assert made == made.strip() + "\n"
    assert len(made) > 60
    assert reset["link"].startswith("http://localhost:8000/welcome/")
    assert reset["email"] == "olga@acme.example"


def test_everybody_is_listed_with_what_they_may(served):
    """Who was invited is nobody yet; no password stands anywhere."""
    served.good("user", "create", "olga@acme.example", "--role", "owner", "--password-stdin", stdin=PASSWORD)
    served.good("user", "create", "ana@acme.example", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    link = served.good("user", "create", "bob@acme.example", "--role", "admin")

    people = served.json("user", "list")
    table = served.good("user", "list")

    assert link.startswith(served.url.replace("127.0.0.1", "localhost") + "/welcome/")
    assert [(each["email"], each["owner"], each["roles"]) for each in people] == [
        ("ana@acme.example", False, {"My product": "viewer"}),
        ("olga@acme.example", True, {}),
    ]
    assert "viewer of My product" in table
    assert not [file for file in served.folder.rglob("*") if file.is_file() and b"correct horse" in file.read_bytes()]


def test_what_cannot_be_is_said(installed):
    """A short password, no password, no address and an unknown person each have their code."""
    installed.good("key", "create", "--kind", "read")

    def refused(*words, stdin=None):
        done = installed.run("user", *words, stdin=stdin)
        return done.returncode, code_of(done.stderr)

    create = ("create", "ana@acme.example", "--role", "viewer", "--password-stdin")
    assert refused(*create, stdin="short\n") == (1, "password_too_short")
    assert refused(*create, stdin="") == (1, "password_too_short")
    assert refused("create", "no address", "--role", "viewer") == (1, "invalid_parameter")
    assert refused("create", "ana@acme.example", "--role", "viewer", "--product", "Nobody's") == (1, "E008")
    assert refused("reset-password", "nobody@acme.example") == (1, "E008")
    assert refused("create", "ana@acme.example", "--role", "king")[0] == 2
