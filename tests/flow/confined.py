"""Runs the command behind it as a service manager would: python confined.py DATA_FOLDER COMMAND…

The root is read-only but for the data folder, the user is nobody in particular and has no capability, and no memory
may be both written and executed.  Needs root and a kernel that can do so; ends with 77 where it cannot.
"""

import ctypes
import os
import subprocess
import sys

UID = 10_001
CANNOT = 77
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN = 38, 65, 1
CLONE_NEWNS = 0x20000


def main(folder: str, *command: str) -> None:
    """Confine this process, and become the command."""
    libc = ctypes.CDLL(None, use_errno=True)
    if os.geteuid() or libc.unshare(CLONE_NEWNS):
        sys.exit(CANNOT)
    for words in (
        ["--make-rprivate", "/"],
        ["--bind", folder, folder],
        ["-o", "remount,ro,bind", "/"],
    ):
        if subprocess.run(["mount", *words], check=False).returncode:
            sys.exit(CANNOT)
    if libc.prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
        sys.exit(CANNOT)
    drop = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.execvp(drop[0], [*drop, "--no-new-privs", *command])


if __name__ == "__main__":
    main(*sys.argv[1:])
