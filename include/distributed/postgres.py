"""A PostgreSQL of one's own, on loopback, for Airflow's metadata; its files are gone afterwards."""

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from include.demo.failure import DemoFailed
from include.demo.ports import reserved_port
from include.demo.processes import kept, tail
from include.demo.waiting import wait_for
from include.distributed.packages import program

_USUAL_PORT = 5432
_START = 30
_ACCOUNT = "postgres"


@contextmanager
def running_postgres(log: Path) -> Iterator[str]:
    """Run it while the context lasts; yields the URL of its database.

    Raises:
        DemoFailed: it does not come up.
    """
    # A folder that any account can be given, wherever the project lies.
    with TemporaryDirectory(prefix="distributed-postgres-") as name, reserved_port(_USUAL_PORT) as port:
        password = _make_cluster(Path(name), log)
        command = [program("postgres"), "-D", f"{name}/data", "-p", str(port), "-k", "", "-h", "127.0.0.1"]
        # What is gone at the end need not be safe from a power cut.
        command += ["-c", "fsync=off", "-c", "max_connections=300"]
        with kept([*_as_owner(), *command], env=os.environ, errors=log) as process:

            def ready() -> bool | None:
                asked = subprocess.run(  # noqa: S603 - our own arguments
                    [program("pg_isready"), "-h", "127.0.0.1", "-p", str(port)], capture_output=True, check=False
                )
                return True if process.poll() is None and asked.returncode == 0 else None

            wait_for(ready, seconds=_START, otherwise=lambda: f"PostgreSQL does not start. {log}:\n{tail(log)}")
            yield f"postgresql://airflow:{password}@127.0.0.1:{port}/postgres"


def _make_cluster(folder: Path, log: Path) -> str:
    """Make an empty cluster in a folder's `data`; return its superuser's password."""
    password = secrets.token_urlsafe(12)
    words = folder / "password"
    words.touch(mode=0o600)
    words.write_text(password)
    if _as_owner():
        for path in (folder, words):
            shutil.chown(path, _ACCOUNT, _ACCOUNT)
    command = [program("initdb"), "-D", str(folder / "data"), "-U", "airflow", "--pwfile", str(words), "--no-sync"]
    command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"]
    with log.open("ab") as output:
        made = subprocess.run([*_as_owner(), *command], stdout=output, stderr=output, check=False)  # noqa: S603 - our own
    if made.returncode:
        raise DemoFailed(f"PostgreSQL cannot make its files. The end of {log}:\n{tail(log)}")
    return password


def _as_owner() -> list[str]:
    """Return what a command begins with: PostgreSQL refuses to run as root."""
    if os.geteuid():
        return []
    owner = pwd.getpwnam(_ACCOUNT)
    # It looks into the folder that it is started in, which the account may not be let into.
    account = [f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]
    return ["/usr/bin/env", "--chdir=/", "/usr/bin/setpriv", *account, "--"]
