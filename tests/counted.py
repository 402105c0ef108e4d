"""What an installation tells of calls that senders had acknowledged, to be compared with one that had no fault."""

from contextlib import closing

from tests.installed import Installed

NOT_COMPARED = ("id", "_links", "as_of")


def counted(node, token):
    """Accounts and users with all their numbers, by their tracking id."""
    return {
        kind: {each["tracking_id"]: plain(each) for each in listed(node, token, kind)} for kind in ("accounts", "users")
    }


def listed(node, token, kind):
    """All rows of a list."""
    rows, total = [], None
    while total is None or len(rows) < total:
        answer = node.read(f"/v2/{kind}?workspace_id=1&limit=100&offset={len(rows)}", token)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        rows, total = [*rows, *told["data"]], told["pagination"]["total"]
    return rows


def plain(row):
    """A row without what differs by node and moment."""
    return {name: value for name, value in row.items() if name not in NOT_COMPARED}


def counted_alone(folder, senders):
    """The same of a server of its own that is sent every acknowledged call once."""
    return counted_of(folder, [call for sender in senders for call in sender.sent()])


def counted_of(folder, calls):
    """The same of a server of its own that is sent these calls, and is disturbed by nothing."""
    with closing(Installed(folder)) as alone:
        alone.start()
        token = alone.good("key", "create", "--kind", "read").strip()
        for start in range(0, len(calls), 500):
            assert alone.post(calls[start : start + 500]).status_code == 200
        alone.settle(token)
        return counted(alone, token)
