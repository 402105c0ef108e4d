"""Calls a second of trigger, mapping and validation of the identify preset, here and in the official engine.

Both run on the same core, in turns, each in a process of its own that has warmed up.  As a script this is our side:
python -m bench.peers.speed SECONDS < event.json.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from typing import Any

from bench.peers.official import node
from uptake.destination.actions import compile_action
from uptake.destination.fql import compile_trigger
from uptake.destination.presets import PRESETS

ROUNDS = 5
SECONDS = 0.7
EVENT: dict[str, Any] = {
    "type": "identify",
    "messageId": "ajs-next-1767258000000-5a1f0c9e-7a1b-4f6e-9a35-2f9f4f6f0a11",
    "userId": "user_4711",
    "anonymousId": "0d3c9a52-6f0e-4c8e-8f56-1d0f6a2b7c3d",
    "timestamp": "2026-01-01T09:00:00.000Z",
    "sentAt": "2026-01-01T09:00:00.120Z",
    "receivedAt": "2026-01-01T09:00:00.250Z",
    "traits": {
        "email": "ana@example.com",
        "name": "Ana Example",
        "role": "admin",
        "accountStatus": "Paid",
        "createdAt": "2025-03-04T10:11:12.000Z",
        "plan": "pro",
        "seats": 12,
        "company": {"id": "acme", "name": "Acme Inc"},
    },
    "context": {
        "ip": "192.0.2.7",
        "locale": "en-GB",
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36",
        "page": {
            "path": "/settings",
            "url": "https://app.example.com/settings",
            "title": "Settings",
            "referrer": "https://app.example.com/",
            "search": "?from=mail&n=12",
        },
        "library": {"name": "analytics.js", "version": "npm:next-1.84.3"},
    },
    "integrations": {},
}


def rates_here(seconds: float, event: dict[str, Any]) -> dict[str, float]:
    """Calls a second of this engine in this process."""
    preset = next(preset for preset in PRESETS if preset.action == "identify")
    fires = compile_trigger(preset.trigger)
    strict = compile_action("identify", preset.mapping, lenient=False)
    lenient = compile_action("identify", preset.mapping, lenient=True)
    rates = {}
    for name, action, duration in (("", strict, 0.3), ("strict", strict, seconds), ("lenient", lenient, seconds)):
        calls = seen = 0
        begin = now = time.perf_counter()
        while now < begin + duration:
            for _ in range(500):
                if fires(event):
                    seen += action.apply(event).payload is not None
            calls += 500
            now = time.perf_counter()
        assert seen == calls
        rates[name] = calls / (now - begin)
    return {name: rate for name, rate in rates.items() if name}


def measure() -> dict[str, list[float]]:
    """Rates of both engines, round by round, all on one core."""
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})  # the processes inherit it
    script, environment = node("speed.js")
    here = [sys.executable, "-m", "bench.peers.speed", str(SECONDS)]
    event = json.dumps(EVENT, separators=(",", ":"))
    rates: dict[str, list[float]] = {}
    try:
        for _ in range(ROUNDS):
            for command, surroundings in ((here, None), ([*script, str(SECONDS)], environment)):
                run = subprocess.run(
                    command, env=surroundings, input=event, stdout=subprocess.PIPE, text=True, check=True
                )
                for name, rate in json.loads(run.stdout).items():
                    rates.setdefault(name, []).append(rate)
    finally:
        os.sched_setaffinity(0, before)
    return rates


def report(rates: dict[str, list[float]]) -> str:
    """The medians with their range, and the ratios."""
    median = {name: statistics.median(values) for name, values in rates.items()}
    size = len(json.dumps(EVENT, separators=(",", ":")))
    lines = [f"Speed: the identify preset on an event of {size} bytes, one core, {ROUNDS} rounds in turns, calls/s"]
    for name, what in (
        ("strict", "Uptake: trigger, mapping, validation, payload"),
        ("lenient", "Uptake, lenient, as a new product has it"),
        ("parsed_once", "official: trigger parsed once, transform, validation"),
        ("parsed_each_time", "official: trigger parsed for each call, as Segment does"),
        ("whole", "official: onEvent as a whole, nothing sent"),
    ):
        low, high = min(rates[name]), max(rates[name])
        lines.append(f"  {median[name]:>10,.0f}  ({low:,.0f} to {high:,.0f})  {what}")
    for name, what in (("parsed_once", "with a parsed trigger"), ("parsed_each_time", "as Segment runs it")):
        ratios = sorted(ours / theirs for ours, theirs in zip(rates["strict"], rates[name], strict=True))
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        lines.append(f"  ratio to the official engine {what}, round by round: {ratio}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(json.dumps(rates_here(float(sys.argv[1]), json.load(sys.stdin))))
