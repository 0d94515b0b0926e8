"""Which fields of an instance a new export may have, and whose the others are."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from marketo_provider.clock import Clock
from marketo_provider.errors import TargetClaimed
from marketo_provider.marketo.client import Field, MarketoClient
from marketo_provider.new_export import OtherExport
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Claim
from marketo_provider.state.store import Store
from marketo_provider.sync.field_check import check_field, why_unfit
from marketo_provider.sync.ownership import owner_in_words

# A person waits, and each claim is some reads of the store.
_SIDE_BY_SIDE: Final = 16


@dataclass(frozen=True, slots=True)
class Candidate:
    """A field that could carry a flag, and whose it is; None where it is free."""

    field: Field
    owner: str | None


class FreeFields:
    """The fields of one instance, as one looks for a field for a new export.

    Args:
        client: of the instance.
        store: knows the claims.
        declared: exports whose field is theirs before they have ever run.
        clock: for the logs of the targets.
        may_name: whether whoever asks may know of an export, by its name.
    """

    def __init__(
        self,
        client: MarketoClient,
        store: Store,
        declared: Iterable[OtherExport],
        clock: Clock,
        *,
        may_name: Callable[[str], bool] = lambda _: True,
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._may_name = may_name
        self._declared = {each.marketo_field.lower(): each.name for each in declared}
        self._known = frozenset(store.names(f"marketo/{client.host}"))

    def candidates(self) -> list[Candidate]:
        """Return the Boolean fields that are not Marketo's own, free or not."""
        fields = [field for field in self._client.fields() if why_unfit(field) is None]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            claims = list(pool.map(lambda field: self._claim(field.name), fields))
        return [
            Candidate(field, self._words(field.name, claim)) for field, claim in zip(fields, claims, strict=True)
        ]

    def owner(self, name: str) -> str | None:
        """Return whose a field is, in words."""
        return self._words(name, self._claim(name))

    def _claim(self, name: str) -> Claim | None:
        if name.lower() not in self._known:
            return None
        return TargetLog(self._store, f"marketo/{self._client.host}/{name.lower()}", self._clock).target.claim

    def _words(self, name: str, claim: Claim | None) -> str | None:
        declared = self._declared.get(name.lower())
        export = claim.export if claim else declared
        if export is None:
            return None
        if not self._may_name(export):
            return "another export"
        if claim and claim.retired_at:
            return f"export {export!r}, which was retired on {claim.retired_at:%Y-%m-%d %H:%M} UTC"
        if claim:
            return f"export {owner_in_words(claim)}"
        return f"export {export!r}, which is declared and has not run yet"

    def check_free(self, name: str, label: str) -> None:
        """Refuse a field that is another export's.

        Raises:
            TargetClaimed: says whose it is.
        """
        if owner := self.owner(name):
            target = f"{self._client.host}/{name.lower()}"
            raise TargetClaimed(
                f"{label}: the field {name} is taken by {owner}. Take another one; or, if that export is given up "
                f"for good, free it with: python -m marketo_provider state release {target}"
            )

    def check(self, name: str, label: str) -> Field:
        """Return a field; refuse one that is another export's, or cannot carry the flag.

        Raises:
            TargetClaimed, FieldUnusable: says why, and what to do.
        """
        self.check_free(name, label)
        return check_field(self._client, name, label)
