"""`python -m bench [NAME …]`: every measurement after another, each in a process of its own; or only the named ones."""

import subprocess
import sys

MODULES = {"ingest": "bench.ingest", "stores": "bench.rescore", "spine": "bench.spine"}


def main(chosen: list[str]) -> None:
    """Run what is chosen, or all; exit with 1 if one of them fails or has no such name."""
    if unknown := sorted(set(chosen) - set(MODULES)):
        sys.exit(f"There is no measurement {', '.join(unknown)}; there are {', '.join(MODULES)}.")
    failed = []
    for name in chosen or MODULES:
        print(f"\n==> {name}", flush=True)
        if subprocess.run([sys.executable, "-m", MODULES[name]], check=False).returncode:
            failed.append(name)
    sys.exit(f"Failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1:])
