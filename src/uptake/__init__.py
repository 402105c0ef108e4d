"""Uptake: Segment calls in, explained engagement scores of accounts and users out.

The package is built in floors: `core` at the bottom, then the shelves (`sources`, `destination`, `scoring`,
`segments`, `stores`, `syncs`), then `pipeline` and `views`, then `web`, and the wiring (`settings`, `app`,
`worker`, `cli`) on top. Imports go down only.
"""

__version__ = "0.1.0"
