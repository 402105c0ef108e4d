"""Long work by the API: a management token asks for it, follows it, ends it and takes its file; nobody else sees it."""

import pytest

from tests.house import House
from uptake.core.config import ProductConfig
from uptake.stores.meta.audit import AuditQuery


@pytest.fixture
def house():
    made = House()
    made.track("ana", "Export")
    made.track("bob", "Export")
    made.settle()
    return made


def work(house, steps=9):
    """Let the worker work."""
    for _ in range(steps):
        house.running.step()


def test_an_export_is_asked_for_followed_and_taken(house):
    """It waits, is done, and gives its file; the audit log tells which token took it."""
    with house.client(house.token("manage")) as client:
        asked = client.post("/v2/jobs", json={"kind": "export", "table": "users", "format": "jsonl"}).json()["job"]
        work(house)
        done = client.get(f"/v2/jobs/{asked['id']}").json()["job"]
        listed = client.get("/v2/jobs").json()["data"]
        file = client.get(done["file"])

    assert (asked["state"], asked["file"]) == ("waiting", None)
    assert (done["state"], done["numbers"]["rows"]) == ("done", 2)
    assert [line["words"] for line in done["log"]] == ["asked for", "begun", "writing", "2 rows", "done"]
    assert [each["id"] for each in listed] == [asked["id"]]
    assert "log" not in listed[0]
    assert [line[:22] for line in file.text.splitlines()] == ['{"tracking_id":"ana","', '{"tracking_id":"bob","']
    assert [each.entry.what for each in house.meta.audit.entries(AuditQuery())][:2] == [
        "result_downloaded",
        "job_asked",
    ]


def test_work_is_ended_once(house):
    """It ends at its next step; then there is nothing to end."""
    with house.client(house.token("manage")) as client:
        asked = client.post("/v2/jobs", json={"kind": "rebuild"}).json()["job"]
        ending = client.post(f"/v2/jobs/{asked['id']}/cancel").json()["job"]
        work(house)
        ended = client.get(f"/v2/jobs/{asked['id']}").json()["job"]
        again = client.post(f"/v2/jobs/{asked['id']}/cancel")

    assert (ending["ending"], ended["ending"], ended["state"]) == (True, False, "cancelled")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "job_over")
    assert house.product.store.generation == 1


def test_an_erasure_that_waits_is_ended_and_one_that_has_begun_is_not(house):
    """The first leaves no receipt; the second goes on to its own."""
    with house.client(house.token("manage")) as client:
        client.post("/v2/jobs", json={"kind": "rebuild"})
        house.running.step()
        client.post("/v2/erasures", json={"kind": "user", "id": "ana", "confirm": "ana"})
        ending = client.post("/v2/jobs/2/cancel").json()["job"]
        receipts = client.get("/v2/erasures").json()["data"]
        work(house)
        client.post("/v2/erasures", json={"kind": "user", "id": "bob", "confirm": "bob"})
        house.running.step()
        refused = client.post("/v2/jobs/3/cancel")
        ended = client.get("/v2/jobs/2").json()["job"]

    assert (ending["ending"], ended["state"], receipts) == (True, "cancelled", [])
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_goes_on")


def test_what_is_not_there_or_no_work_is_refused(house):
    """Unknown numbers, kinds and tables, and the file of what made none."""
    with house.client(house.token("manage")) as client:
        rebuild = client.post("/v2/jobs", json={"kind": "rebuild"}).json()["job"]
        work(house)
        answers = [
            client.get("/v2/jobs/99"),
            client.get("/v2/jobs/x"),
            client.post("/v2/jobs", json={"kind": "backup"}),
            client.post("/v2/jobs", json={"kind": "export", "table": "secrets"}),
            client.get(f"/v2/jobs/{rebuild['id']}/file"),
        ]

    assert [each.json()["error"]["code"] for each in answers] == [
        *("unknown_job", "unknown_job", "config_invalid", "config_invalid", "no_result")
    ]


def test_a_read_token_neither_asks_for_work_nor_sees_it(house):
    """Exports have everybody's traits: they are for tokens that manage."""
    job = house.running.jobs.ask(1, "export", {"table": "users", "format": "csv"}, by="test")
    work(house)
    with house.client(house.token("read")) as client:
        answers = [
            client.get("/v2/jobs"),
            client.get(f"/v2/jobs/{job.id}"),
            client.get(f"/v2/jobs/{job.id}/file"),
            client.post("/v2/jobs", json={"kind": "rebuild"}),
            client.post(f"/v2/jobs/{job.id}/cancel"),
        ]

    assert [each.json()["error"]["code"] for each in answers] == ["read_only_token"] * 5
    assert len(house.meta.jobs.all(1)) == 1


def test_another_products_work_is_not_there(house):
    """A token of one product finds nothing of another's, and ends nothing."""
    house.running.create_product(ProductConfig(product="Bobs"), by="test")
    job = house.running.jobs.ask(2, "export", {"table": "users", "format": "csv"}, by="test")
    work(house)
    with house.client(house.token("manage")) as client:
        listed = client.get("/v2/jobs").json()["data"]
        answers = [
            client.get(f"/v2/jobs/{job.id}"),
            client.get(f"/v2/jobs/{job.id}/file"),
            client.post(f"/v2/jobs/{job.id}/cancel"),
        ]

    assert house.running.jobs.files.found(2, job.id)
    assert listed == []
    assert [each.json()["error"]["code"] for each in answers] == ["unknown_job"] * 3
