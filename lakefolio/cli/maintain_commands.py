"""Commands that maintain the lake, the environment, the manifest schema and the run folders."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli.command_line import nearest_of, quoted
from ingest.cli.options import AsJson, Home, RunIdOption, Wide, one_of, one_of_all, paths_of, whole_number
from lakefolio.cli.options import Profile
from lakefolio.cli.output import Output, document
from lakefolio.errors import EXIT_DONE, EXIT_FAILED, LakefolioError, UsageError
from lakehouse.paths import Paths

LAKE_TASKS = (
    "status", "snapshots", "verify-counts", "compact", "expire", "backup", "restore", "create", "migrate", "acknowledge",
)  # fmt: skip


def lake(
    task: Annotated[
        str,
        typer.Argument(
            parser=one_of("task of the lake", lambda: LAKE_TASKS), metavar="[TASK]", autocompletion=lambda: LAKE_TASKS,
            help="status, snapshots, verify-counts, compact, expire, backup, restore, create, migrate or acknowledge.",
        ),
    ] = "status",
    older_than_days: Annotated[
        int,
        typer.Option(parser=whole_number(minimum=0, maximum=36_500), metavar="DAYS", help="Age of what expire removes."),
    ] = 30,
    to: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Folder of backup (default: data/backups/TIME).")] = None,
    source: Annotated[Path | None, typer.Option("--from", metavar="FOLDER", help="Backup that restore reads.")] = None,
    home: Home = None,
    as_json: AsJson = False,
    wide: Wide = False,
) -> None:  # fmt: skip
    """Show sizes and pinned snapshots of the lake; list, count, compact, expire, back up, restore, create or migrate it.

    `acknowledge` takes tables that another program changed for right; `create` makes an empty lake where one was lost.
    """
    from lakefolio.cli.lake_commands import describe_lake, maintain
    from lakefolio.cli.views import LAKE_STATUS, SNAPSHOTS

    output = Output(as_json, wide)
    if task == "status":
        output.frames(describe_lake(paths_of(home)), LAKE_STATUS)
        return
    age = timedelta(days=older_than_days)
    frame = maintain(paths_of(home), task, older_than=age, folder=source if task == "restore" else to)
    output.frame(frame, SNAPSHOTS if task == "snapshots" and frame.width else ())


def doctor(profile: Profile = None, home: Home = None, as_json: AsJson = False, wide: Wide = False) -> int:
    """Check interpreter, packages, disk, manifest, scanners, calendars and lake."""
    from lakefolio.cli.doctor import diagnose
    from lakefolio.cli.views import DIAGNOSIS
    from lakefolio.config.manifest import read_manifest

    paths = paths_of(home)
    known = read_manifest(paths.configs / "manifest.json").profiles
    if profile is not None and profile not in known:
        raise UsageError(
            f"--profile {quoted(profile)} is no profile; {nearest_of(profile, known, one_of_all(list(known)))}"
        )
    frame = diagnose(paths, profile or "production")
    Output(as_json, wide).frame(frame, DIAGNOSIS)
    return EXIT_DONE if frame["is_fine"].all() else EXIT_FAILED


def schema(
    check: Annotated[bool, typer.Option("--check", help="Fail where the file is stale.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Write configs/manifest.schema.json from the code; --check compares it, --json prints it."""
    from lakefolio.config.manifest import json_schema

    path = paths_of(home).configs / "manifest.schema.json"
    text = json.dumps(json_schema(), indent=2) + "\n"
    if check:
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise LakefolioError(f"{path.name} is stale: run `make schema`")
    elif as_json:
        document(json_schema())
    else:
        path.write_text(text, encoding="utf-8")


def clean(
    run_id: RunIdOption = None,
    every: Annotated[bool, typer.Option("--all", help="Delete the folders of all runs.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Delete run folders and exports; the lake, the keys and the checkpoints stay."""
    if (run_id is not None) == every:
        raise UsageError("clean: name a run with --run-id, or give --all")

    from lakefolio.runs.progress import counted
    from lakefolio.runs.run import run_lock

    paths = paths_of(home)
    names = _cleanable(paths) if every else [_existing(paths, str(run_id))]
    with run_lock(paths, "clean"):
        for name in names:
            if paths.latest.is_symlink() and paths.latest.resolve() == paths.run_dir(name).resolve():
                paths.latest.unlink()
            for folder in (paths.run_dir(name), paths.export_dir(name)):
                if folder.is_dir():
                    shutil.rmtree(folder)
    if as_json:
        document({"deleted": names})
    else:
        print(f"deleted {counted(len(names), 'run folder')}")


def _cleanable(paths: Paths) -> list[str]:
    """Name the runs that have a folder or an export."""
    bases = (paths.artifacts / "runs", paths.root / "export")
    return sorted({folder.name for base in bases if base.is_dir() for folder in base.iterdir() if folder.is_dir()})


def _existing(paths: Paths, run_id: str) -> str:
    names = _cleanable(paths)
    if run_id not in names:
        hint = nearest_of(run_id, names, "`lakefolio status` lists the runs")
        raise UsageError(f"clean: there is no run {quoted(run_id)} here; {hint}")
    return run_id
