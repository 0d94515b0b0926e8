"""Whom a target belongs to: the claim, looked at before Mixpanel is read and again under the lease."""

from marketo_provider.errors import Superseded, TargetClaimed
from marketo_provider.state.records import Claim
from marketo_provider.sync.run import Run


def check_claim(run: Run, claim: Claim | None) -> None:
    """Refuse a target that is another export's, or whose one-time export is finished.

    Raises:
        TargetClaimed: says whose it is, since when, and to use a new field.
    """
    check_owner(run, claim)
    if claim is not None and claim.finished_at is not None:
        raise TargetClaimed(
            f"{run.label}: this one-time export was finished on {claim.finished_at:%Y-%m-%d %H:%M} UTC and is not "
            "repeated. Nothing was sent. To export the cohort again, create a new Boolean field in Marketo and "
            "give its name as the run parameter marketo_field."
        )


def check_owner(run: Run, claim: Claim | None) -> None:
    """Refuse a target that is another export's, or given up.

    Raises:
        TargetClaimed: says whose it is, since when, and to use a new field.
    """
    if claim is not None and claim.retired_at is not None:
        raise TargetClaimed(
            f"{run.label}: the field was retired on {claim.retired_at:%Y-%m-%d %H:%M} UTC, and no export writes "
            "to it any more. Nothing was sent. Pause or remove the export, or export to a new Boolean field; to "
            f"use this one again, run: python -m marketo_provider state release {run.target}"
        )
    if claim is None or claim.same_owner(run.claim()):
        return
    raise TargetClaimed(
        f"{run.label}: the field belongs to export {owner_in_words(claim)}. Nothing was sent. Export to a new "
        "Boolean field; or, if the old export is given up for good, free this one with: "
        f"python -m marketo_provider state release {run.target}"
    )


def owner_in_words(claim: Claim) -> str:
    """Return which export a claim is of, and since when."""
    return (
        f"{claim.export!r} ({claim.sync_type}, cohort {claim.cohort_id} of Mixpanel project "
        f"{claim.project_id}) since {claim.claimed_at:%Y-%m-%d %H:%M} UTC"
    )


def renewed_claim(run: Run, claim: Claim | None, snapshot: int) -> Claim:
    """Return the claim that goes with a run's intent: the one there is, under the export's present name.

    Raises:
        Superseded: another run has begun this one-time export meanwhile, with a snapshot of its own.
    """
    own = claim or run.claim()
    if run.one_time and own.snapshot not in (None, snapshot):
        raise Superseded(
            f"{run.label}: another run has begun this one-time export meanwhile, with the members that it read. "
            "Those alone are set True, so this run has nothing to do."
        )
    return own.model_copy(update={"export": run.export.name, "snapshot": snapshot if run.one_time else None})
