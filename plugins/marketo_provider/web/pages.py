"""How the templates become pages: the environment that they are rendered in."""

from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from marketo_provider.web import charts, wordings
from marketo_provider.web.refusals import refusal

_environment = Environment(
    loader=PackageLoader("marketo_provider.web"),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters |= {
    "number": wordings.number,
    "share": wordings.share,
    "moment": wordings.moment,
    "age": wordings.age,
}
_environment.globals |= {"refusal": refusal, "steps": wordings.STEPS, "line": charts.line}


def page(template: str, airflow: str, **shown: Any) -> str:
    """Render a page; `airflow` is the relative way to Airflow's own pages."""
    return _environment.get_template(template).render(airflow=airflow, now=datetime.now(UTC), **shown)
