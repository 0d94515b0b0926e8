"""Sorted pieces of hashes tell what sets of Python would, whichever piece a hash falls into."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketo_provider.state.hashes import Hashes, differing, repeated

# Few enough to meet one another, from every piece, the bounds between two among them.
VALUES = st.sampled_from([(piece << 60) + offset for piece in range(16) for offset in (0, 1, (1 << 60) - 1)])
BATCHES = st.lists(st.lists(VALUES, max_size=12), max_size=4)
EVEN_BATCHES = st.lists(st.lists(VALUES.map(lambda value: value & ~1), max_size=12), max_size=4)


def hashes(batches: list[list[int]], folder: Path) -> Hashes:
    """Return hashes that were added in batches."""
    hashes = Hashes(folder)
    for batch in batches:
        hashes.add(np.array(batch, np.uint64))
    return hashes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a scratch folder."""
    return tmp_path_factory.mktemp("scratch")


@given(batches=BATCHES)
def test_what_occurs_more_than_once_is_found(folder: Path, batches: list[list[int]]) -> None:
    """Within a batch or across."""
    counted = Counter(value for batch in batches for value in batch)

    found = set(repeated(hashes(batches, folder)).tolist())

    assert found == {value for value, count in counted.items() if count > 1}


@given(mine=EVEN_BATCHES, theirs=EVEN_BATCHES)
def test_what_two_sides_do_not_share_once_each_is_found(
    folder: Path, mine: list[list[int]], theirs: list[list[int]]
) -> None:
    """What a side has more than once may hide a difference, so it counts as one."""
    counts = [Counter(value for batch in side for value in batch) for side in (mine, theirs)]

    found = set(differing(hashes(mine, folder), hashes(theirs, folder)).tolist())

    assert found == {value for value in counts[0] | counts[1] if any(side[value] != 1 for side in counts)}


def test_nothing_is_left_in_the_folder(folder: Path) -> None:
    """Hashes of a large cohort take room, and are gone with the object."""
    aside = hashes([[1, 2, 3]], folder)

    list(aside.pieces())

    assert list(folder.iterdir()) == []
