"""The kinds of fault, and where each may take effect.

A place is `marketo.<call>`, `mixpanel.<call>`, `store.<operation>` or `clock`; a kind names a place or what it
begins with. Codes are those of Marketo's table of response-level codes
(https://experienceleague.adobe.com/en/docs/marketo-developer/marketo/rest/error-codes).
"""

OF_IMPORTS = ("marketo.upload", "marketo.status", "marketo.failures")
CALL = ("marketo.sync", "marketo.lookup", "marketo.upload", "marketo.status", "marketo.failures", "marketo.other")
CODES = (
    *("500", "502", "600", "601", "602", "603", "604", "605", "606", "607", "608", "609", "610", "611", "612"),
    *("613", "614", "615", "616", "701", "702", "703", "704", "709", "710", "711", "713", "719"),
    *("1003", "1006", "1029", "1035"),
)
UPLOAD_CODES = ("1016", "1019")
# Codes that Marketo may give though it has acted: it gave up waiting for itself.
MAY_HAVE_ACTED = frozenset({"500", "502", "604", "611"})
RECORD_CODES = ("1001", "1003", "1008", "1018", "9999")

WIRE = {
    "reset_before": CALL,
    "reset_after": CALL,
    "timeout_after": CALL,
    "late_effect": ("marketo.sync",),
    "unreadable": CALL,
    "http_413": ("marketo.sync", "marketo.lookup", "marketo.upload"),
    "http_414": ("marketo.sync", "marketo.lookup"),
    "http_502": CALL,
    "token_expired": CALL,
    "token_revoked": CALL,
    "identity_down": ("marketo.token",),
    "records_refused": ("marketo.sync",),
    "upload_unanswered": ("marketo.upload",),
    "failures_cut": ("marketo.failures",),
    **{f"code_{code}": CALL for code in CODES},
    **{f"code_{code}": ("marketo.upload",) for code in UPLOAD_CODES},
    "mixpanel_reset": ("mixpanel",),
    "mixpanel_timeout": ("mixpanel",),
    "mixpanel_502": ("mixpanel",),
    "mixpanel_429": ("mixpanel.first", "mixpanel.page"),
    "session_lost": ("mixpanel.page",),
    "page_truncated": ("mixpanel.first", "mixpanel.page"),
    "page_duplicated": ("mixpanel.page",),
    "page_swapped": ("mixpanel.page",),
    "total_lies": ("mixpanel.first",),
}
STORE = {
    "store_fails_before": ("store.create", "store.write", "store.publish", "store.delete"),
    "store_fails_after": ("store.create", "store.write", "store.publish", "store.delete"),
    "store_unreadable": ("store.read", "store.fetch", "store.names"),
}
PROCESS = {
    "killed_at_store": ("store.create", "store.write", "store.publish", "store.read", "store.delete"),
    "killed_at_call": ("marketo", "mixpanel"),
    "killed_in_write": ("marketo.sync", "marketo.upload"),
    "killed_in_pause": ("clock",),
    "stalled_at_store": ("store.create", "store.write", "store.publish", "store.read"),
    "stalled_at_call": ("marketo", "mixpanel"),
    "stalled_in_pause": ("clock",),
    "clock_jump": ("store", "marketo", "clock"),
}
JOBS = ("job_stuck", "job_late", "job_slow", "job_failed")
BY_HAND = ("leads_deleted", "leads_merged", "leads_readdressed", "leads_duplicated")
FIELD = ("field_deleted", "field_retyped")
COHORT = ("cohort_emptied",)
OVERLAP = ("runs_overlap", "exports_overlap", "tries_overlap")
PLANNED = {**WIRE, **STORE, **PROCESS}
ALL = (*PLANNED, *JOBS, *BY_HAND, *FIELD, *COHORT, *OVERLAP)
