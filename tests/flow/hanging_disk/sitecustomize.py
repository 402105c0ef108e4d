"""A disk that hangs, for a server process that a test starts with this folder on its path.

While the file that HUNG_WHILE names is there, no commit of the call log gets on; all else is Uptake as it is.
"""

import os
import time
from pathlib import Path

from uptake.stores.log.sqlite_file import LogFile

hung = Path(os.environ.get("HUNG_WHILE", "/nowhere"))
append = LogFile.append


def append_when_it_gets_on(file, requests):
    """As LogFile.append, later."""
    while hung.exists():
        time.sleep(0.005)
    return append(file, requests)


LogFile.append = append_when_it_gets_on
