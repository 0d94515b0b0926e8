"""The suppression list: addresses that were erased, so that no snapshot brings them back.

It holds keyed hashes only, one file each, so that two commands at once lose nothing of each other's. Whoever has
the store has the key too: the list can be asked about an address, but not read.
"""

import contextlib
import hashlib
import secrets
from collections.abc import Sequence

from marketo_provider.errors import StoreUnusable
from marketo_provider.state.store import Store

_FOLDER = "suppressed"
KEY = f"{_FOLDER}/key"


class SuppressionList:
    """The list, as it stands in a store at this moment.

    Raises:
        StoreUnusable: it has lost its key.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._hashes = set(store.names(_FOLDER))
        self._key = self._read_key() if self._hashes else b""

    def __contains__(self, address: str) -> bool:
        """Whether an address, in any case, is on the list."""
        return bool(self._hashes) and self._hash(address) in self._hashes

    def add(self, address: str) -> None:
        """Put an address on the list."""
        if not self._key:
            with contextlib.suppress(FileExistsError):
                self._store.create(KEY, secrets.token_hex(32).encode())
            self._key = self._read_key()
        name = self._hash(address)
        self._store.write(f"{_FOLDER}/{name}", b"erased")
        self._hashes.add(name)

    def remove(self, address: str) -> bool:
        """Take an address off the list; return whether it was on it."""
        if address not in self:
            return False
        name = self._hash(address)
        self._store.delete(f"{_FOLDER}/{name}")
        self._hashes.remove(name)
        return True

    def hide(
        self, addresses: Sequence[str | None], causes: Sequence[str | None]
    ) -> tuple[Sequence[str | None], Sequence[str | None]]:
        """Return the addresses and causes of a page's profiles, where who is on the list counts as without one."""
        if not self._hashes:
            return addresses, causes
        hidden = [address is not None and address in self for address in addresses]
        return (
            [None if hide else address for hide, address in zip(hidden, addresses, strict=True)],
            ["without_email" if hide else cause for hide, cause in zip(hidden, causes, strict=True)],
        )

    def _hash(self, address: str) -> str:
        return hashlib.blake2b(address.lower().encode(), key=self._key, digest_size=20).hexdigest()

    def _read_key(self) -> bytes:
        try:
            return bytes.fromhex(self._store.read(KEY).decode())
        except (FileNotFoundError, ValueError):
            raise StoreUnusable(
                f"The state store's file {KEY} is missing or damaged: nobody can tell who was erased. Nothing "
                f"was sent. Restore it; or delete the folder {_FOLDER}, and erase again who must stay erased."
            ) from None
