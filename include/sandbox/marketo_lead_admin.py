"""The part of Marketo's admin API that is about leads; `marketo_admin` has the table of all routes."""

from typing import Any

from pydantic import BaseModel

from include.sandbox.admin import Handler
from include.sandbox.marketo_instance import Instance
from include.sandbox.marketo_leads import Lead
from include.sandbox.marketo_values import Scalar
from include.sandbox.wire import Request


class _Body(BaseModel, frozen=True, extra="forbid", strict=True):
    pass


class _NewLeads(_Body, frozen=True):
    leads: list[dict[str, Scalar]]
    partition: str | None = None


class _Ids(_Body, frozen=True):
    ids: list[int]


class _Changes(_Ids, frozen=True):
    values: dict[str, Scalar]


class _Merge(_Body, frozen=True):
    winner: int
    losers: list[int]


def lead_routes(instance: Instance) -> dict[str, Handler]:
    """Return the routes that read, add, change, delete and merge leads."""

    def read(request: Request) -> Any:
        email = request.query.get("email")
        leads = list(instance.leads) if email is None else instance.leads.find("email", [email])
        return {"leads": [{"id": one.lead_id, "partition": one.partition} | one.values for one in leads]}

    def add(request: Request) -> Any:
        body = _NewLeads.model_validate_json(request.body)
        for values in body.leads:
            _check_names(instance, values)
        partition = body.partition or instance.partitions.default.name
        return {"ids": [instance.leads.create(one, partition=partition).lead_id for one in body.leads]}

    def change(request: Request) -> Any:
        body = _Changes.model_validate_json(request.body)
        _check_names(instance, body.values)
        for lead in _leads(instance, body.ids):
            instance.leads.update(lead, body.values)
        return {}

    def delete(request: Request) -> Any:
        ids = _Ids.model_validate_json(request.body).ids
        instance.leads.delete(lead.lead_id for lead in _leads(instance, ids))
        return {}

    def merge(request: Request) -> Any:
        body = _Merge.model_validate_json(request.body)
        if body.winner in body.losers:
            raise ValueError("a lead cannot be merged into itself")
        winner, *losers = _leads(instance, [body.winner, *body.losers])
        instance.leads.merge(winner, losers)
        return {}

    return {
        "GET leads": read,
        "POST leads": add,
        "PATCH leads": change,
        "DELETE leads": delete,
        "POST merge": merge,
    }


def _leads(instance: Instance, ids: list[int]) -> list[Lead]:
    leads = [instance.leads.get(lead_id) for lead_id in ids]
    if None in leads:
        raise ValueError("there is no lead of one of these ids")
    return [lead for lead in leads if lead is not None]


def _check_names(instance: Instance, values: dict[str, Scalar]) -> None:
    for name in values:
        field = instance.catalog.get(name)
        if field is None or name in {"id", "createdAt", "updatedAt", "leadPartitionId"}:
            raise ValueError(f"no field {name!r} that a lead's value could be set for")
