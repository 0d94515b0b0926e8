"""The machine without tasks: API server, scheduler, DAG processor and triggerer, on PostgreSQL."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from subprocess import Popen

from include.demo.airflow import USUAL_PORT, Airflow
from include.demo.airflow_home import AirflowHome, new_home
from include.demo.failure import DemoFailed
from include.demo.ports import reserved_port
from include.demo.processes import kept, tail

_PATIENCE = 2.0


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

        def start(name: str) -> tuple[Popen[bytes], Path]:
            log = home / f"{name}.log"
            process = kept(made.command(name), env=made.env, errors=log, patience=_PATIENCE)
            return stack.enter_context(process), log

        api_server, log = start("api-server")
        for name in ("scheduler", "dag-processor", "triggerer"):
            start(name)
        yield Airflow(made.api(), made.password, home, api_server, log)


def _make_tables(home: AirflowHome) -> None:
    log = home.folder / "db-migrate.log"
    with log.open("wb") as output:
        ended = subprocess.run(  # noqa: S603 - our own arguments
            home.command("db", "migrate"), env=home.env, stdout=output, stderr=output, check=False
        )
    if ended.returncode:
        raise DemoFailed(f"Airflow cannot make its tables. The end of {log}:\n{tail(log)}")
