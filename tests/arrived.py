"""What a running server tells of what arrived: users and accounts as its read API has them."""

from tests.installed import Installed


class Arrived:
    """The read API of an installation that is served, asked with a token of its own."""

    def __init__(self, served: Installed) -> None:
        self.served = served
        self.token = served.good("key", "create", "--kind", "read").strip()

    def settle(self):
        """Wait until everything is scored; how many calls there are."""
        return self.served.settle(self.token)["log"]["offset"]

    def read(self, path):
        """The answer to a question that has one."""
        answer = self.served.read(path, self.token)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def user(self, user):
        """A user with `traits`, and `events`: how often each was done."""
        found = self.read(f"/v2/users/{user}?workspace_id=1&expand=traits,explanation")["user"]
        return {**found, "events": {event["name"]: event["times"] for event in found["explanation"]["events"]}}

    def account(self, account):
        """An account with `traits`."""
        return self.read(f"/v2/accounts/{account}?workspace_id=1&expand=traits")["account"]

    def names(self, kind):
        """The ids of all users or accounts."""
        return {row["tracking_id"] for row in self.read(f"/v2/{kind}?workspace_id=1&limit=100")["data"]}
