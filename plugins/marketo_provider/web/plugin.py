"""The page *Cohort exports* in Airflow's navigation: what Airflow is told of it.

Airflow loads plugins in each of its processes, so the page's own modules are imported with its first request.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from marketo_provider.operators.links import PAGE

Message = MutableMapping[str, Any]


async def page(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer a request to the page, as an ASGI application."""
    from marketo_provider.web.app import app  # noqa: PLC0415 - see the module's docstring

    await app(scope, receive, send)


class CohortExportsPlugin(AirflowPlugin):
    """Airflow's plugin of the page."""

    name = "cohort_exports"
    fastapi_apps = [  # noqa: RUF012 - Airflow's own attribute
        {"name": "Cohort exports", "app": page, "url_prefix": f"/{PAGE}"}
    ]
    external_views = [  # noqa: RUF012 - as above
        {
            "name": "Cohort exports",
            # Relative, so that it lies below a reverse proxy's prefix too.
            "href": f"{PAGE}/",
            "url_route": PAGE,
            "destination": "nav",
            "category": "browse",
        }
    ]
