"""What `make build` packs runs on a machine without Node, and without the checkout."""

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel, built from the checkout as it stands."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_wheel_carries_the_built_assets(wheel):
    """The manifest is packed, and so is every file that it names."""
    names = set(wheel.namelist())

    manifest = json.loads(wheel.read("uptake/web/static/manifest.json"))

    assert {"src/app.js", "src/charts.js", "src/app.css"} <= set(manifest)
    assert {f"uptake/web/static/{entry['file']}" for entry in manifest.values()} <= names


def test_the_wheel_carries_every_file_of_the_package(wheel):
    """Templates, migrations and the typing marker are packed, and nothing from outside the package."""
    listed = subprocess.run(["git", "ls-files", "src"], cwd=ROOT, capture_output=True, check=True, text=True)
    tracked = {name.removeprefix("src/") for name in listed.stdout.split() if (ROOT / name).exists()}

    names = set(wheel.namelist())

    assert tracked - names == set()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"uptake"}


def test_the_command_starts_from_the_wheel_alone(wheel, tmp_path):
    """Unpacked elsewhere, the package answers `--help` with no Node in reach."""
    wheel.extractall(tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PATH": ""}
    program = "import uptake, sys; print(uptake.__file__); from uptake.cli import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "--help"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.startswith(str(tmp_path))
    assert "serve" in done.stdout


def test_a_build_without_assets_and_without_npm_says_what_to_do(tmp_path, monkeypatch):
    """The build hook names what is missing instead of packing a package without its pages."""
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setenv("PATH", "")
    hook = module.FrontendHook(str(tmp_path), {}, None, None, str(tmp_path), "wheel")

    with pytest.raises(RuntimeError, match=r"Install Node 20\.19 or newer"):
        hook.initialize("standard", {})
