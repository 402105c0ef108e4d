"""Who is kept away after an erasure: known by digests alone, up to the moment of the erasure."""

from uptake.core.calls import ERASED, Call
from uptake.core.erasure import Erasure, Suppression, digest_of, new_salt


def receipt(kind, tracking_id, asked_us):
    salt = new_salt()
    return Erasure(1, 1, kind, asked_us, "test", salt, (digest_of(salt, kind, tracking_id),), step="done")


def call(at_us, **fields):
    return Call(type="group", message_id="m", at_us=at_us, **fields)


def test_calls_from_before_are_kept_away_and_later_ones_are_taken():
    """What happened up to the erasure is of whoever was erased; an account of the same id is another."""
    suppression = Suppression([receipt("user", "ana", 10)])
    before, after, account = call(10, user_id="ana"), call(11, user_id="ana"), call(1, group_id="ana")

    assert suppression.left_of(before, 10) == ERASED
    assert suppression.left_of(call(3, anonymous_id="ana"), 3) == ERASED
    assert suppression.left_of(after, 11) == after
    assert suppression.left_of(account, 1) == account
    assert suppression.met("user") == {"ana"}
    assert suppression.met("account") == set()


def test_the_child_of_an_erased_account_forgets_it():
    """Only the trait that names the parent goes, and only from calls before the erasure."""
    suppression = Suppression([receipt("account", "acme", 10)])
    child = call(5, group_id="west", traits={"parent": "acme", "plan": "pro"})

    assert suppression.left_of(child, 5).traits == {"plan": "pro"}
    assert suppression.left_of(child, 11) == child


def test_a_digest_tells_neither_id_nor_kind_without_its_salt():
    """Two receipts of the same id have different digests, and a user's is not an account's."""
    salts = [new_salt(), new_salt()]

    assert digest_of(salts[0], "user", "ana") != digest_of(salts[1], "user", "ana")
    assert digest_of(salts[0], "user", "ana") != digest_of(salts[0], "account", "ana")
