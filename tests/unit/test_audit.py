"""What the audit log tells: every change of a configuration, a product or a key, with what was before and after."""

import msgspec
import pytest

from tests.house import House
from uptake.core.config import Feature
from uptake.core.errors import UptakeError
from uptake.pipeline.keys import KeyRing
from uptake.pipeline.standing import Standing
from uptake.stores.meta.audit import AuditQuery

ANA = Standing("ana@acme.example", roles={1: "admin"}, address="192.0.2.1")


def told(house):
    """The entries, oldest first."""
    return [each.entry for each in reversed(house.meta.audit.entries(AuditQuery()))]


def test_a_changed_configuration_is_told_line_by_line():
    """Who, which revision, and the lines that went and came; also of lists, whose lines begin with a dash."""
    house = House()

    house.change(lambda config: msgspec.structs.replace(config, currency="EUR"))
    house.change(lambda config: msgspec.structs.replace(config, features=(Feature("Reporting", events=("Export",)),)))
    house.change(lambda config: msgspec.structs.replace(config, features=()))

    made, currency, added, removed = told(house)
    assert (made.what, made.by, made.product_id, made.about) == ("product_created", "test", 1, "My product")
    assert (currency.what, currency.by, currency.about) == ("config_changed", "test", "Revision 2")
    assert (currency.before, currency.after) == ("currency: USD", "currency: EUR")
    assert "Export" in added.after
    assert "Export" in removed.before


def test_a_change_that_changes_nothing_is_not_told():
    """Nor one that was refused; applying the destination to history is, though no line changed."""
    house = House()

    house.change(lambda config: config)
    with pytest.raises(UptakeError):
        house.change(lambda config: msgspec.structs.replace(config, time_zone="Nowhere"))
    house.running.change_config(1, lambda version: version.config, by="ana", why="again", to_history=True)

    last = told(house)[-1]
    assert len(told(house)) == 2
    assert (last.what, last.by, last.about, last.before, last.after) == (
        "history_applied",
        "ana",
        "Revision 2: again",
        "",
        "",
    )


def test_keys_are_told_without_their_text():
    """Made, rotated with a grace time and revoked; the old key ends after the grace time and not before."""
    house = House()
    keys = KeyRing(house.meta, house.clock)

    old, text = keys.create(ANA, 1, "ingest", name="web")
    new, _ = keys.rotate(ANA, old.id, grace_s=60)
    ended = house.meta.find_key(text)
    keys.revoke(ANA, new.id)
    again = keys.revoke(ANA, new.id, after_s=3_600)

    assert [each.what for each in told(house)[1:]] == [
        "key_created",
        "key_created",
        "key_revoked",
        "key_revoked",
        "key_revoked",
    ]
    assert told(house)[1] == msgspec.structs.replace(
        told(house)[1], by="ana@acme.example", product_id=1, address="192.0.2.1"
    )
    assert "web" in told(house)[1].about
    assert text not in repr(house.meta.audit.kept)
    assert (new.kind, new.name) == ("ingest", "web")
    assert again.revoked_us == house.now_us, "what is refused stays refused"
    assert ended.good(house.now_us + 59_999_999)
    assert not ended.good(house.now_us + 60_000_000)


def test_keys_are_their_admins_alone():
    """An editor may not make one; the key of another product is not there."""
    house = House()
    keys = KeyRing(house.meta, house.clock)
    key, _ = keys.create(ANA, 1, "ingest", name="web")

    for standing, code in [
        (Standing("bob", roles={1: "editor"}), "not_permitted"),
        (Standing("bob", roles={2: "admin"}), "E008"),
    ]:
        with pytest.raises(UptakeError) as caught:
            keys.revoke(standing, key.id)
        assert caught.value.code == code
    with pytest.raises(UptakeError, match="not_permitted"):
        keys.create(Standing("bob", roles={2: "admin"}), 1, "read", name="")
    assert house.meta.keys(1) == [key]
