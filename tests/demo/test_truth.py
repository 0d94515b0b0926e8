"""Who is a member, as the demo sees it."""

import pytest

from include.demo.truth import Cohort, read_cohort


@pytest.mark.parametrize(
    "value",
    [
        "ada@example.com",
        "  Ada@Example.COM\u00a0",
        "ada+news@mail.example.com",
        "a@b.c",
        f"{'a' * 243}@example.com",
    ],
)
def test_an_address_is_a_member(value: str) -> None:
    """What can be written to is a member, whatever its case and whatever blanks are around it."""
    assert read_cohort([value]).members == {value.strip().lower()}


@pytest.mark.parametrize(
    "value",
    [
        "ada@example",
        "ada@.com",
        "ada@example.",
        "@example.com",
        "ada@@example.com",
        '"ada, b"@example.com',
        "ada@example.com,bea@example.com",
        "jürgen@example.com",
        "ada\u00a0b@example.com",
        "ada\x00@example.com",
        f"{'a' * 244}@example.com",
        4_900_000_000,
        ["ada@example.com"],
    ],
)
def test_an_invalid_value_is_no_member_and_not_missing_either(value: object) -> None:
    """What is there and no address is counted neither as a member nor as a profile without an e-mail."""
    assert read_cohort([value]) == Cohort(
        profiles=1, without_email=0, invalid_email=1, duplicate_email=0, members=frozenset()
    )


@pytest.mark.parametrize("value", [None, "", "  ", "null", "<NULL>", "Undefined", "<undefined>"])
def test_a_placeholder_is_a_profile_without_email(value: str | None) -> None:
    """Nothing, and what only says that there is nothing, is counted as without an e-mail."""
    assert read_cohort([value]) == Cohort(
        profiles=1, without_email=1, invalid_email=0, duplicate_email=0, members=frozenset()
    )


def test_profiles_that_share_an_address_are_one_member() -> None:
    """Addresses are the same in any case."""
    cohort = read_cohort(["ada@example.com", "ADA@example.com"])

    assert cohort == Cohort(
        profiles=2, without_email=0, invalid_email=0, duplicate_email=1, members=frozenset({"ada@example.com"})
    )
