"""A server that was killed, and whose log then lost what only its write-ahead log had."""

import json
import signal

import pytest

from tests.flow.test_faults import calls_of, errors_in

SENT = 6 * 21


@pytest.mark.parametrize("harm", ["write-ahead log emptied", "file deleted"])
def test_calls_that_were_acknowledged_and_are_gone_are_told(installed, harm):
    """The next start takes calls, gives no offset twice, counts what is missing, and says so until it is put back."""
    installed.start()
    token = installed.good("key", "create", "--kind", "read").strip()
    for number in range(6):
        assert installed.post(calls_of("ana", number, 20)).status_code == 200
    installed.end(signal.SIGKILL)
    (log,) = (installed.folder / "log").glob("calls-*.sqlite")
    log.with_name(log.name + "-wal").write_bytes(b"")
    if harm == "file deleted":
        log.unlink()
    for store in (installed.folder / "store").iterdir():  # nobody else knows how far the log went
        store.unlink()

    installed.start()
    assert installed.get("/readyz").status_code == 200
    assert installed.post(calls_of("bob", 1, 20)).status_code == 200
    assert installed.settle(token)["log"]["offset"] == SENT + 21
    checked = installed.run("check", "--json")
    code, lines = installed.end()

    answer = json.loads(checked.stdout)
    assert (checked.returncode, answer["healthy"]) == (1, False)
    assert f"{log.name}: product 1, offsets 0 to {SENT - 1} are missing" in answer["log_damage"]
    assert answer["products"][0]["counters"]["fates"]["unreadable"] == SENT
    assert (code, "step_failed" in lines, "log_mended" in lines) == (0, False, True)
    assert len(errors_in(lines)) >= 1
