"""The documentation says what the program does."""

import importlib.util
import re
from pathlib import Path

import pytest

import exhume
from exhume.packs import bait
from exhume.readers import EVERY_FILE, READERS

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
HERE = ("/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "py" + "pi.org", "python" + "hosted")


def generated(page: str = "cli") -> str:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return str(getattr(module, page)())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere_and_nothing_names_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        if not link.startswith(("http", "mailto")):
            assert (page.parent / link).exists(), link
    assert not [word for word in HERE if word in text]
    assert bait(text.encode()) is None


def test_the_command_line_page_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text(encoding="utf-8") == generated(), "run: python docs/generate.py"


def test_the_page_of_assessment_json_is_up_to_date() -> None:
    page = ROOT / "docs" / "reference" / "assessment-json.md"
    assert page.read_text(encoding="utf-8") == generated("schema"), "run: python docs/generate.py"


def test_every_kind_of_record_is_documented() -> None:
    text = (ROOT / "docs" / "reference" / "records.md").read_text(encoding="utf-8")
    kinds = {kind for reader in (*READERS, EVERY_FILE) for kind in reader.kinds}
    assert not [kind for kind in sorted(kinds) if f"`{kind}`" not in text]


def test_commands_named_in_the_readme_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    page, make = generated(), (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = set(re.findall(r"`?exhume (assess|report|demo|pack(?: \w+)?|\w+) ", text)) & {"assess", "report", "demo"}
    commands |= set(re.findall(r"`exhume ([a-z]+(?: [a-z]+)?)`", text))
    assert commands
    assert not [name for name in commands if f"## exhume {name}\n" not in page]
    assert not [name for name in re.findall(r"\bmake ([a-z]+) ", text) if f"\n{name}:" not in make]


def test_the_changelog_has_the_current_version() -> None:
    assert f"## {exhume.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
