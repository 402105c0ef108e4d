"""The database server that takes writes dies under load, and the one that followed it takes its place."""

import httpx
import pytest

from tests.cluster import cluster, folded, leased_in, ready
from tests.counted import counted, counted_alone
from tests.installed import PATIENCE_S, wait_for
from tests.postgres_pair import postgres_pair
from tests.senders import Sender

PAUSE_S = 0.1
EMAIL, PASSWORD = "ana@acme.example", "correct horse battery"


def leased(worker):
    """The products that a worker holds."""
    return leased_in(worker.get("/metrics").text)


def signed_in(node):
    """Can ana sign in and see the app?"""
    with httpx.Client(base_url=node.url, timeout=PATIENCE_S) as client:
        client.get("/sign-in")
        token = next(each.value for each in client.cookies.jar if "uptake_form_" in each.name)
        form = {"_csrf_token": token, "email": EMAIL, "password": PASSWORD}
        if client.post("/sign-in", data=form).status_code != 303:
            return False
        return client.get("/me").status_code == 200


@pytest.mark.slow
def test_a_standby_takes_over_and_everything_goes_on(tmp_path):
    """Web nodes and workers find the promoted server by themselves, and no acknowledged call is lost or counted twice.

    Meanwhile web nodes go on taking calls, for keys are known and the log is elsewhere, and say that they are ready;
    workers say that they are not.  What was saved before is there, and sign-in and new keys work.
    """
    with postgres_pair() as pair, cluster(1, meta_url=pair.url()) as servers:
        webs = [servers.start("web") for _ in range(2)]
        workers = [servers.start("worker") for _ in range(2)]
        token = webs[0].good("key", "create", "--kind", "read").strip()
        webs[0].good("user", "create", EMAIL, "--role", "owner", "--password-stdin", stdin=PASSWORD)
        wait_for(lambda: sorted(map(leased, workers)) == [set(), {1}], pause_s=0.2)
        senders = [Sender("big", 40, pause_s=PAUSE_S), Sender("single", 0, pause_s=PAUSE_S)]
        for sender, web in zip(senders, webs, strict=True):
            sender.send_to(web)
        wait_for(lambda: folded(webs[0], token), pause_s=0.2)
        assert all(map(signed_in, webs))

        pair.first.kill()
        wait_for(lambda: not any(map(ready, workers)), pause_s=0.2)
        before = [each.acknowledged for each in senders]
        wait_for(lambda: all(now.acknowledged > then for now, then in zip(senders, before, strict=True)))
        assert all(map(ready, webs))
        stood = folded(webs[0], token)

        pair.promote()
        wait_for(lambda: all(map(ready, workers)), pause_s=0.2)
        wait_for(lambda: folded(webs[1], token) > stood, pause_s=0.2)
        for sender in senders:
            sender.stop()
        assert [sender.refused for sender in senders] == [[], []]
        for web in webs:
            web.settle(token)
            assert signed_in(web)
        later = webs[0].good("key", "create", "--kind", "ingest").strip()
        wait_for(lambda: webs[1].post([], key=later).status_code == 200, pause_s=0.2)
        told = [counted(web, token) for web in webs]

    assert sum(each.acknowledged for each in senders) > 0
    assert told == [counted_alone(tmp_path / "alone", senders)] * 2
