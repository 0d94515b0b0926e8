"""A dynamic sync whose state lies in a bucket, with moto's server in the place of S3."""

import json

import pytest

from tests.dags.deployment import Deployment
from tests.state.support import BUCKET, s3_filesystem

pytestmark = pytest.mark.airflow

ANN, BOB, CLEO = "ann@example.com", "bob@example.com", "cleo@example.com"


def test_a_second_run_goes_on_from_the_bucket(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows what the first has sent: who entered and who left is sent, and nobody else."""
    deployment.declare()
    with s3_filesystem() as filesystem:
        aws = {
            "conn_type": "aws",
            "login": "key",
            "password": "secret",
            "extra": {"endpoint_url": filesystem.endpoint_url, "region_name": "us-east-1"},
        }
        # A process has one filesystem a Connection, so no other test may have one of this name.
        monkeypatch.setenv("AIRFLOW_CONN_BUCKET_OF_DAGS", json.dumps(aws))
        deployment.configure("state_url", f"s3://{BUCKET}/exports")
        deployment.configure("state_conn_id", "bucket_of_dags")
        deployment.set_cohort([ANN, BOB])
        first = deployment.run()
        deployment.set_cohort([BOB, CLEO])

        second = deployment.run()

        stored = filesystem.find(f"{BUCKET}/exports/marketo")

    assert (first.state, second.state) == ("success", "success")
    assert deployment.flags() == {ANN: False, BOB: True, CLEO: True}
    assert (second.report["set_true"], second.report["set_false"]) == (1, 1)
    assert len(stored) > 10
    assert not deployment.state.exists()
