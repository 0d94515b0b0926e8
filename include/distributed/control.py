"""The machine without tasks: API server, scheduler, DAG processor and triggerer, on PostgreSQL."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from include.demo.airflow import USUAL_PORT, Airflow
from include.demo.airflow_home import AirflowHome, new_home
from include.demo.failure import DemoFailed
from include.demo.ports import reserved_port
from include.demo.processes import kept, tail

_BESIDE = ("scheduler", "dag-processor", "triggerer")


@contextmanager
def running_control(home: Path, *, database: str, settings: Mapping[str, str]) -> Iterator[Airflow]:
    """Run the four while the context lasts; yields at once, so that they are to be waited for.

    Args:
        home: their AIRFLOW_HOME, which is made.
        database: URL of an empty database.
        settings: what every component is told.

    Raises:
        DemoFailed: the database's tables cannot be made.
    """
    with reserved_port(USUAL_PORT) as port, ExitStack() as stack:
        made = new_home(home, port=port, env={**settings, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database})
        _make_tables(made)
        for name in _BESIDE:
            stack.enter_context(kept(made.command(name), env=made.env, errors=home / f"{name}.log"))
        log = home / "api-server.log"
        process = stack.enter_context(kept(made.command("api-server"), env=made.env, errors=log))
        yield Airflow(made.api(), made.password, home, process, log)


def _make_tables(home: AirflowHome) -> None:
    log = home.folder / "db-migrate.log"
    with log.open("wb") as output:
        ended = subprocess.run(  # noqa: S603 - our own arguments
            home.command("db", "migrate"), env=home.env, stdout=output, stderr=output, check=False
        )
    if ended.returncode:
        raise DemoFailed(f"Airflow cannot make its tables. The end of {log}:\n{tail(log)}")
