import pytest
from pydantic import TypeAdapter, ValidationError

from marketo_provider.marketo.codes import Code, Kind, http_meaning, is_free, meaning


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        (Kind.TOKEN, "601 602"),
        (Kind.THROTTLED, "606"),
        (Kind.NOT_EXECUTED, "608 614 615 713 719"),
        (Kind.UNSURE, "500 502 604 611"),
        (Kind.QUOTA, "607"),
        (Kind.ACCESS, "603"),
        (
            Kind.REFUSED,
            "600 605 609 610 612 613 616 701 702 703 704 709 710 711 1001 1002 1003 1006 1008 1009 1010 1011 1013",
        ),
        (Kind.UNKNOWN, "699 712 1234 9"),
    ],
)
def test_every_documented_code_has_its_kind(kind: Kind, codes: str) -> None:
    """The kind decides what happens to a request."""
    assert {meaning(code).kind for code in codes.split()} == {kind}


@pytest.mark.parametrize(
    ("kind", "statuses"),
    [
        (Kind.REFUSED, (301, 302, 307, 308, 400, 404, 405, 410, 413, 414)),
        (Kind.ACCESS, (401, 403)),
        (Kind.NOT_EXECUTED, (429,)),
        (Kind.UNSURE, (202, 204, 408, 500, 502, 503, 504, 599)),
    ],
)
def test_every_http_status_has_its_kind(kind: Kind, statuses: tuple[int, ...]) -> None:
    """Gateways and proxies answer too, and of what they forwarded nothing is known."""
    assert {http_meaning(status).kind for status in statuses} == {kind}


def test_the_codes_that_cost_no_call_are_marketo_s_own_list() -> None:
    """The stars of its table of errors."""
    assert {code for code in map(str, range(2000)) if is_free(code)} == {
        "600",
        "601",
        "602",
        "604",
        "605",
        "608",
        "611",
    }


def test_codes_are_text_or_numbers_and_nothing_else() -> None:
    """They are logged and shown, so nothing that could hold an address passes."""
    code = TypeAdapter(Code)

    assert (code.validate_json('"601"'), code.validate_json("601")) == ("601", "601")
    for other in ('"ann@example.com"', '""', "true", "6.5", "null", '"1234567"', "[601]"):
        with pytest.raises(ValidationError):
            code.validate_json(other)
