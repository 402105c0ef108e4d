"""A new generation of a product's event store in the making: folded from the whole log, then scored, in steps."""

from collections.abc import Callable
from datetime import date

from uptake.pipeline.eras import Eras
from uptake.pipeline.rescore import rescore_steps
from uptake.pipeline.steps import Step, Work
from uptake.stores.events.base import EventStore

FOLDING = "Folding"


class Making:
    """A store that nobody reads yet."""

    def __init__(
        self, store: EventStore, fold: Callable[[], int], *, end: Callable[[], int], retained: int, few: int
    ) -> None:
        """fold: folds the next calls into the store and says how many.  end: of the log.  retained: the first offset
        that is not in the base snapshot.  few: so many calls are left to the last moment."""
        self.store, self._fold, self._end, self._retained, self._few = store, fold, end, retained, few

    def folded(self) -> Work[None]:
        """Fold until few calls are left."""
        while folded := self._fold():
            offset = self.store.offset()
            yield Step(offset, max(offset, self._end()), FOLDING)
            if folded < self._few and offset > self._retained:
                return

    def scored(self, eras: Eras, today: date, *, revision: int, now_us: int) -> Work[None]:
        """Compute the numbers of every kept day."""
        yield from rescore_steps(self.store, eras, today, revision=revision, now_us=now_us, every_day=True)

    def fold_rest(self) -> None:
        """Fold every call that there is."""
        while self._fold():
            pass
