"""Pages that Exchange ships, and pages that it does not."""

from __future__ import annotations

import pytest

from exhume.detectors.baseline import Baseline, shipped
from exhume.model import Finding, Record, Source
from exhume.model.windows import served_url

ROOT = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"
OTHER = "f" * 64


def rules(path: str, sha256: str = OTHER) -> list[str]:
    fields = {"windows_path": path, "extension": path.rpartition(".")[2].lower(), "sha256": sha256, "url": served_url(path)}
    record = Record("web.file", None, fields, Source("e", path, "file"))
    return [f.rule for f in Baseline().detect(record) if isinstance(f, Finding)]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        (ROOT + "FrontEnd\\HttpProxy\\owa\\auth\\OutlookEN.aspx", ["baseline.unknown-page"]),
        (ROOT + "FrontEnd\\HttpProxy\\owa\\auth\\errorFE.aspx", ["baseline.modified"]),
        (ROOT + "FrontEnd\\HttpProxy\\owa\\auth\\15.1.2176\\errorFE.aspx", ["baseline.unknown-page"]),
        (ROOT + "FrontEnd\\HttpProxy\\owa\\web.config", []),
        ("C:\\inetpub\\wwwroot\\aspnet_client\\x.aspx", ["baseline.unknown-page"]),
        ("C:\\inetpub\\wwwroot\\x.aspx", ["baseline.unknown-page"]),
        ("C:\\inetpub\\wwwroot\\portal\\default.aspx", ["baseline.page-elsewhere"]),
        ("C:\\inetpub\\wwwroot\\aspnet_client\\FrontEnd\\HttpProxy\\owa\\auth\\errorFE.aspx", ["baseline.unknown-page"]),
        ("C:\\inetpub\\wwwroot\\iisstart.htm", []),
        ("C:\\Temp\\x.aspx", []),
    ],
)
def test_where_a_page_lies_and_what_it_is_called(path: str, rule: list[str]) -> None:
    assert rules(path) == rule


def test_a_known_hash_is_no_finding_and_names_its_releases() -> None:
    digest = "28391c1e68dd083c41c5916e5a67024f39756b395e19278578b111e6a0d1c03b"
    assert shipped().known(digest.upper()) == ("2016-CU12", "2016-CU19")
    assert rules(ROOT + "FrontEnd\\HttpProxy\\owa\\15.1.2176\\global.asax", digest) == []
    assert shipped().known(OTHER) == ()
