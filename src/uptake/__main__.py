"""`python -m uptake` is `uptake`."""

from uptake.cli import main

main()
