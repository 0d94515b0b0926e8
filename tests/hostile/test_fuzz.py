"""A few hundred inputs for every parser; `make fuzz INPUTS=100000` tries more."""

from pathlib import Path

from tests.hostile.fuzz import fuzz
from tests.hostile.mutation import bend_bytes, bend_json
from tests.hostile.parsers import Parser, parsers

INPUTS = 200
FEWEST_PARSERS = 28


def test_no_input_makes_a_parser_raise_what_is_not_ours(tmp_path: Path) -> None:
    """Whatever comes is read, or refused by an error of this package that quotes no address."""
    found = parsers(tmp_path)

    faults = [fault for parser in found for fault in fuzz(parser, INPUTS)]

    assert len(found) >= FEWEST_PARSERS
    assert faults == []


def test_a_parser_that_fails_is_told() -> None:
    """With the input that it failed on."""

    def fail(content: bytes) -> None:
        if b"7" not in content:
            raise KeyError(content)

    faults = fuzz(Parser("failing", [b'{"a": [7]}'], fail), INPUTS)

    assert faults
    assert faults[0].startswith("failing: KeyError: b")


def test_valid_inputs_are_read(tmp_path: Path) -> None:
    """What is bent is good, so that the bent is nearly so."""
    for parser in parsers(tmp_path):
        for valid in parser.valid:
            if valid and b"invalid_client" not in valid:
                parser.parse(valid)


def test_a_seed_bends_alike() -> None:
    """A fault can be found again."""
    valid = b'{"result":[{"id":7,"email":"a@example.com"}]}'

    assert [bend_json(valid, seed) for seed in range(50)] == [bend_json(valid, seed) for seed in range(50)]
    assert len({bend_json(valid, seed) for seed in range(50)}) > 30
    assert len({bend_bytes(valid, seed) for seed in range(50)}) > 30
