from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest
from fsspec import AbstractFileSystem

from marketo_provider.state.store import LocalStore, S3Store, Store
from tests.state.support import BUCKET, s3_filesystem


@pytest.fixture(scope="session")
def s3() -> Iterator[AbstractFileSystem]:
    """Return a filesystem on an S3 server of the session's own."""
    with s3_filesystem() as filesystem:
        yield filesystem


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return an empty store of each kind."""
    if request.param == "file":
        return LocalStore(tmp_path / "state")
    return S3Store(request.getfixturevalue("s3"), f"{BUCKET}/{token_hex(8)}/state")


@pytest.fixture
def local(tmp_path: Path) -> LocalStore:
    """Return an empty store on disk."""
    return LocalStore(tmp_path / "state")
