import re
from collections import Counter

import pytest

from include.sandbox.people import DistinctId, people, person, stranger_id

SEED = 20260101


def emails(seed: int = SEED, count: int = 1000) -> list[object]:
    """Return the values of `$email` of the first people."""
    return [one.properties.get("$email", "missing") for one in people(seed, range(count))]


def addresses(start: int, stop: int) -> set[str]:
    """Return the addresses of these people, in lower case."""
    found = (one.properties.get("$email") for one in people(SEED, range(start, stop)))
    return {one.lower() for one in found if isinstance(one, str) and "@" in one}


def test_the_same_seed_and_number_give_the_same_person() -> None:
    """However many are asked for, and in whatever order."""
    assert list(people(SEED, range(100)))[42] == person(SEED, 42)


def test_another_seed_gives_other_people() -> None:
    """Neither ids nor addresses agree."""
    assert person(1, 42) != person(2, 42)


def test_a_fifth_has_no_address() -> None:
    """`$email` is missing, not empty."""
    assert emails().count("missing") == 200


@pytest.mark.parametrize("seed", [0, 1, SEED])
def test_a_hundred_people_have_every_kind_of_mess(seed: int) -> None:
    """So small cohorts have it too, whatever the seed."""
    found = emails(seed, 100)
    texts = [one for one in found if isinstance(one, str)]

    assert {"<null>", "<undefined>", "missing"} <= set(texts)
    assert None in found
    assert any(isinstance(one, list) for one in found)
    assert any(isinstance(one, int) for one in found)
    assert any(not text.strip() for text in texts)
    assert any("+" in text for text in texts)
    assert any('"' in text for text in texts)
    assert any(text.count("@") == 2 and "," in text for text in texts)
    assert any("ü" in text for text in texts)
    assert any(text != text.strip() and "\u00a0" not in text and text.strip() for text in texts)
    assert any(text.startswith("\u00a0") and text.endswith("\u00a0") for text in texts)
    assert any("\u00a0" in text.strip() for text in texts)
    assert any(len(text) == 300 for text in texts)
    assert any(text.upper() == text and "@" in text for text in texts)


def test_profiles_share_addresses_also_in_other_case() -> None:
    """Both the same form twice, and two forms of one address."""
    texts = [one for one in emails() if isinstance(one, str) and "@" in one]

    assert any(number > 2 for number in Counter(texts).values())
    forms = Counter(text.lower() for text in set(texts))
    assert any(number > 1 for number in forms.values())


def test_later_people_bring_fresh_addresses_and_some_known_ones() -> None:
    """A churn with the cohort's seed has both."""
    before, after = addresses(0, 1000), addresses(1000, 1100)

    assert len(after - before) > 50
    assert after & before


def test_every_domain_is_reserved() -> None:
    """No mail can ever reach anybody."""
    texts = [one for one in emails() if isinstance(one, str) and "@" in one]
    domains = {domain for text in texts for domain in re.findall(r"@([\w.]+)", text.lower())}

    assert all(re.fullmatch(r"(\w+\.)?example\.(com|org|net)", domain) for domain in domains)


def test_ids_are_unique_and_some_are_integers() -> None:
    """About a tenth."""
    ids: list[DistinctId] = [one.distinct_id for one in people(SEED, range(1000))]
    ids += [stranger_id(SEED, number) for number in range(1000)]

    assert len(set(map(str, ids))) == 2000
    assert 50 < sum(isinstance(id_, int) for id_ in ids) < 200
