import re
import string
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from marketo_provider.state.ledger import Key
from marketo_provider.sync.address import Unusable, read_address, read_addresses

WITHOUT, INVALID = Unusable.WITHOUT_EMAIL, Unusable.INVALID_EMAIL
# All that `str.strip` takes off, of Unicode's whitespace and the separators among the control characters.
WHITESPACE = [
    *("\t", "\n", "\v", "\f", "\r", "\x1c", "\x1d", "\x1e", "\x1f", " ", "\x85", "\xa0", "\u1680", "\u2000"),
    *("\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a"),
    *("\u2028", "\u2029", "\u202f", "\u205f", "\u3000"),
]
# Looks like whitespace, and is none to `str.strip`.
INVISIBLE = ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u180e"]
PLACEHOLDERS = ["null", "undefined", "<null>", "<undefined>"]
FORBIDDEN = ["@", " ", "\t", "\n", ",", ";", "<", ">", '"', "(", ")", "[", "]"]
DOMAIN = "@example.com"


def mixed(word: str) -> str:
    """Return a word in alternating case."""
    return "".join(letter.upper() if number % 2 else letter for number, letter in enumerate(word))


@pytest.mark.parametrize(
    "value",
    [
        "a@b.c",
        "ann@example.com",
        "Ann.O'Hara@Example.COM",
        "ann+trial@example.com",
        "ann@mail.example.co.uk",
        "ann@xn--mnchen-3ya.de",
        "ann@127.0.0.1",
        "_@-.-",
        "!#$%&'*+-/=?^_`{|}~@example.com",
        "a\\b@example.com",
        "a:b@example.com",
        ".ann.@example..com",
        "null@example.com",
        "undefined@null.undefined",
    ],
)
def test_a_valid_address_is_kept_as_it_is(value: str) -> None:
    """Its case too: the form that somebody wrote is the form sent."""
    assert read_address(value) == value


@pytest.mark.parametrize("space", WHITESPACE, ids=ascii)
def test_whitespace_around_an_address_is_trimmed(space: str) -> None:
    """Of every kind, on both sides."""
    assert read_address(f"{space}Ann@example.com{space}{space}") == "Ann@example.com"


@pytest.mark.parametrize("space", WHITESPACE, ids=ascii)
def test_nothing_but_whitespace_is_no_address(space: str) -> None:
    """Blank is missing, not wrong."""
    assert read_address(space * 3) is WITHOUT


@pytest.mark.parametrize("space", [*WHITESPACE, *INVISIBLE], ids=ascii)
def test_whitespace_within_an_address_is_invalid(space: str) -> None:
    """A split address is nobody's."""
    assert read_address(f"ann{space}lee@example.com") is INVALID


@pytest.mark.parametrize("character", INVISIBLE, ids=ascii)
def test_invisible_characters_are_not_trimmed(character: str) -> None:
    """What Python does not strip makes the address invalid."""
    assert read_address(f"{character}ann@example.com") is INVALID
    assert read_address(f"ann@example.com{character}") is INVALID


@pytest.mark.parametrize("value", [None, "", *PLACEHOLDERS])
def test_a_missing_address_is_counted_as_missing(value: str | None) -> None:
    """No value, no text, and what exporters write for none."""
    assert read_address(value) is WITHOUT


@pytest.mark.parametrize("change", [str.upper, str.title, mixed], ids=["upper", "title", "mixed"])
@pytest.mark.parametrize("word", PLACEHOLDERS)
def test_placeholders_come_in_any_case(word: str, change: Callable[[str], str]) -> None:
    """And with whitespace around them."""
    assert read_address(change(word)) is WITHOUT
    assert read_address(f" \u00a0{change(word)}\r\n") is WITHOUT


@pytest.mark.parametrize(
    "value",
    [
        "<null",
        "null>",
        "(null)",
        "nil",
        "none",
        "None",
        "n/a",
        "-",
        "nul",
        "nulll",
        "<>",
        "[null]",
        '"null"',
        "NaN",
    ],
)
def test_what_is_no_placeholder_of_ours_is_invalid(value: str) -> None:
    """Only the words that were seen in the field stand for a missing address."""
    assert read_address(value) is INVALID


@pytest.mark.parametrize(
    "value",
    [
        "ann",
        "ann@example",
        "@example.com",
        "ann@",
        "ann@.com",
        "ann@example.",
        "ann@.",
        "@",
        "@.",
        "a@b@c.d",
        "ann@@example.com",
        "ann@exam@ple.com",
        "Ann Lee <ann@example.com>",
        "ann@example.com, bob@example.com",
        "ann@example.com;bob@example.com",
        "mailto:ann@exa mple.com",
        '"ann lee"@example.com',
        "ann(work)@example.com",
        "ann@[127.0.0.1]",
        "ann.example.com",
    ],
)
def test_what_has_not_the_form_is_invalid(value: str) -> None:
    """One name, one at sign, a domain with a dot."""
    assert read_address(value) is INVALID


@pytest.mark.parametrize("character", FORBIDDEN, ids=ascii)
@pytest.mark.parametrize("form", ["a{}b@example.com", "ab@exa{}mple.com", "ab@example.c{}om"])
def test_characters_that_separate_or_quote_are_invalid_anywhere(form: str, character: str) -> None:
    """Some of them would make two values of one in a filter."""
    assert read_address(form.format(character)) is INVALID


@pytest.mark.parametrize("code", [*range(0x20), 0x7F], ids=hex)
def test_control_characters_are_invalid(code: int) -> None:
    """Within the address each of them, also those that are whitespace."""
    assert read_address(f"a{chr(code)}b@example.com") is INVALID


@pytest.mark.parametrize("code", [code for code in [*range(0x20), 0x7F] if not chr(code).isspace()], ids=hex)
def test_control_characters_are_not_trimmed(code: int) -> None:
    """But for those that are whitespace."""
    assert read_address(f"{chr(code)}ann@example.com") is INVALID
    assert read_address(f"ann@example.com{chr(code)}") is INVALID


@pytest.mark.parametrize(
    "value",
    [
        "änn@example.com",
        "ann@exämple.com",
        "ann@example.рф",
        "ann@例え.jp",
        "\uff41nn@example.com",
        "ann\u00e9@x.io",
    ],
)
def test_what_is_not_ascii_is_invalid(value: str) -> None:
    """Marketo's keys are compared in lower case, which only ASCII has without doubt."""
    assert read_address(value) is INVALID


@pytest.mark.parametrize("value", ["\u212a@example.com", "\u017f@example.com", "\u0130@example.com"], ids=ascii)
def test_letters_that_become_ascii_in_lower_case_are_invalid(value: str) -> None:
    """Else two members would share a key with somebody else."""
    assert read_address(value) is INVALID


@pytest.mark.parametrize(
    ("length", "valid"), [(254, True), (255, True), (256, False), (300, False), (100_000, False)]
)
def test_an_address_has_at_most_255_characters(length: int, valid: bool) -> None:  # noqa: FBT001 - a column of the table
    """Marketo's field takes no more."""
    address = "a" * (length - len(DOMAIN)) + DOMAIN

    assert read_address(address) == (address if valid else INVALID)


def test_the_length_is_that_of_the_trimmed_address() -> None:
    """Whitespace around it does not count."""
    address = "a" * (255 - len(DOMAIN)) + DOMAIN

    assert read_address(f"  {address}\n") == address


@pytest.mark.parametrize(
    "value",
    [
        0,
        1,
        12.5,
        True,
        False,
        [],
        {},
        ["ann@example.com"],
        [None],
        {"email": "ann@example.com"},
        b"ann@example.com",
    ],
    ids=repr,
)
def test_what_is_no_text_is_invalid(value: object) -> None:
    """Also a list that holds a valid address: nobody says which."""
    assert read_address(value) is INVALID


ASCII = st.text(st.sampled_from(string.printable + "\x00\x7f"), max_size=40)
NEARLY = st.from_regex(r"\s*[^@\s]{1,8}@[^@\s]{1,8}\.[^@\s]{1,8}\s*", fullmatch=True)


@given(value=st.one_of(st.text(max_size=40), ASCII, NEARLY))
@example(value=" ann@example.com\u3000")
@example(value="\x00@example.com")
def test_an_address_is_what_the_rule_says(value: str) -> None:
    """For any text: the rule, written down once more in another way."""
    address = read_address(value)

    trimmed = value.strip()
    name, at, domain = trimmed.partition("@")
    head, dot, tail = domain.rpartition(".")
    missing = re.fullmatch(r"(?i:<(null|undefined)>|null|undefined|)", trimmed, re.ASCII)
    good = (
        bool(name and at and head and dot and tail)
        and "@" not in domain
        and len(trimmed) <= 255
        and all(0x20 < ord(each) < 0x7F and each not in ',;<>"()[]' for each in trimmed)
    )
    assert address == (WITHOUT if missing else trimmed if good else INVALID)


@given(value=NEARLY)
def test_one_address_has_one_key(value: str) -> None:
    """Whatever its case and whatever stands around it; reading it again changes nothing."""
    address = read_address(value)

    if not isinstance(address, Unusable):
        assert read_address(address) == address
        assert Key.of(address) == Key.of(address.upper()) == Key.of(address.lower())


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.integers(),
            st.text(max_size=12),
            st.from_regex(r"\A\s?[!-~]{1,3}@[!-~]{1,3}\.[!-~]{1,2}\s?\Z"),
            st.just("a" * 250 + "@b.co"),
            st.just("a" * 251 + "@b.co"),
        )
    )
)
def test_many_values_are_read_as_each_alone(values: list[object]) -> None:
    """The short cut for plain addresses takes nothing that the rule does not."""
    addresses, causes = read_addresses(values)

    each = [read_address(value) for value in values]
    assert addresses == [None if isinstance(read, Unusable) else read for read in each]
    assert causes == [read if isinstance(read, Unusable) else None for read in each]
