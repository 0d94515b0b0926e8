"""The part of Marketo's admin API that is about bulk imports; `marketo_admin` has the table of all routes."""

from typing import Any

from include.sandbox.admin import Handler
from include.sandbox.marketo_bulk_queue import ImportSettings, Job, NextImports
from include.sandbox.marketo_instance import Instance
from include.sandbox.wire import Request


def import_routes(instance: Instance) -> dict[str, Handler]:
    """Return the routes that show imports and have them take their time, stick or fail."""
    imports = instance.imports

    def read(_: Request) -> Any:
        return {"imports": [_shown(job) for job in imports.jobs.values()]}

    def read_rows(request: Request) -> Any:
        job = imports.jobs.get(int(request.query.get("batch_id", "0")))
        if job is None:
            raise ValueError("there is no import of that batch_id")
        return {"rows": _rows(job)}

    def read_settings(_: Request) -> Any:
        return imports.settings.model_dump()

    def change_settings(request: Request) -> Any:
        given = ImportSettings.model_validate_json(request.body).model_dump(exclude_unset=True)
        imports.settings = imports.settings.model_copy(update=given)
        return read_settings(request)

    def next_imports(request: Request) -> Any:
        imports.mishaps.append(NextImports.model_validate_json(request.body))
        return {}

    def release(_: Request) -> Any:
        imports.release()
        return {}

    return {
        "GET imports": read,
        "GET import-rows": read_rows,
        "GET import-settings": read_settings,
        "POST import-settings": change_settings,
        "POST next-imports": next_imports,
        "POST release-imports": release,
    }


def _shown(job: Job) -> dict[str, Any]:
    work = job.work
    outcomes = work.outcomes if work else []
    return {
        "batch_id": job.batch_id,
        "status": job.status,
        "lookup_field": job.options.lookup_field,
        "partition": job.options.partition,
        "list_id": job.options.list_id,
        "header": job.file.header,
        "bytes": len(job.file.text.encode()),
        "rows": work.total if work else None,
        "created": outcomes.count("created"),
        "updated": outcomes.count("updated"),
        "failed": outcomes.count("failed"),
        "warned": len(work.warnings) if work else 0,
    }


def _rows(job: Job) -> list[dict[str, Any]]:
    """Return the rows that have been through, in the order of the file, with what became of them."""
    work = job.work
    if work is None:
        return []
    return [
        {
            "cells": cells,
            "outcome": outcome,
            "reason": work.failures.get(index, work.warnings.get(index)),
        }
        for index, (cells, outcome) in enumerate(zip(job.file.rows(), work.outcomes, strict=False))
    ]
