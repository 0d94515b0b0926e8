"""The system tests' own judge: what it must see, and what it must let pass."""

from include.demo.sandbox import Lead
from tests.system.witness import judge_leads

FIELD = "flag"
ANN, BOB = "ann@example.com", "bob@example.com"
LEADS = [Lead(1, "Ann@example.com", {FIELD: True}), Lead(2, BOB, {FIELD: False})]


def test_leads_are_held_against_the_members() -> None:
    """One who holds nothing, one who left, one without a lead, and one with two."""
    leads = [*LEADS, Lead(3, "cy@example.com", {}), Lead(4, "cy@example.com", {FIELD: True})]

    assert judge_leads(leads, FIELD, {BOB, "cy@example.com", "dan@example.com"}) == [
        "2 leads of members do not hold True.",
        "1 leads of others hold True.",
        "1 members have no lead.",
        "1 addresses have more than one lead.",
    ]
    assert judge_leads(LEADS, FIELD, {ANN}) == []
