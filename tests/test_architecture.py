"""The house's own laws (DESIGN: the house, habits), read from the source itself: no module is imported for them."""

import ast
import re
import subprocess
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from exhume.packs import bait

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
MODULES = sorted(SOURCE.rglob("*.py"))
PYTHON = sorted([*MODULES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmark").rglob("*.py")])

DOORS = {
    "yara_x": "exhume/detectors/yara.py",
    "evtx": "exhume/readers/evtx.py",
    "hyperscan": "exhume/assess/sieve/hyperscan.py",
    "re2": "exhume/assess/sieve/re2.py",
    "sigma": "exhume/detectors/sigma/",
    "duckdb": "exhume/hunt/",
    "defusedxml": "exhume/readers/configxml.py",
    "jinja2": "exhume/reports/",
    "numpy": "exhume/readers/shape/",
    "psutil": "exhume/assess/workers.py",
    "typst": "exhume/reports/pdf/",
    "zstandard": "exhume/evidence/",
    "isal": "exhume/evidence/",
    "inflate64": "exhume/evidence/inflate.py",
    "multiprocessing": "exhume/assess/workers.py",
    "sqlite3": "exhume/nowhere",
}
"""Library → the one file or folder that may import it."""
DATA = {"tests/reports/sample.py"}
"""One pretend assessment written out: data in the shape of Python, not code."""
THE_ONE_PLACE = "exhume/assess/scan.py"


def shown(path: Path) -> str:
    return path.relative_to(SOURCE if SOURCE in path.parents else ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@cache
def tracked() -> tuple[Path, ...]:
    """The files of the repository; of a copy without git, all that lie in its own folders."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        folders = ("src", "tests", "docs", "benchmark", ".ci")
        paths = [p for f in folders for p in (ROOT / f).rglob("*") if "__pycache__" not in p.parts]
        paths += [p for p in ROOT.iterdir() if p.suffix in (".md", ".toml")]
    return tuple(p for p in paths if p.is_file())


def imports(path: Path) -> set[str]:
    """Full dotted names of all that a module imports, lazily or not, for typing or not."""
    names: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)}: imports are absolute"
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def pulled(path: Path) -> set[str]:
    """As ``imports``, but ``from package import module`` means that module and not the package's front page as well."""
    names = imports(path)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and all(is_module(f"{node.module}.{alias.name}") for alias in node.names):
            names.discard(node.module or "")
    return names


def is_module(name: str) -> bool:
    place = SOURCE / name.replace(".", "/")
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def test_there_is_something_to_look_at():
    assert len(MODULES) > 100
    assert len(tracked()) > 300


def test_no_file_is_longer_than_400_lines():
    long = {
        shown(p): n for p in PYTHON if shown(p) not in DATA and (n := len(p.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert long == {}


def test_no_function_is_longer_than_60_lines():
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    sizes = {
        f"{shown(path)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in PYTHON
        if shown(path) not in DATA
        for node in ast.walk(tree(path))
        if isinstance(node, kinds)
    }
    assert {name: size for name, size in sizes.items() if size > 60} == {}


@pytest.mark.parametrize("library", sorted(DOORS))
def test_each_library_has_one_door(library):
    door = DOORS[library]
    users = {shown(p) for p in MODULES if any(n.split(".")[0] == library for n in imports(p))}
    assert {user for user in users if not user.startswith(door)} == set()


@cache
def graph() -> dict[str, frozenset[str]]:
    """Which module of ours imports which; a package stands for its ``__init__``."""
    names = {}
    for path in MODULES:
        parts = path.relative_to(SOURCE).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: frozenset(n for n in pulled(path) if n in names and n != name) for name, path in names.items()}


def circle() -> list[str]:
    """Some modules that import each other in a round, or nothing."""
    done: set[str] = set()
    way: list[str] = []

    def visit(name: str) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        way.append(name)
        for other in sorted(graph()[name]):
            if found := visit(other):
                return found
        done.add(way.pop())
        return []

    for name in sorted(graph()):
        if found := visit(name):
            return found
    return []


def test_no_modules_import_each_other_in_a_circle():
    assert " → ".join(circle()) == ""


def test_the_model_needs_only_the_standard_library():
    import sys

    foreign = {n.split(".")[0] for p in (SOURCE / "exhume/model").glob("*.py") for n in imports(p) if n}
    assert foreign - set(sys.stdlib_module_names) - {"exhume"} == set()


def raises_again_first(handler: ast.ExceptHandler) -> bool:
    """Does it begin with ``if …: raise``? (A panic of a native library is no ``Exception`` and its class has no public name.)"""
    first = handler.body[0]
    return isinstance(first, ast.If) and "PanicException" in ast.unparse(first.test) and ast.unparse(first.body[0]) == "raise"


def test_everything_is_caught_in_one_place_only():
    """``except Exception``, ``except BaseException`` and a bare ``except`` hide bugs and lose findings."""
    places = set()
    for path in MODULES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "Exception"
                if re.search(r"\b(Exception|BaseException)\b", caught) and not raises_again_first(node):
                    places.add(shown(path))
    assert places == {THE_ONE_PLACE}


def test_no_possessive_groups():
    """Python before 3.11.5 (Debian 12 has 3.11.2) matches ``(...)*+`` wrongly where the group begins and fails (cpython#106052).
    ``(?>(...)*)`` means the same; after one character or class ``*+`` is sound."""
    wrong = re.compile(r"\)(?:[*+?]|\{\d*,?\d*\})\+(?!\s)")  # but where a text says so for newer versions only
    assert wrong.search("(?:%(?!>)[^%]*+)*+)")
    assert not wrong.search("[^%]*+) + (a)* + b")
    assert [m.relative_to(SOURCE).as_posix() for m in MODULES if wrong.search(m.read_text(encoding="utf-8"))] == []


def test_importing_registers_nothing():
    """At import a module may only define: no call stands alone at module level, no loop, no decorator that registers."""
    allowed = (
        *(ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign),
        *(ast.If, ast.Expr),
    )
    acts = []
    for path in MODULES:
        if path.name == "__main__.py":
            continue
        for node in tree(path).body:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            typing_only = not isinstance(node, ast.If) or ast.unparse(node.test) == "TYPE_CHECKING"
            if not isinstance(node, allowed) or (isinstance(node, ast.Expr) and not text) or not typing_only:
                acts.append(f"{shown(path)}:{node.lineno}")
    assert acts == []


def test_registers_are_tuples_in_the_rooms_front_page():
    for room, name in (("readers", "READERS"), ("detectors", "DETECTORS"), ("reports", "REPORTS"), ("evidence", "CONTAINERS")):
        page = tree(SOURCE / "exhume" / room / "__init__.py")
        values = [n.value for n in page.body if isinstance(n, ast.Assign | ast.AnnAssign) and name in ast.unparse(n)]
        assert [v for v in values if isinstance(v, ast.Tuple)], f"{room}.{name}"


def test_plugs_of_one_room_do_not_know_each_other():
    """Two readers (or detectors) that live in folders of their own never import each other."""
    wrong = []
    for room in ("readers", "detectors", "reports"):
        folders = [p.name for p in (SOURCE / "exhume" / room).iterdir() if (p / "__init__.py").is_file()]
        for name, used in graph().items():
            parts = name.split(".")
            if len(parts) > 2 and parts[1] == room and parts[2] in folders:
                others = [f"exhume.{room}.{f}" for f in folders if f != parts[2]]
                wrong += [f"{name} → {u}" for u in used if u.startswith(tuple(others))]
    assert wrong == []


def test_no_names_that_say_nothing():
    vague = re.compile(r"(Manager|Handler|Processor|Base|Helper)$")
    rooms = {"utils", "util", "common", "misc", "types", "helpers"}
    classes = {n.name for p in MODULES for n in ast.walk(tree(p)) if isinstance(n, ast.ClassDef)}
    assert {name for name in classes if vague.search(name)} == set()
    assert {shown(p) for p in MODULES if rooms & {*p.parent.parts, p.stem}} == set()


def test_nothing_is_put_off_or_silenced():
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "type: " + "ignore")))
    found = [
        f"{shown(p)}:{i}" for p in PYTHON for i, line in enumerate(p.read_text("utf-8").splitlines(), 1) if marks.search(line)
    ]
    assert found == []


def test_no_file_holds_what_an_antivirus_acts_on():
    """Everything that a checkout or a wheel puts on a disk, except prose. (Prose names the strings to explain them.)"""
    caught = [shown(p) for p in tracked() if p.suffix != ".md" and bait(p.read_bytes()) is not None]
    assert caught == []


def test_the_bait_test_can_fail():
    assert bait(("<script language=JScript run" + "at=server>ev" + "al(Re" + 'quest.Item["x"])</script>').encode()) is not None


def test_no_file_names_a_machine_or_a_workplace():
    places = ["/wo" + "rk/", "/ho" + "me/", "/tm" + "p/bash", "C:\\Us" + "ers\\ru" + "nner"]
    hosts = ["pypi" + ".org/simple", "files.python" + "hosted.org", "art" + "ifactory", "proxy.golang" + ".org"]
    wrong = []
    for path in tracked():
        if "content" in path.parts or path.suffix in (".b64", ".gz", ".zip", ".evtx"):
            continue
        data = path.read_bytes().decode("utf-8", "replace")
        wrong += [f"{shown(path)}: {text}" for text in (*places, *hosts) if text in data]
    assert wrong == []


def test_the_knowledge_and_the_templates_lie_inside_the_package():
    """hatchling packs all below src/exhume that git does not ignore; so they must lie there and be tracked."""
    package = SOURCE / "exhume"
    packed = {p.relative_to(package).as_posix() for p in tracked() if package in p.parents}
    packs = {p.name for p in (package / "content/packs").iterdir() if p.is_dir()}
    assert packs >= {"proxylogon", "proxyshell", "webshell"}
    for pack in packs:
        assert f"content/packs/{pack}/pack.yml" in packed
        assert any(name.startswith(f"content/packs/{pack}/cases/") for name in packed), f"{pack} has no cases"
    for name in ("baseline.csv", "logsources.yml", "product_pages.txt", "assessment.schema.json"):
        assert f"content/{name}" in packed
    assert [name for name in packed if name.endswith((".html", ".html.j2", ".jinja", ".css"))], "no template of the report"
    assert "py.typed" in packed


def test_no_python_among_the_knowledge():
    assert list((SOURCE / "exhume/content").rglob("*.py")) == []


def test_the_public_face_is_what_it_says():
    import exhume

    text = (SOURCE / "exhume/__init__.py").read_text("utf-8")
    assert re.search(r'__version__ = "\d+\.\d+\.\d+', text)
    assert exhume.__version__


def test_the_floors_are_in_order():
    """A second look beside import-linter, so that a plain test run tells: nobody imports from a higher floor."""
    floors = [{"model"}, {"evidence", "readers", "detectors", "packs", "judge", "reports", "simulator"}, {"assess"}, {"cli"}]
    height = {room: i for i, rooms in enumerate(floors) for room in rooms}
    wrong = []
    for name, used in graph().items():
        parts = name.split(".")
        if len(parts) < 2 or parts[1] not in height:
            continue
        for other in used:
            room = other.split(".")[1] if "." in other else ""
            if room in height and (height[room] > height[parts[1]] or (height[room] == height[parts[1]] and room != parts[1])):
                wrong.append(f"{name} → {other}")
    assert wrong == []
    assert all(height[a] + 1 == height[b] for a, b in pairwise(("model", "judge", "assess", "cli")))
