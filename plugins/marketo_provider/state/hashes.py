"""Hashes of millions of rows, in bounded memory: set aside by their first bits, then sorted piece by piece.

Sorted, they tell at the speed of memory which occur twice, and in which of them two sides differ. DuckDB does the
same with hash tables of all rows, at several times the cost.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.uint64]

# Of 30 million hashes a piece holds 15 MB.
_PIECE_BITS = 4
_BOUNDS = np.arange(1, 1 << _PIECE_BITS, dtype=np.uint64) << np.uint64(64 - _PIECE_BITS)


class Hashes:
    """Many hashes of 64 bits; they can be had once.

    Args:
        folder: where they are set aside, without a name.
    """

    def __init__(self, folder: Path) -> None:
        self._pieces = [TemporaryFile(dir=folder) for _ in range(1 << _PIECE_BITS)]  # noqa: SIM115 - closed by `pieces`

    def add(self, hashes: Array) -> None:
        """Add some."""
        hashes = np.sort(hashes)
        cuts = [0, *np.searchsorted(hashes, _BOUNDS).tolist(), len(hashes)]
        for piece, (begin, end) in zip(self._pieces, pairwise(cuts), strict=True):
            piece.write(hashes[begin:end].data)

    def pieces(self) -> Iterator[Array]:
        """Yield them piece by piece, each piece sorted."""
        for piece in self._pieces:
            with piece:
                piece.seek(0)
                hashes = np.fromfile(piece, np.uint64)
            hashes.sort()
            yield hashes


def repeated(hashes: Hashes) -> Array:
    """Return those that occur more than once."""
    return np.unique(np.concatenate([_repeated(piece) for piece in hashes.pieces()]))


def differing(mine: Hashes, theirs: Hashes) -> Array:
    """Return those that only one side has, and those that a side has more than once."""
    found = [_differing(*pieces) for pieces in zip(mine.pieces(), theirs.pieces(), strict=True)]
    return np.unique(np.concatenate(found))


def _differing(mine: Array, theirs: Array) -> Array:
    both = np.concatenate([mine, theirs])
    both.sort(kind="stable")  # merges what is sorted
    edges = np.concatenate([[True], both[1:] != both[:-1], [True]])[: len(both) + 1]
    return np.concatenate([both[edges[1:] & edges[:-1]], _repeated(mine), _repeated(theirs)])


def _repeated(piece: Array) -> Array:
    again: Array = piece[1:][piece[1:] == piece[:-1]]
    return again
