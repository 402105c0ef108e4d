"""Who works at which product, where several processes share them: what each should take, and what it should give up.

Nobody is told what to do: each process looks at who holds what and moves one step towards an even share.
"""

from collections.abc import Collection, Mapping

import msgspec


class Change(msgspec.Struct, frozen=True):
    """What a process should do now: take these products, all of them free, and give these up, all of them its own."""

    take: tuple[int, ...] = ()
    give: tuple[int, ...] = ()


def change_of(me: int, products: Collection[int], held: Mapping[int, Collection[int]]) -> Change:
    """The next step of the process `me`.

    held: every process that works, `me` too → products that it holds.  Those with the fewest take first, and nobody
    gives up what would only come back, so that it ends: each product is held, by processes that differ by one at most.

    >>> change_of(1, [1, 2, 3], {1: []})
    Change(take=(1, 2, 3), give=())
    >>> change_of(1, [1, 2, 3], {1: [1, 2, 3], 2: []})
    Change(take=(), give=(3,))
    """
    own = sorted(set(held[me]) & set(products))
    gone = tuple(sorted(set(held[me]) - set(products)))
    free = sorted(set(products).difference(*held.values()))
    fewest = min(len(each) for each in held.values())
    even, rest = divmod(len(products), len(held))
    most = even + bool(rest)
    if len(own) > most or len(own) > fewest + 1:
        return Change(give=(*gone, *own[min(most, len(own) - 1) :]))
    wanted = max(even - len(own), 1 if len(own) == fewest else 0)
    return Change(take=tuple(free[:wanted]), give=gone)
