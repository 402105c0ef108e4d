"""The official packages: installed from the lock into build/peers, and asked through Node."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE.parents[1] / "build" / "peers"
FILES = ("package.json", "package-lock.json", ".npmrc")
PACKAGES = (
    "@segment/destination-subscriptions",
    "@segment/actions-core",
    "@segment/action-destinations",
    "ajv",
    "fast-uri",
    "liquidjs",
)

Json = Any


def install() -> None:
    """Install the packages of the lock, unless they are there already."""
    stamp = FOLDER / "installed.json"
    wanted = (HERE / "package-lock.json").read_text()
    if stamp.is_file() and stamp.read_text() == wanted:
        return
    print(f"Installing the official packages into {FOLDER} (about 60 MB, once)", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(HERE / name, FOLDER / name)
    # The destinations ask for another major version of Node than the one here; the Accoil destination runs on both.
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(command, cwd=FOLDER, check=True)
    stamp.write_text(wanted)


def versions() -> dict[str, str]:
    """What is installed, package by package."""
    folders = {name: FOLDER / "node_modules" / name / "package.json" for name in PACKAGES}
    return {name: json.loads(path.read_text())["version"] for name, path in folders.items()}


def node(script: str | Path) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run a script, by its name in this folder or its path, with the packages in reach."""
    environment = {**os.environ, "NODE_PATH": str(FOLDER / "node_modules"), "TZ": "UTC"}
    return ["node", str(HERE / script)], environment


def ask(questions: Iterable[dict[str, Json]]) -> list[Json]:
    """Put questions to the official engine; the answers come in their order."""
    command, environment = node("official.js")
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    run = subprocess.run(command, env=environment, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]
