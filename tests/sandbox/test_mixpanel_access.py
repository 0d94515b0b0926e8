import pytest

from include.sandbox.wire import Request
from tests.sandbox.mixpanel_support import COHORT, COHORTS, ENGAGE, ME, PROJECT, USERNAME, Caller, body_of, ids_of


@pytest.fixture
def caller() -> Caller:
    """Return a sandbox whose cohort has three members."""
    caller = Caller()
    caller.members("a", "b", "c")
    return caller


@pytest.mark.parametrize("path", [ENGAGE, COHORTS, ME])
def test_a_wrong_secret_is_401(caller: Caller, path: str) -> None:
    """Every endpoint asks who is there."""
    caller.secret = "another"

    assert caller.call(path, method="GET").status == 401


@pytest.mark.parametrize("authorization", [None, "Basic", "Basic a:b", "Bearer x", "Basic %%%"])
def test_no_credentials_are_401(caller: Caller, authorization: str | None) -> None:
    """Only Basic with base64 is taken."""
    headers = {} if authorization is None else {"authorization": authorization}

    response = caller.sandbox.begin(Request("GET", ME, {}, headers, b""))

    assert not callable(response)
    assert response.status == 401


@pytest.mark.parametrize("path", [ENGAGE, ME])
def test_another_regions_host_does_not_know_the_account(caller: Caller, path: str) -> None:
    """Valid credentials look invalid there."""
    caller.admin("POST account", {"region": "eu"})

    assert caller.call(path, method="GET").status == 401


@pytest.mark.parametrize("path", [ENGAGE, COHORTS])
def test_a_project_id_is_required_in_the_url(caller: Caller, path: str) -> None:
    """A service account must say which project it means, in the query string."""
    caller.project_id = ""

    assert caller.call(path, b"project_id=12345").status == 400


@pytest.mark.parametrize("path", [ENGAGE, COHORTS])
def test_another_project_is_403(caller: Caller, path: str) -> None:
    """The sandbox has one project."""
    caller.project_id = "1"

    assert caller.call(path).status == 403


def test_a_project_the_account_cannot_see_is_403_and_not_in_me(caller: Caller) -> None:
    """A missing project key is what no access looks like."""
    caller.admin("POST account", {"sees_project": False})

    assert caller.engage().status == 403
    assert body_of(caller.call(ME, method="GET"))["results"]["projects"] == {}


def test_reading_takes_the_permission(caller: Caller) -> None:
    """`view_base_reports` is the least that works."""
    caller.admin("POST account", {"permissions": ["something_else"]})

    assert caller.engage().status == 403


def test_a_plan_without_the_api_is_402_for_queries_only(caller: Caller) -> None:
    """`/api/app/me` still answers."""
    caller.admin("POST account", {"plan_has_api": False})

    assert [caller.engage().status, caller.call(COHORTS).status] == [402, 402]
    assert caller.call(ME, method="GET").status == 200


@pytest.fixture
def views(caller: Caller) -> Caller:
    """Return a sandbox with 200 members and two data views, of which the filtering one is the default."""
    caller.admin(
        "POST account",
        {
            "data_views": [
                {"id": 1, "is_global": True, "is_default": False},
                {"id": 2, "is_global": False, "is_default": True, "share": 0.5},
            ]
        },
    )
    caller.members(*range(200))
    return caller


def test_a_view_that_is_not_global_filters_without_a_word(views: Caller) -> None:
    """It shows the same part of the profiles each time."""
    shown = ids_of(views.page(workspace_id=2))

    assert 50 < len(shown) < 150
    assert ids_of(views.page(workspace_id=2)) == shown
    assert views.page(workspace_id=2)["total"] == len(shown)


def test_the_default_view_serves_who_names_none(views: Caller) -> None:
    """A missing `workspace_id` means a smaller cohort and no error."""
    assert views.page()["total"] == views.page(workspace_id=2)["total"]


def test_the_global_view_shows_all(views: Caller) -> None:
    """That is the one to send."""
    assert views.page(workspace_id=1)["total"] == 200


def test_an_unknown_view_is_403(views: Caller) -> None:
    """It might be another project's."""
    assert views.engage(workspace_id=3).status == 403
    assert views.call(COHORTS, workspace_id="3").status == 403


def test_classified_addresses_are_missing_without_a_word(caller: Caller) -> None:
    """All the profiles come, and no `$email` on any."""
    caller.admin("POST account", {"email_is_classified": True})

    page = caller.page()

    assert page["total"] == 3
    assert all(row["$properties"] == {"$name": "One"} for row in page["results"])
    assert caller.page(where='defined(properties["$email"])')["total"] == 0


def test_me_names_account_project_and_views(caller: Caller) -> None:
    """The App API's envelope holds what a preflight needs."""
    body = body_of(caller.call(ME, method="GET"))

    assert body["status"] == "ok"
    assert body["results"]["user_name"] == USERNAME
    assert body["results"]["projects"][str(PROJECT)]["permissions"] == ["view_base_reports"]
    assert body["results"]["workspaces"]["1"]["is_global"] is True


@pytest.mark.parametrize("path", [COHORTS, "/api/2.0/cohorts/list"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_cohort_list_is_a_bare_array(caller: Caller, path: str, method: str) -> None:
    """It has no envelope and no pages; `count` counts members with and without a profile."""
    caller.admin("POST cohort/members", {"id": COHORT, "add": ["$device:1"]})

    listed = body_of(caller.call(path, method=method))

    assert [(one["id"], one["name"], one["count"]) for one in listed] == [(COHORT, "Cohort 1001", 4)]


@pytest.mark.parametrize("path", ["/api/query/jql", "/api/app/projects", "/"])
def test_other_paths_are_404(caller: Caller, path: str) -> None:
    """The sandbox has what reading a cohort takes."""
    assert caller.call(path).status == 404


@pytest.mark.parametrize(("path", "method"), [(ENGAGE, "PUT"), (COHORTS, "DELETE"), (ME, "POST")])
def test_other_methods_are_405(caller: Caller, path: str, method: str) -> None:
    """Queries take GET and POST, the App API's `me` GET."""
    assert caller.call(path, method=method).status == 405
