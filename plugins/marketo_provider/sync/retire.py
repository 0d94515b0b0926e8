"""Giving a target up for good: every lead that it holds True becomes False, then it is closed.

A record says so before the first request, from which on no export writes to the field; another says when it is
done. Whatever breaks off in between goes on where it was when the command is run again.
"""

from marketo_provider.errors import InvalidSetting, TooManyRefused
from marketo_provider.state.lease import Lease
from marketo_provider.state.ledger import load_ledger
from marketo_provider.state.log import TargetLog
from marketo_provider.state.records import Claim, Retired, RetirementBegun
from marketo_provider.state.workspace import Workspace
from marketo_provider.sync.report import Report, codes_in_words
from marketo_provider.sync.run import Work, logger
from marketo_provider.sync.summarise import summarise_claim
from marketo_provider.sync.withdraw import Withdrawal

# The log stays, so that a later export is refused; and the lists of runs, which tell what was done.
_FORGOTTEN = ("adopted", "imports", "intents", "ledger", "snapshots")


def retire_target(work: Work) -> Report:
    """Set every lead False that the target holds True, then close it; return what was sent.

    Raises:
        InvalidSetting: no export owns the field.
        LeaseHeld: a run is writing to it.
        TooManyRefused: Marketo refused some; they are still True, and the target is not closed.
        ImportsUnderWay: files are being imported that set leads True.
        QuotaExhausted, VendorUnavailable, LeaseLost: the next call goes on.
    """
    log = work.open_log()
    if log.target.claim is None:
        raise InvalidSetting(f"No export owns {work.target}, so there is nothing to retire. Nothing was sent.")
    lease = work.lease(log)
    lease.take()
    claim = _begin(work, log, lease)
    withdrawal = Withdrawal(work, lease, log.target.delivered)
    with withdrawal.under_lease():
        if not log.target.closed:
            with work.workspace() as workspace:
                withdrawal.collect_imports(workspace)
                withdrawal.send(workspace, claim)
                withdrawal.check_imports()
                _check_all_false(work, log, workspace, withdrawal.report)
            lease.append(Retired(at=work.clock.now(), by=lease.holder))
        summarise_claim(work.store, work.folder, log.target.claim)
        for folder in _FORGOTTEN:
            work.store.delete(f"{work.folder}/{folder}")
    logger.info("%s is retired: set %d False.", work.target, withdrawal.report.set_false)
    return withdrawal.report


def _begin(work: Work, log: TargetLog, lease: Lease) -> Claim:
    """Say that the target is given up, unless that was said before."""
    claim = log.target.claim
    if claim is None:
        lease.give_back()
        raise InvalidSetting(f"{work.target} was released meanwhile. Nothing was sent.")
    if claim.retired_at is None:
        claim = claim.model_copy(update={"retired_at": work.clock.now()})
        lease.append(RetirementBegun(at=work.clock.now(), by=lease.holder, claim=claim))
    return claim


def _check_all_false(work: Work, log: TargetLog, workspace: Workspace, report: Report) -> None:
    load_ledger(workspace, log.target)
    (held,) = workspace.row("SELECT count(*) FROM ledger WHERE may_hold")
    if held:
        causes = codes_in_words(report.refused_by_code)
        raise TooManyRefused(
            f"{work.label}: {held:,} leads could not be set False ({causes or 'no answer'}); {report.set_false:,} "
            "were. No export writes to the field any more, and the target is not closed yet. Look the codes up in "
            "docs/errors.md, mend the cause in Marketo, and run the command again."
        )
