"""The admin API of the sandbox's Marketo, under `/_sandbox/`, beside the common routes of `admin`.

| request | body or query | does |
| --- | --- | --- |
| GET leads | `?email=` | all leads, or those of an address: `id`, `partition`, and every value that was ever set |
| POST leads | `{"leads": [{"email": ..}], "partition": ..}` | adds leads, duplicates too; returns their `ids` |
| PATCH leads | `{"ids": [..], "values": {..}}` | writes values to leads; a changed `email` changes the address |
| DELETE leads | `{"ids": [..]}` | deletes them |
| POST merge | `{"winner": id, "losers": [..]}` | merges leads as the UI does |
| GET fields | | all fields, with everything the sandbox knows of them |
| POST fields | `{"fields": [{"name": .., "display_name": .., "data_type": ..}]}` | adds or replaces fields |
| GET and POST permissions | `{"permissions": [..]}` | the API user's |
| GET and POST partitions | `{"partitions": [{"id": .., "name": .., "accessible": ..}]}` | first: default |
| GET limits | | `limits`, and what is `used` today, `in_window` and `in_flight` |
| POST limits | any of the limits, and `used` | sets them |
| GET imports | | bulk imports whose ids are valid: status, and `created`, `updated`, `failed`, `warned` rows |
| GET import-rows | `?batch_id=` | rows that are through: `cells`, `outcome` and the `reason` of one that failed |
| GET and POST import-settings | any of the `ImportSettings` | how long imports take, and what others have |
| POST next-imports | `{"then": "stick", "fail" or "lag", "times": 1, "seconds": 0}` | of the next uploads |
| POST release-imports | | the stuck ones go on |
| POST token | `{"now": "expired"}` or `{"now": "revoked"}` | ends the token: 602 or 601 |
| POST reset | | everything as at the start |

The settings of imports hold for those that are uploaded (`seconds_to_start`) or begin (the others) afterwards;
`others_importing` and `others_queued` are places held by other integrations until they are set anew.
A field added here is custom unless it says otherwise, as if made in Marketo's UI.
"""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel
from pydantic import Field as Setting

from include.sandbox.admin import Handler
from include.sandbox.marketo_bulk_admin import import_routes
from include.sandbox.marketo_fields import Field
from include.sandbox.marketo_instance import PERMISSIONS, Instance
from include.sandbox.marketo_lead_admin import lead_routes
from include.sandbox.marketo_limits import Limits, Whole
from include.sandbox.marketo_partitions import Partition, Partitions
from include.sandbox.wire import Request


class _Body(BaseModel, frozen=True, extra="forbid", strict=True):
    pass


class _NewField(Field, frozen=True):
    custom: bool = True


class _Fields(BaseModel, frozen=True, extra="forbid"):
    definitions: list[_NewField] = Setting(alias="fields")


class _Permissions(_Body, frozen=True):
    permissions: list[str]


class _Partitions(_Body, frozen=True):
    partitions: list[Partition]


class _Token(_Body, frozen=True):
    now: Literal["expired", "revoked"]


class _Limits(Limits, frozen=True):
    used: Whole | None = None


def admin_routes(instance: Instance, reset: Callable[[], None]) -> dict[str, Handler]:
    """Return Marketo's own routes."""

    def expire(request: Request) -> Any:
        now = _Token.model_validate_json(request.body).now
        (instance.tokens.expire if now == "expired" else instance.tokens.revoke)()
        return {}

    def start_anew(_: Request) -> Any:
        reset()
        return {}

    return (
        lead_routes(instance)
        | _role_routes(instance)
        | _limit_routes(instance)
        | import_routes(instance)
        | {"POST token": expire, "POST reset": start_anew}
    )


def _role_routes(instance: Instance) -> dict[str, Handler]:
    def read_fields(_: Request) -> Any:
        return {"fields": [field.model_dump() for field in instance.catalog]}

    def put_fields(request: Request) -> Any:
        for field in _Fields.model_validate_json(request.body).definitions:
            instance.catalog.put(Field(**field.model_dump()))
        return {}

    def read_permissions(_: Request) -> Any:
        return {"permissions": sorted(instance.permissions)}

    def set_permissions(request: Request) -> Any:
        permissions = frozenset(_Permissions.model_validate_json(request.body).permissions)
        if permissions - PERMISSIONS:
            raise ValueError(f"permissions are {sorted(PERMISSIONS)}")
        instance.permissions = permissions
        return read_permissions(request)

    return {
        "GET fields": read_fields,
        "POST fields": put_fields,
        "GET permissions": read_permissions,
        "POST permissions": set_permissions,
    }


def _limit_routes(instance: Instance) -> dict[str, Handler]:
    def read_partitions(_: Request) -> Any:
        return {"partitions": [partition.model_dump() for partition in instance.partitions.all()]}

    def set_partitions(request: Request) -> Any:
        instance.partitions = Partitions(_Partitions.model_validate_json(request.body).partitions)
        return read_partitions(request)

    def read_limits(_: Request) -> Any:
        gate = instance.gate
        counts = {"used": gate.used(), "in_window": gate.in_window(), "in_flight": gate.in_flight}
        return {"limits": gate.limits.model_dump()} | counts

    def set_limits(request: Request) -> Any:
        given = _Limits.model_validate_json(request.body).model_dump(exclude_unset=True)
        used = given.pop("used", None)
        instance.gate.limits = instance.gate.limits.model_copy(update=given)
        if used is not None:
            instance.gate.set_used(used)
        return read_limits(request)

    return {
        "GET partitions": read_partitions,
        "POST partitions": set_partitions,
        "GET limits": read_limits,
        "POST limits": set_limits,
    }
