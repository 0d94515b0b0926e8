"""Changes as the columns that a comparison yields."""

from collections.abc import Sequence

import pyarrow as pa

from marketo_provider.state.ledger import column_rows
from marketo_provider.sync.changes import Change, ChangeColumns


def as_columns(changes: Sequence[Change]) -> ChangeColumns:
    """Return changes of one kind as columns."""
    kept = pa.Table.from_batches([column_rows(each.row for each in changes)])
    reach = pa.array([each.reach for each in changes], pa.list_(pa.int64()))
    (rows,) = kept.append_column("reach", reach).combine_chunks().to_batches()
    return ChangeColumns(rows, [each.row.address for each in changes], changes[0].value, changes[0].create)
