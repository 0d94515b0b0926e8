"""Mission line 6: 30,000,000 profiles are accepted, 30,000,001 are refused with the limit named."""

import pytest

from tests.dags.deployment import Deployment

pytestmark = pytest.mark.airflow

ANN = "ann@example.com"


def test_thirty_million_profiles_are_accepted(deployment: Deployment) -> None:
    """Mixpanel announces them; that it gives one only is allowed here, so that the run can go to its end."""
    limits = deployment.mixpanel.state.limits
    deployment.mixpanel.state.limits = limits.model_copy(update={"page_size_cap": 50_000})
    deployment.connect_mixpanel(page_size=50_000, allowed_missing_profiles=30_000_000)
    deployment.declare()
    deployment.set_cohort([ANN], announced_total=30_000_000)

    outcome = deployment.run()

    assert outcome.state == "success"
    assert outcome.report["missing_profiles"] == 29_999_999
    assert deployment.flags() == {ANN: True}


def test_one_more_is_refused_with_the_limit_named(deployment: Deployment) -> None:
    """After one page, for good, and without a write."""
    deployment.declare()
    deployment.set_cohort([ANN], announced_total=30_000_001)

    outcome = deployment.run()

    assert "30,000,001 profiles, the limit is 30,000,000" in outcome.failure
    assert (outcome.tasks["snapshot_cohort"], outcome.tries["snapshot_cohort"]) == ("failed", 1)
    assert deployment.asked_mixpanel().count("/api/query/engage") == 1
    assert deployment.writes() == []
