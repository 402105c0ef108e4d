"""Lock files name packages by version and hash alone, and no file knows the machine it was written on."""

import pytest

from tools import locks

SOMEWHERE = "https:" + "//example.org"
"""Put together, as below a path is: this file itself holds none of what is looked for."""


def test_no_file_holds_a_registry_address_or_a_machine_path():
    """Every tracked file is free of package addresses (locks) and of one machine's paths (all)."""
    paths = locks.tracked_files()

    faults = [fault for path in paths for fault in locks.faults(path)]

    assert faults == []
    assert {"requirements.lock", "requirements-dev.lock", "package-lock.json"} <= {p.name for p in paths}


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("requirements.lock", f"--index-url {SOMEWHERE}/simple"),
        ("requirements.lock", "  -f ./wheels"),
        ("requirements.lock", f"uptake @ {SOMEWHERE}/uptake.zip"),
        ("uv.lock", f'source = {{ registry = "{SOMEWHERE}/simple" }}'),
        ("package-lock.json", f'"resolved": "{SOMEWHERE}/vite.tgz",'),
        (".npmrc", f"registry={SOMEWHERE}/"),
        ("notes.md", "see /ho" + "me/ana/uptake"),
    ],
)
def test_an_address_is_found(name, line, tmp_path):
    """Each form in which an address slips into a file is found, with its line."""
    path = tmp_path / name
    path.write_text(f"first line\n{line}\n")

    (fault,) = locks.faults(path)

    assert f"{name}:2:" in fault


def test_a_link_to_a_path_of_one_machine_is_found(tmp_path):
    """Also one that leads nowhere; a link within the repository is none."""
    (tmp_path / "away").symlink_to(tmp_path / "not" / "there")
    (tmp_path / "near").symlink_to("away")

    (fault,) = locks.faults(tmp_path / "away")

    assert "away: a link" in fault
    assert list(locks.faults(tmp_path / "near")) == []


def test_an_ordinary_lock_line_is_no_fault(tmp_path):
    """A pinned version, its hash, and a funding link in an npm lock are fine."""
    python, npm = tmp_path / "requirements.lock", tmp_path / "package-lock.json"
    python.write_text("httpx==0.28.1 \\\n    --hash=sha256:" + "d9" * 32)
    npm.write_text('"funding": {"url": "https://example.org/sponsors"}\n')

    assert [*locks.faults(python), *locks.faults(npm)] == []
