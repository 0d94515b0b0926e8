"""What the simulator takes for granted: each a flag, with what it means and where the figure comes from."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from marketo_provider.exports import CohortExport
from marketo_provider.marketo.connection import MarketoConnection
from marketo_provider.mixpanel.connection import MixpanelConnection


def _assumed(default: Any, meaning: str, source: str) -> Any:
    return field(default=default, metadata={"meaning": meaning, "source": source})


def _default(model: Any, name: str) -> Any:
    return model.model_fields[name].default


_CONNECTION = "default of the Connection"


@dataclass(frozen=True, slots=True)
class Assumptions:
    """All figures that a simulation depends on."""

    members: int = _assumed(30_000_000, "members of the cohort, each with an address", "Mixpanel's largest export")
    churn: float = _assumed(0.02, "share of the members who leave between two syncs; as many enter", "yours")
    create_leads: bool = _assumed(
        _default(CohortExport, "create_leads"),
        "whether leads may be created, else nothing goes by import",
        "yours",
    )
    days: int = _assumed(3, "days that are played", "yours")
    interval_hours: float = _assumed(2.0, "hours between two syncs", "an export's own schedule")
    quota: int = _assumed(
        _default(MarketoConnection, "daily_quota"), "Marketo's calls a day, of all integrations", "rest-api.md"
    )
    quota_share: float = _assumed(
        _default(MarketoConnection, "quota_share"), "share of the quota at which exports stop", _CONNECTION
    )
    others: float = _assumed(
        0.3, "share of the quota that other integrations use, evenly through the day", "a guess"
    )
    calls_per_20_seconds: int = _assumed(
        _default(MarketoConnection, "calls_per_20_seconds"),
        "our calls in 20 seconds",
        "integration-best-practices.md",
    )
    concurrent_calls: int = _assumed(
        _default(MarketoConnection, "concurrent_calls"), "our calls at once", "integration-best-practices.md"
    )
    call_seconds: float = _assumed(
        2.0, "seconds of a sync-leads call of 300 records", "not published: a guess, < 90"
    )
    import_rows_per_second: float = _assumed(
        100.0, "rows that Marketo imports in a second, in each job", "not published: a guess, measure it"
    )
    import_jobs: int = _assumed(2, "import jobs that Marketo works on at once for us", "bulk-lead-import.md")
    import_queue: int = _assumed(
        _default(MarketoConnection, "bulk_jobs_queued"), "import jobs of ours in Marketo's queue", _CONNECTION
    )
    poll_seconds: float = _assumed(30.0, "seconds between two looks at each job", "bulk-lead-import.md: 5 to 30")
    address_bytes: int = _assumed(25, "bytes of an address", "a guess")
    page_size: int = _assumed(_default(MixpanelConnection, "page_size"), "profiles of a page", _CONNECTION)
    page_seconds: float = _assumed(
        3.9, "seconds of a page of Mixpanel", "airbyte issue 7439: 1,280 profiles a second and reader"
    )
    first_page_seconds: float = _assumed(60.0, "seconds in which Mixpanel computes the cohort", "a guess, < 488")
    concurrent_pages: int = _assumed(
        _default(MixpanelConnection, "concurrent_pages"), "pages at once, of Mixpanel's 5", _CONNECTION
    )
    compare_seconds_per_million: float = _assumed(
        1.5, "seconds to complete and compare a million members", "make bench-diff"
    )

    @classmethod
    def parse(cls, arguments: Sequence[str] | None) -> "Assumptions":
        """Return what flags say, and the defaults for the others."""
        parser = argparse.ArgumentParser(prog="python -m include.simulator", description=_DESCRIPTION)
        for each in fields(cls):
            meaning = f"{each.metadata['meaning']} ({each.default}; {each.metadata['source']})".replace("%", "%%")
            if isinstance(each.default, bool):
                action = argparse.BooleanOptionalAction
                parser.add_argument(_flag(each.name), action=action, default=each.default, help=meaning)
            else:
                kind: Any = type(each.default)
                parser.add_argument(_flag(each.name), type=kind, default=each.default, metavar="N", help=meaning)
        return cls(**vars(parser.parse_args(arguments)))

    def lines(self) -> list[tuple[str, str, str, str]]:
        """Return flag, value, meaning and source of each."""
        return [
            (_flag(each.name), _shown(getattr(self, each.name)), each.metadata["meaning"], each.metadata["source"])
            for each in fields(self)
        ]


def _shown(value: float) -> str:
    return str(value) if isinstance(value, bool) else f"{value:,}"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


_DESCRIPTION = (
    "Play days of syncs on a virtual clock, through the provider's own planning and limits. Pages named *.md "
    "are those of AdobeDocs/marketo-developer.en, help/rest-api."
)
