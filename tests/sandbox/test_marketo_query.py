from urllib.parse import urlencode

import pytest

from tests.sandbox.marketo_support import FLAG, FORM, LEADS, Caller, body_of, code_of, done

ANN = "ann@example.com"
METHOD = {"_method": "GET"}


@pytest.fixture
def caller() -> Caller:
    """Call a fresh instance."""
    return Caller()


def test_leads_come_with_the_default_fields(caller: Caller) -> None:
    """Null ones too, as recorded from a real instance; times in UTC without fractions."""
    [known] = caller.add_leads({"email": ANN, "firstName": "Ann"})

    [lead] = caller.find("email", ANN)

    assert lead == {
        "id": known,
        "firstName": "Ann",
        "lastName": None,
        "email": ANN,
        "updatedAt": "2026-01-01T00:00:00Z",
        "createdAt": "2026-01-01T00:00:00Z",
    }


def test_fields_can_be_chosen(caller: Caller) -> None:
    """The id is always there; a Boolean that was never set reads as false."""
    [known] = caller.add_leads({"email": ANN})

    [lead] = caller.find("id", known, fields=f"email,{FLAG}")

    assert lead == {"id": known, "email": ANN, FLAG: False}


def test_the_update_time_says_nothing_of_custom_fields(caller: Caller) -> None:
    """It follows the standard ones, and only where they changed."""
    caller.add_leads({"email": ANN})
    caller.clock.advance(60)
    caller.sync({"email": ANN, FLAG: True})
    flagged = caller.find("email", ANN)[0]["updatedAt"]

    caller.sync({"email": ANN, "firstName": "Ann"})

    assert flagged == "2026-01-01T00:00:00Z"
    assert caller.find("email", ANN)[0]["updatedAt"] == "2026-01-01T00:01:00Z"


def test_no_match_is_a_success_without_results(caller: Caller) -> None:
    """Neither 702 nor 1004."""
    assert caller.find("email", ANN) == []


def test_all_duplicates_are_returned(caller: Caller) -> None:
    """One call both maps an address to ids and finds duplicates."""
    ids = caller.add_leads({"email": ANN}, {"email": "Ann@Example.com"})

    assert [lead["id"] for lead in caller.find("email", ANN)] == ids


def test_pages_follow_each_other(caller: Caller) -> None:
    """Every lead once; the last page says nothing of more."""
    ids = caller.add_leads(*({"email": f"u{number}@example.com"} for number in range(5)))
    question = {"filterType": "id", "filterValues": ",".join(map(str, ids)), "batchSize": "2"}

    first = caller.get(LEADS, **question)
    second = caller.get(LEADS, **question, nextPageToken=first["nextPageToken"])
    third = caller.get(LEADS, **question, nextPageToken=second["nextPageToken"])

    pages = [first, second, third]
    assert [[lead["id"] for lead in page["result"]] for page in pages] == [ids[:2], ids[2:4], ids[4:]]
    assert [page.get("moreResult", False) for page in pages] == [True, True, False]
    assert "nextPageToken" not in third


def test_a_page_token_belongs_to_its_question(caller: Caller) -> None:
    """With another filter it is refused."""
    ids = caller.add_leads({"email": ANN}, {"email": ANN})
    page = caller.get(LEADS, filterType="email", filterValues=ANN, batchSize="1")

    other = caller.get(LEADS, filterType="id", filterValues=str(ids[0]), nextPageToken=page["nextPageToken"])

    assert code_of(other) == "1003"


@pytest.mark.parametrize("where", ["query", "form"])
def test_a_post_with_method_get_is_a_get(caller: Caller, where: str) -> None:
    """Its parameters are a form, and `_method` stands in the URL or there: clients do either."""
    [known] = caller.add_leads({"email": "a+b@example.com"})
    form = {"filterType": "email", "filterValues": "a+b@example.com"}
    query = METHOD if where == "query" else {}
    if where == "form":
        form |= METHOD

    response = done(caller.begin("POST", LEADS, urlencode(form).encode(), content_type=FORM, query=query))

    assert [lead["id"] for lead in body_of(response)["result"]] == [known]


def test_a_plus_that_is_not_encoded_is_a_blank(caller: Caller) -> None:
    """So the address with a plus is not found."""
    caller.add_leads({"email": "a+b@example.com"})
    body = b"filterType=email&filterValues=a+b@example.com"

    response = done(caller.begin("POST", LEADS, body, content_type=FORM, query=METHOD))

    assert body_of(response)["result"] == []


def test_301_values_are_refused(caller: Caller) -> None:
    """300 are the most."""
    values = [f"u{number}@example.com" for number in range(301)]
    form = urlencode({"filterType": "email", "filterValues": ",".join(values)}).encode()

    response = done(caller.begin("POST", LEADS, form, content_type=FORM, query=METHOD))

    assert code_of(body_of(response)) == "1003"


def test_a_thousand_matches_are_returned_and_one_more_is_not(caller: Caller) -> None:
    """A refusal as a whole: 1003, "Too many results match the filter"."""
    caller.add_leads(*({"email": ANN} for _ in range(1000)))
    enough = caller.find("email", ANN)

    caller.add_leads({"email": ANN})
    refused = caller.get(LEADS, filterType="email", filterValues=ANN)

    assert len(enough) == 300
    assert refused["errors"] == [{"code": "1003", "message": "Too many results match the filter"}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"filterType": "email"}, "701"),
        ({"filterValues": ANN}, "701"),
        ({"filterType": "noSuchField", "filterValues": "1"}, "1006"),
        ({"filterType": "firstName", "filterValues": "Ann"}, "1011"),
        ({"filterType": FLAG, "filterValues": "true"}, "1011"),
        ({"filterType": "id", "filterValues": "ann"}, "1003"),
        ({"filterType": "email", "filterValues": ANN, "fields": "noSuchField"}, "1006"),
        ({"filterType": "email", "filterValues": ANN, "batchSize": "0"}, "1003"),
        ({"filterType": "email", "filterValues": ANN, "nextPageToken": "made-up"}, "1003"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(caller: Caller, query: dict[str, str], code: str) -> None:
    """Leads with a Boolean field set, above all, cannot be asked for."""
    assert code_of(caller.get(LEADS, **query)) == code
