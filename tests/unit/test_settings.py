"""Settings: the table, the environment and the command line."""

from pathlib import Path

import msgspec
import pytest

from uptake.core.errors import UptakeError
from uptake.settings import SETTINGS, Settings, load, misspelt

GOOD = {
    "UPTAKE_DATA_DIR": ("/srv/uptake", Path("/srv/uptake")),
    "UPTAKE_HOST": ("::1", "::1"),
    "UPTAKE_PORT": ("0", 0),
    "UPTAKE_ALLOWED_HOSTS": ("a.example, b.example", ("a.example", "b.example")),
    "UPTAKE_PUBLIC_URL": ("https://in.example.com/", "https://in.example.com"),
    "UPTAKE_TRUSTED_PROXIES": ("10.1.2.3/8, ::1", ("10.0.0.0/8", "::1/128")),
    "UPTAKE_OPEN_ON_LOOPBACK": ("on", True),
    "UPTAKE_OIDC_ISSUER": ("https://login.example.com/", "https://login.example.com/"),
    "UPTAKE_OIDC_CLIENT_ID": ("uptake", "uptake"),
    "UPTAKE_OIDC_CLIENT_SECRET": ("a secret", "a secret"),
    "UPTAKE_OIDC_NAME": ("Acme ID", "Acme ID"),
    "UPTAKE_OIDC_SCOPE": ("openid  groups", "openid groups"),
    "UPTAKE_OIDC_ROLE_CLAIM": ("groups", "groups"),
    "UPTAKE_OIDC_ROLES": ("All staff=viewer, a=b=editor:2", (("All staff", "viewer", None), ("a=b", "editor", 2))),
    "UPTAKE_OIDC_ALLOWED_DOMAINS": ("a.example,b.example", ("a.example", "b.example")),
    "UPTAKE_METRICS_TOKEN": ("0123456789abcdef" * 2, "0123456789abcdef" * 2),
    "UPTAKE_SECRET_KEY": ("0123456789abcdef" * 2, "0123456789abcdef" * 2),
    "UPTAKE_META_URL": ("postgres://ana:pass@host/uptake", "postgresql+psycopg://ana:pass@host/uptake"),
    "UPTAKE_LOG_URL": ("nats://one,two,three?replicas=3", "nats://one,two,three?replicas=3"),
    "UPTAKE_LOG_LEVEL": ("DEBUG", "debug"),
    "UPTAKE_LOG_FORMAT": ("json", "json"),
    "UPTAKE_MAX_WAITING": ("5", 5),
    "UPTAKE_SILENT_AUTH": ("yes", True),
    "UPTAKE_DEDUPE_DAYS": ("90", 90),
    "UPTAKE_FOLD_BATCH": ("500", 500),
    "UPTAKE_MEMORY_LIMIT": ("512mb", "512MB"),
    "UPTAKE_THREADS": ("8", 8),
    "UPTAKE_STOP_S": ("1", 1),
}

BAD = {
    "UPTAKE_DATA_DIR": " ",
    "UPTAKE_HOST": "my host",
    "UPTAKE_PORT": "70000",
    "UPTAKE_PUBLIC_URL": "in.example.com",
    "UPTAKE_TRUSTED_PROXIES": "proxy.example.com",
    "UPTAKE_OPEN_ON_LOOPBACK": "perhaps",
    "UPTAKE_OIDC_ISSUER": "login.example.com",
    "UPTAKE_OIDC_CLIENT_ID": "two words",
    "UPTAKE_OIDC_CLIENT_SECRET": "two\nlines",
    "UPTAKE_OIDC_NAME": "two\nlines",
    "UPTAKE_OIDC_SCOPE": "email",
    "UPTAKE_OIDC_ROLE_CLAIM": "two words",
    "UPTAKE_OIDC_ROLES": "staff=king",
    "UPTAKE_METRICS_TOKEN": "short",
    "UPTAKE_SECRET_KEY": "short",
    "UPTAKE_META_URL": "mysql://ana:pass@host/uptake",
    "UPTAKE_LOG_URL": "nats://ana:pass@one?replicas=2",
    "UPTAKE_LOG_LEVEL": "loud",
    "UPTAKE_LOG_FORMAT": "xml",
    "UPTAKE_MAX_WAITING": "0",
    "UPTAKE_SILENT_AUTH": "perhaps",
    "UPTAKE_DEDUPE_DAYS": "2w",
    "UPTAKE_FOLD_BATCH": "1.5",
    "UPTAKE_MEMORY_LIMIT": "much",
    "UPTAKE_THREADS": "-1",
    "UPTAKE_STOP_S": "",
}


SEVERAL = {
    "postgres://one,two/u": "postgresql+psycopg:///u?target_session_attrs=read-write&host=one,two&port=5432,5432",
    "postgresql+psycopg://ana:p%40ss@one:6000,two/u": (
        "postgresql+psycopg://ana:p%40ss@/u?target_session_attrs=read-write&host=one,two&port=6000,5432"
    ),
    "postgres://one,two/u?sslmode=require": (
        "postgresql+psycopg:///u?sslmode=require&target_session_attrs=read-write&host=one,two&port=5432,5432"
    ),
    "postgres://one,two/u?target_session_attrs=any": (
        "postgresql+psycopg:///u?target_session_attrs=any&host=one,two&port=5432,5432"
    ),
    "postgres://[::1]:6000,[fd00::2]/u": (
        "postgresql+psycopg:///u?target_session_attrs=read-write&host=::1,fd00::2&port=6000,5432"
    ),
}


@pytest.mark.parametrize("text", SEVERAL)
def test_a_database_on_several_servers_is_the_one_that_takes_writes(text):
    """Each server has its port; the address may ask for another server than the one that takes writes."""
    assert load({"UPTAKE_META_URL": text}).meta_url == SEVERAL[text]


@pytest.mark.parametrize("hosts", ["one,", ",two", "one,,two", "one:,two", "one:x,two", "one,two:0", "one,two:65536"])
def test_several_servers_of_which_one_is_none_stop_the_start(hosts):
    """What is told does not repeat the password."""
    with pytest.raises(UptakeError) as told:
        load({"UPTAKE_META_URL": f"postgres://ana:hush@{hosts}/u"})

    assert told.value.code == "E001"
    assert "hush" not in str(told.value)


def test_every_setting_has_its_attribute():
    """The table and `Settings` name the same things in the same order."""
    assert [each.field for each in SETTINGS] == list(Settings.__struct_fields__)


def test_defaults_hold_where_nothing_is_said():
    """An empty environment gives an installation on loopback, port 8000."""
    settings = load({})

    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8000, Path("uptake-data"))
    assert settings.secret_key == ""
    assert not settings.silent_auth


@pytest.mark.parametrize("name", GOOD)
def test_a_good_value_is_taken(name):
    """Each setting reads its text from the environment, and it alone changes."""
    text, value = GOOD[name]
    field = name.removeprefix("UPTAKE_").lower()

    settings = load({name: text})

    assert getattr(settings, field) == value
    assert settings == msgspec.structs.replace(load({}), **{field: value})


@pytest.mark.parametrize("name", BAD)
def test_a_bad_value_stops_the_start_with_its_name(name):
    """The message names the variable, says what is expected and what was got."""
    with pytest.raises(UptakeError) as caught:
        load({name: BAD[name]})

    assert caught.value.code == "E001"
    assert caught.value.message.startswith(f"{name} must be ")
    assert caught.value.hint


def test_the_sentence_about_a_bad_value():
    """Expected, got and what to do stand in one line."""
    with pytest.raises(UptakeError) as caught:
        load({"UPTAKE_DEDUPE_DAYS": "2w"})

    assert str(caught.value) == (
        "E001 UPTAKE_DEDUPE_DAYS must be a whole number of days from 1 to 90, got '2w'. "
        "Hint: Unset it for the default, 7."
    )


def test_a_bad_secret_is_not_repeated():
    """The text of a secret never stands in a message."""
    with pytest.raises(UptakeError) as caught:
        load({"UPTAKE_SECRET_KEY": "hunter2"})

    assert "hunter2" not in str(caught.value)
    assert "7 characters" in str(caught.value)


def test_the_command_line_wins_over_the_environment():
    """An option that was given replaces the variable; one that was not does not."""
    settings = load({"UPTAKE_PORT": "1", "UPTAKE_HOST": "::1"}, {"port": "2", "host": None})

    assert (settings.port, settings.host) == (2, "::1")


def test_a_misspelt_setting_is_told():
    """A variable that is almost a setting comes with what was meant; it does not stop the start."""
    environ = {"UPTAKE_PROT": "1", "UPTAKE_SOMETHING_ELSE": "2", "PORT": "3", "UPTAKE_PORT": "4"}

    assert misspelt(environ) == [("UPTAKE_PROT", "UPTAKE_PORT")]
    assert load(environ).port == 4
