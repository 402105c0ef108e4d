"""Files in a dictionary: the oracle of the contract suite."""

from uptake.core.errors import UptakeError
from uptake.stores.files.base import KeptFile


class MemoryFiles:
    """A `FileRoom` that forgets everything with the process."""

    def __init__(self, *, clock, most_bytes=10**9):
        self._clock, self._most_bytes, self._kept = clock, most_bytes, {}

    def keep(self, name, path):
        content = path.read_bytes()
        if len(content) + sum(len(each) for each, _ in self._kept.values()) > self._most_bytes:
            raise UptakeError("files_full", "too many bytes")
        for start in range(0, len(content), 1000):
            yield min(start + 1000, len(content))
        self._kept[name] = content, self._clock()
        path.unlink()

    def read(self, name):
        content, _ = self._kept[name]
        return (content[start : start + 1000] for start in range(0, len(content), 1000))

    def all(self):
        return [KeptFile(name, len(content), at_us) for name, (content, at_us) in sorted(self._kept.items())]

    def drop(self, name):
        self._kept.pop(name, None)

    def clear(self, before_us):
        pass

    def close(self):
        pass
