"""What a server at rest does not hold in memory."""

import subprocess
import sys

HEAVY = (
    "numpy",
    "sklearn",
    "pyarrow.parquet",
    "pyarrow.csv",
    "pyarrow.compute",
    "nats",
    "clickhouse_connect",
    "psycopg",
)
TOLD = f"""
import sys
from uptake.cli.lean import imported
imported("uptake.app")
print([name for name in {HEAVY} if name in sys.modules])
import numpy
print(numpy.arange(3).sum())
"""


def test_a_server_loads_no_library_that_only_rare_work_needs():
    """NumPy, writers of files and engines that were not chosen stay out; who asks for NumPy afterwards gets it."""
    told = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, text=True, check=True).stdout

    assert told.splitlines() == ["[]", "3"]
