"""Build hook: puts the browser assets into the wheel.

Assets that are already built are packed as they are, so a machine without Node can still build a wheel from a
tree that has them.  Node is asked for only when they are missing.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class FrontendHook(BuildHookInterface):
    """Run Vite before the wheel is packed, unless the assets stand there already."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build `src/uptake/web/static`; an editable install is left to `make frontend`."""
        root = Path(self.root)
        static = root / "src" / "uptake" / "web" / "static"
        if version == "editable" or self.target_name != "wheel" or (static / "manifest.json").exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError(
                f"The browser assets are missing in {static} and npm was not found. "
                "Install Node 20.19 or newer, or build from a tree in which `make frontend` was run."
            )
        self.app.display_info("Building the browser assets with npm (once, about ten seconds)")
        subprocess.run([npm, "ci", "--no-fund", "--no-audit"], cwd=root / "frontend", check=True)
        subprocess.run([npm, "run", "build"], cwd=root / "frontend", check=True)
