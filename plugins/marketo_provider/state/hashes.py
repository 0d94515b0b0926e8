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
_ONE = np.uint64(1)
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
        """Yield them piece by piece, not sorted."""
        for piece in self._pieces:
            with piece:
                piece.seek(0)
                yield np.fromfile(piece, np.uint64)


def repeated(hashes: Hashes) -> Array:
    """Return those that occur more than once; what occurs often may come often."""
    return np.concatenate([_repeated(np.sort(piece)) for piece in hashes.pieces()])


def differing(mine: Hashes, theirs: Hashes) -> Array:
    """Return those that only one side has, and those that a side has more than once.

    All have to be even. What occurs often may come often.
    """
    return np.concatenate([_differing(*pair) for pair in zip(mine.pieces(), theirs.pieces(), strict=True)])


def _differing(mine: Array, theirs: Array) -> Array:
    # The last bit tells the sides apart, so that one sort does for both.
    both = np.concatenate([mine, theirs | _ONE])
    both.sort()
    hashes = both & ~_ONE
    edges = np.ones(len(both) + 1, bool)
    edges[1:-1] = hashes[1:] != hashes[:-1]
    return np.concatenate([hashes[edges[1:] & edges[:-1]], _repeated(both) & ~_ONE])


def _repeated(piece: Array) -> Array:
    again: Array = piece[1:][piece[1:] == piece[:-1]]
    return again
