"""`new`: asks what an export needs to know, shows what its first run would come to, and prints the YAML to commit.

It only asks and prints: what may be answered is decided in `new_export` and in the sync. It needs Airflow, whose
Connections it offers. The YAML goes to standard output, all else to standard error.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from marketo_provider.cli.new_choices import choose_cohort, choose_connection, choose_field
from marketo_provider.cli.questions import answer, confirm, tell
from marketo_provider.cli.subcommands import Subparsers
from marketo_provider.cli.targets import open_store, say
from marketo_provider.errors import InvalidSetting
from marketo_provider.export_files import load_exports
from marketo_provider.exports import CohortExport, SyncType
from marketo_provider.marketo.models import NewField
from marketo_provider.mixpanel.client import Cohort
from marketo_provider.new_export import (
    OtherExport,
    add_file,
    check_key,
    check_name,
    check_yaml,
    propose_name,
    to_yaml,
)
from marketo_provider.state.suppression import SuppressionList
from marketo_provider.sync.first_load import estimate_first_load
from marketo_provider.sync.new_field import NEVER_DELETED, create_field

if TYPE_CHECKING:  # it needs Airflow
    from marketo_provider.hooks.setting_up import Project


def add_parser(subparsers: Subparsers) -> None:
    """Register the command."""
    parser = subparsers.add_parser("new", help="set up an export by questions, and print its YAML")
    parser.add_argument("--mixpanel-conn-id", metavar="ID", help="Airflow Connection of the project")
    parser.add_argument("--cohort", metavar="ID", help="number of the cohort, or a part of its name")
    parser.add_argument("--name", metavar="NAME", help="name of the export")
    parser.add_argument("--marketo-conn-id", metavar="ID", help="Airflow Connection of the instance")
    parser.add_argument("--field", metavar="NAME", help="REST API name of the field")
    parser.add_argument(
        "--create-field",
        metavar="DISPLAY_NAME",
        help="have the field created; --field then says its API name",
    )
    parser.add_argument("--yes", action="store_true", help="agree to creating a field that can never be deleted")
    parser.add_argument("--sync-type", metavar="TYPE", help=" or ".join(get_args(SyncType)))
    parser.add_argument(
        "--no-create-leads", action="store_true", help="leave out the members whom Marketo does not know"
    )
    parser.add_argument("--folder", type=Path, default=Path("include/exports"), help="where the other exports are")
    parser.add_argument("--write", type=Path, metavar="FILE.yaml", help="write the YAML to a new file there, too")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Ask, and print the YAML; return the exit status."""
    from marketo_provider.hooks.setting_up import open_instance, open_project  # noqa: PLC0415 - needs Airflow

    folder = arguments.folder.resolve()
    path = arguments.write.resolve() if arguments.write else None
    if path:
        _check_place(path, folder)
    store, _ = open_store()
    others = [
        OtherExport(export.name, export.marketo_field, export.marketo_conn_id)
        for export in load_exports(folder).exports
    ]

    def open_cohorts(conn_id: str) -> tuple["Project", list[Cohort]]:
        opened = open_project(conn_id)
        return opened, opened.client.cohorts()

    def read_name(text: str) -> str:
        check_name(text, others)
        return text

    project, cohorts = choose_connection(arguments.mixpanel_conn_id, "mixpanel", open_cohorts)
    cohort = choose_cohort(arguments.cohort, cohorts)
    name = answer(
        "Name of the export",
        option="--name",
        given=arguments.name,
        read=read_name,
        default=propose_name(cohort.name),
    )
    instance = choose_connection(
        arguments.marketo_conn_id, "marketo", lambda conn_id: open_instance(conn_id, store, others)
    )
    field = choose_field(arguments.field, arguments.create_field, instance, cohort, label=f"Export {name!r}")
    sync_type = answer(
        f"Sync type ({CohortExport.model_fields['sync_type'].description})",
        option="--sync-type",
        given=arguments.sync_type,
        read=_read_sync_type,
    )
    text = to_yaml(
        {
            "name": name,
            "cohort_id": cohort.cohort_id,
            "marketo_field": field.name,
            "sync_type": sync_type,
            "create_leads": not arguments.no_create_leads,
            "mixpanel_conn_id": project.conn_id,
            "marketo_conn_id": instance.conn_id,
        }
    )
    file = path.relative_to(folder).as_posix() if path else f"{name}.yaml"
    export = check_yaml(text, file=file, folder=folder)
    is_new = isinstance(field, NewField)
    estimated = estimate_first_load(
        project.client,
        instance.client,
        instance.limits,
        export=export,
        is_new=is_new,
        erased=SuppressionList(store),
    )
    for on, what in estimated.in_words(export):
        tell(f"{on:<12}{what}")
    if isinstance(field, NewField):
        tell(NEVER_DELETED)
        confirm(f"Create the field {field.name} ({field.display_name})?", option="--yes", given=arguments.yes)
        create_field(instance.client, field)
        tell(f"Created the field {field.name}.")
    say(text.rstrip("\n"))
    if path:
        add_file(path, text)
    tell(f"Written to {path}. Commit it." if path else f"Commit this as {arguments.folder / file}.")
    return 0


def _check_place(path: Path, folder: Path) -> None:
    """Refuse a file that Airflow would not read, or that is there already, before anything is asked."""
    if path.suffix not in {".yaml", ".yml"} or not path.is_relative_to(folder) or not path.parent.is_dir():
        raise InvalidSetting(
            "--write: Airflow reads .yaml files in the folder of the exports. Name one there, in a folder that "
            "exists; if your exports lie elsewhere than in include/exports, name their folder with --folder."
        )
    if path.exists():
        raise InvalidSetting(f"--write: {path.name} is there already, and is not written over. Name a new file.")


def _read_sync_type(text: str) -> str:
    check_key("sync_type", text)
    return text
