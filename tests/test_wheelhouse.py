"""The wheel holds the knowledge, and nothing that an antivirus acts on; the offline bundle installs without an index."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import exhume
from exhume.packs import bait

ROOT = Path(__file__).parents[1]
PIP = (sys.executable, "-m", "pip")


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Building a wheel needs the build tool from a package index."""
    command = [*PIP, "download", "--quiet", "--no-deps", "--retries", "0", "--timeout", "5", "hatchling"]
    done = subprocess.run(command, cwd=tmp_path_factory.mktemp("index"), capture_output=True, check=False)
    if done.returncode:
        pytest.skip("no package index reachable: a wheel cannot be built here")


@pytest.mark.usefixtures("index")
def test_the_wheel_holds_the_knowledge_and_no_bait(tmp_path: Path) -> None:
    subprocess.run([*PIP, "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT], check=True)
    (wheel,) = tmp_path.glob("exhume-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        assert [n for n in names if bait(opened.read(n)) is not None] == []
    shipped = {n for n in names if n.startswith("exhume/")}
    source = ROOT / "src"
    data = {p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert data - shipped == set()
    assert any(n.endswith("assessment.schema.json") for n in shipped)
    assert any(n.endswith("pack.yml") for n in shipped)
    assert any(n.endswith("licenses/LICENSE") for n in names)


@pytest.mark.usefixtures("index")
def test_the_bundle_installs_and_runs_without_an_index(tmp_path: Path) -> None:
    house = tmp_path / "wheelhouse"
    subprocess.run([*PIP, "wheel", "--quiet", "--wheel-dir", house, ROOT], check=True)
    venv.create(tmp_path / "venv", with_pip=True)
    bin_ = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    python = bin_ / "python"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "PYTHON"))} | {"PIP_NO_INDEX": "1"}
    install = [python, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", house, "exhume"]
    subprocess.run(install, check=True, env=clean)
    command = bin_ / "exhume"
    version = subprocess.run([command, "--version"], check=True, env=clean, capture_output=True, text=True)
    assert version.stdout.strip() == f"exhume {exhume.__version__}"
    evidence = tmp_path / "evidence"
    evidence.mkdir()
    (evidence / "note.txt").write_text("nothing of Exchange")
    done = subprocess.run([command, "assess", evidence, "--out", tmp_path / "out"], env=clean, cwd=tmp_path, check=False)
    assert done.returncode == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"assessment.json", "report.html", "timeline.csv", "findings.csv"}
