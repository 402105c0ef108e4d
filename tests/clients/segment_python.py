"""Segment's Python SDK sends one call of each type, compressed: python segment_python.py URL KEY."""

import sys

from segment.analytics import Client

USER = "segment-python"


def main(url: str, key: str) -> None:
    """Send, and wait until everything is delivered or given up."""
    client = Client(key, host=url, gzip=True, on_error=lambda error, _: sys.exit(f"gave up: {error}"))
    client.identify(USER, {"email": f"{USER}@example.com", "name": "Ana", "seats": 12})
    client.group(USER, f"{USER}-inc", {"name": "Acme", "mrr": 9900})
    client.track(USER, "Report Exported", {"format": "pdf"})
    client.page(USER, name="Pricing")
    client.screen(USER, name="Inbox")
    client.alias("visitor", USER)
    client.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
