"""How long work of each kind is done: a module and a line here add one.

What needs floors above the pipeline (a backtest, a backup) is added by `uptake.control` and `uptake.backup`.
"""

from collections.abc import Mapping

from uptake.pipeline.jobs import Kind
from uptake.pipeline.work.erasing import erasing, withdrawn
from uptake.pipeline.work.exporting import exporting
from uptake.pipeline.work.importing import importing
from uptake.pipeline.work.rebuilding import rebuilding
from uptake.pipeline.work.recomputing import recomputing
from uptake.stores.meta.jobs import JobKind

KINDS: Mapping[JobKind, Kind] = {
    "rebuild": Kind(rebuilding),
    "recompute": Kind(recomputing),
    "import": Kind(importing, power="editor"),
    "export": Kind(exporting),
    "erase": Kind(erasing, withdraw=withdrawn, gives_up=False),
}
