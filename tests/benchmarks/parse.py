"""bench-parse: the DAG file through Airflow's own processor, and a task's start with many exports beside one."""

import logging
import os
from pathlib import Path

from tests import airflow_home
from tests.benchmarks.common import Limit, Stopwatch, Work, best, quotient, report, size

# Airflow passes over a file that names neither itself nor a DAG.
_DAG_FILE = (
    '"""Cohort exports as Airflow DAGs."""\n'
    "from marketo_provider.dag_factory import build_dags\nfrom pathlib import Path\n"
)
_BUILD = 'globals().update(build_dags(Path(__file__).parent.parent / "include" / "exports"))\n'
_EMPTY = '"""A file of no airflow DAG."""\n'
_EXPORT = """exports:
  - name: cohort_{number}
    cohort_id: {number}
    marketo_field: mixpanelCohort{number}
    sync_type: dynamic
"""


def main() -> None:
    """Run it."""
    exports = size("EXPORTS", 500)
    sides = {
        "parse": best(parse, exports),
        "parse an empty file": best(parse, 0),
        "start beside all others": best(start, exports),
        "start, one export": best(start, 1),
    }
    parsing = sides["parse"].seconds - sides["parse an empty file"].seconds
    starts = sides["start beside all others"].seconds, sides["start, one export"].seconds
    report(
        "bench-parse",
        sides,
        [
            Limit(
                "milliseconds an export: (parse - empty) / exports", quotient(1000 * parsing, exports), "<=", 10
            ),
            Limit("start beside all others / start, one export", quotient(*starts), "<=", 1.2),
        ],
    )


def parse(exports: int) -> Work:
    """Parse and serialise as the DAG processor does, in a process that has Airflow loaded as that one has."""
    watch = Stopwatch()
    dag_file = _deployment(exports)
    from airflow.dag_processing import processor  # noqa: PLC0415 - after Airflow's home is set

    import marketo_provider.dag_factory  # noqa: F401, PLC0415 - each file's process is forked with it imported

    request = processor.DagFileParseRequest(file=str(dag_file), bundle_path=dag_file.parent, bundle_name="bench")
    with watch.running():
        result = processor._parse_file(request, logging.getLogger("bench"))  # type: ignore[arg-type] # noqa: SLF001 - the processor's own entry point
    if result is None or result.import_errors or len(result.serialized_dags) != exports:
        raise RuntimeError(f"the file was not parsed to its DAGs: {result and result.import_errors}")
    return Work(watch.seconds, exports)


def start(exports: int) -> Work:
    """Load Airflow and one task's DAG, as a worker does before it executes the task."""
    watch = Stopwatch()
    dag_file = _deployment(exports)
    dag_id = "cohort_export__cohort_1"
    os.environ |= {"_AIRFLOW_PARSING_CONTEXT_DAG_ID": dag_id, "_AIRFLOW_PARSING_CONTEXT_TASK_ID": "check_field"}
    with watch.running():
        from airflow.dag_processing.dagbag import BundleDagBag  # noqa: PLC0415 - its import is a part of the start

        bag = BundleDagBag(
            str(dag_file), safe_mode=False, load_op_links=False, bundle_path=dag_file.parent, bundle_name="bench"
        )
    if list(bag.dags) != [dag_id]:
        raise RuntimeError("another than the task's own DAG was loaded")
    return Work(watch.seconds, exports)


def _deployment(exports: int) -> Path:
    airflow_home.set_up()
    project = airflow_home.project_folder(airflow_home.home())
    for number in range(1, exports + 1):
        (project / "include" / "exports" / f"{number}.yaml").write_text(_EXPORT.format(number=number))
    dag_file = project / "dags" / "cohort_exports.py"
    dag_file.write_text(_DAG_FILE + _BUILD if exports else _EMPTY)
    return dag_file


if __name__ == "__main__":
    main()
