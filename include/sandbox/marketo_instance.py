"""Everything one Marketo instance holds in memory; a reset makes it anew."""

from dataclasses import dataclass, field
from random import Random

from include.sandbox.clock import Clock
from include.sandbox.marketo_answers import Envelope
from include.sandbox.marketo_bulk_queue import ImportQueue, Job
from include.sandbox.marketo_bulk_rows import LeadWriter, RowImport
from include.sandbox.marketo_fields import Catalog
from include.sandbox.marketo_leads import LeadStore
from include.sandbox.marketo_limits import Gate, Limits
from include.sandbox.marketo_partitions import Partition, Partitions
from include.sandbox.marketo_standard_fields import standard_fields
from include.sandbox.marketo_tokens import Credentials, Tokens

READ_LEAD, WRITE_LEAD = "Read-Only Lead", "Read-Write Lead"
STANDARD_SCHEMA, CUSTOM_SCHEMA = "Read-Write Schema Standard Field", "Read-Write Schema Custom Field"
PERMISSIONS = frozenset({READ_LEAD, WRITE_LEAD, STANDARD_SCHEMA, CUSTOM_SCHEMA})


@dataclass(slots=True)
class Instance:
    """One instance: its data, its limits, and the API-only user's permissions."""

    catalog: Catalog
    leads: LeadStore
    gate: Gate
    tokens: Tokens
    envelope: Envelope
    partitions: Partitions = field(default_factory=lambda: Partitions([Partition(id=1, name="Default")]))
    permissions: frozenset[str] = PERMISSIONS
    imports: ImportQueue = field(init=False)

    def begin_import(self, job: Job) -> RowImport:
        """Return the rows of an import job that is beginning, looked up."""
        writer = LeadWriter(self.leads, self.partitions, job.options)
        return RowImport(job.file, writer, catalog=self.catalog, several=self.imports.settings.several_matches)


def new_instance(clock: Clock, credentials: Credentials, limits: Limits, *, seed: int) -> Instance:
    """Return an instance with the standard fields and no leads; the seed decides ids and tokens."""
    catalog = Catalog(standard_fields())
    first_id = Random(f"lead ids {seed}").randrange(1_000, 100_000)  # noqa: S311 - repeatable on purpose
    instance = Instance(
        catalog=catalog,
        leads=LeadStore(catalog, clock, first_id=first_id),
        gate=Gate(limits, clock, user=credentials.user),
        tokens=Tokens(credentials, clock, seed=seed),
        envelope=Envelope(clock, seed),
    )
    first_batch = Random(f"batch ids {seed}").randrange(1_000, 10_000)  # noqa: S311 - as above
    instance.imports = ImportQueue(
        clock, limits=lambda: instance.gate.limits, begin=instance.begin_import, next_id=first_batch
    )
    return instance
