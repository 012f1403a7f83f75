"""One distribution with exactly five import names, which runs where the repository is not.

See docs/architecture.md#packages.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path, PurePosixPath

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("analytics", "ingest", "lakefolio", "lakehouse", "reports")
CARRIED = {
    "dbt_project": PurePosixPath("lakehouse/_dbt_project"),
    "configs": PurePosixPath("lakefolio/_configs"),
    "reports/templates": PurePosixPath("reports/templates"),
}
# Tables that are part of the code: the scanners, and the simulated market.
FACTS = {
    PurePosixPath("lakefolio/_configs/scanners.csv"),
    PurePosixPath("ingest/sources/sample/sample_instruments.csv"),
    PurePosixPath("ingest/sources/sample/sample_clusters.csv"),
    PurePosixPath("ingest/sources/sample/sample_faults.csv"),
}


def run(*words: str | Path, cwd: Path, **environment: str) -> str:
    """Run a program away from the repository; its output is what it said."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LAKEFOLIO_", "VIRTUAL_"))
    }
    ended = subprocess.run(
        list(map(str, words)), cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, f"{words}\n{ended.stdout[-2000:]}\n{ended.stderr[-3000:]}"
    return ended.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the repository without a network."""
    out = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> list[PurePosixPath]:
    return [PurePosixPath(name) for name in zipfile.ZipFile(wheel).namelist()]


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of a fresh environment that holds the wheel alone; its dependencies are borrowed from this one."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    python = folder / "bin" / "python"
    if shutil.which("uv"):
        run("uv", "venv", "--quiet", "--python", sys.executable, folder, cwd=folder.parent)
        run("uv", "pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel, cwd=folder.parent)
    else:
        run(sys.executable, "-m", "venv", folder, cwd=folder.parent)
        words = ("install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
        run(python, "-m", "pip", *words, wheel, cwd=folder.parent)
    own = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder.parent).strip())
    # A path file adds folders and runs no other path file, so an editable installation over there stays unseen.
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (own / "borrowed.pth").write_text("".join(f"{path}\n" for path in sorted(borrowed)), encoding="utf-8")
    return python


def test_the_wheel_has_exactly_the_five_import_names(contents: list[PurePosixPath]) -> None:
    tops = {path.parts[0] for path in contents}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(NAMES)
    assert len(tops) == len(NAMES) + 1
    for name in NAMES:
        assert PurePosixPath(name, "py.typed") in contents, f"{name} ships no types"


@pytest.mark.parametrize("source", sorted(CARRIED))
def test_what_the_code_reads_travels_with_it(contents: list[PurePosixPath], source: str) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", source], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()  # fmt: skip
    tracked = [file for file in tracked if not PurePosixPath(file).name.startswith(".")]
    files = tracked or [p.relative_to(ROOT).as_posix() for p in sorted((ROOT / source).rglob("*")) if p.is_file()]
    assert files
    wanted = {CARRIED[source] / PurePosixPath(file).relative_to(source) for file in files}
    assert wanted - set(contents) == set()


def test_tables_and_schemas_of_a_package_travel_with_it(contents: list[PurePosixPath]) -> None:
    assert FACTS - set(contents) == set()
    assert PurePosixPath("ingest/landing/scan_envelope.schema.json") in contents


def test_every_module_travels(contents: list[PurePosixPath]) -> None:
    modules = {PurePosixPath(p.relative_to(ROOT).as_posix()) for name in NAMES for p in (ROOT / name).rglob("*.py")}
    assert modules - set(contents) == set()


def test_no_tests_no_data_and_nothing_that_dbt_left_behind_is_in_it(contents: list[PurePosixPath]) -> None:
    project = CARRIED["dbt_project"].parts
    for path in contents:
        inside_project = path.parts[: len(project)] == project
        assert "tests" not in path.parts or inside_project, path
        assert not {"target", "logs", "dbt_packages", "__pycache__", "artifacts", "benchmarks"} & set(path.parts), path
        assert path.suffix not in (".parquet", ".sqlite", ".duckdb", ".log", ".pyc", ".pkl"), path
        is_seed = inside_project and "seeds" in path.parts
        assert path.suffix != ".csv" or is_seed or path in FACTS, path


def test_the_metadata_name_licence_command_and_dependencies(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    read = {
        PurePosixPath(name).name: archive.read(name).decode() for name in archive.namelist() if ".dist-info/" in name
    }
    assert "\nName: lakefolio\n" in read["METADATA"]
    assert "\nLicense-Expression: MIT\n" in read["METADATA"]
    assert "Requires-Dist: duckdb==1.5.5" in read["METADATA"]
    assert "lakefolio = lakefolio.cli.app:script" in read["entry_points.txt"]
    assert "LICENSE" in read


def test_each_import_name_belongs_to_the_distribution_and_comes_from_it(installed: Path, tmp_path: Path) -> None:
    ask = (
        "import importlib, importlib.metadata as m, json\n"
        f"names = {NAMES!r}\n"
        "owners = m.packages_distributions()\n"
        "print(json.dumps({n: [sorted(set(owners[n])), importlib.import_module(n).__file__] for n in names}))"
    )
    told = json.loads(run(installed, "-I", "-c", ask, cwd=tmp_path))
    for name, (owners, file) in told.items():
        assert owners == ["lakefolio"], name
        assert Path(file).is_relative_to(installed.parents[1]), name


def test_every_installed_module_can_be_imported(installed: Path, tmp_path: Path) -> None:
    ask = (
        "import importlib, pkgutil\n"
        f"for name in {NAMES!r}:\n"
        "    for one in pkgutil.walk_packages(importlib.import_module(name).__path__, name + '.'):\n"
        "        if not one.name.endswith('__main__'):\n"
        "            importlib.import_module(one.name)\n"
    )
    run(installed, "-I", "-c", ask, cwd=tmp_path)


def test_the_installed_command_works_outside_the_repository(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("lakefolio")
    steps = json.loads(run(command, "steps", "--json", cwd=tmp_path))
    assert [step["number"] for step in steps] == list(range(1, 18))
    assert list(tmp_path.iterdir()) == []


def test_the_installed_copy_finds_manifest_scanners_venues_and_can_make_a_lake(installed: Path, tmp_path: Path) -> None:
    told = json.loads(run(installed.with_name("lakefolio"), "doctor", "--profile", "demo", "--json", cwd=tmp_path))
    assert [row["what"] for row in told if not row["is_fine"]] == []
    assert {"manifest", "scanners", "venues", "lake"} <= {row["what"] for row in told}
