"""The quick second look finds what a full one finds, on logs with torn, quoted, encoded and strange rows and other headers."""

import pytest

from exhume.assess import pivot
from exhume.assess.pivot import Glance, Touch, Value
from exhume.assess.scan import Scanner
from exhume.evidence import from_memory
from exhume.readers import EVERY_FILE, READERS, rows
from exhume.simulator import simulate

VALUES = [
    Value("address", "203.0.113.50", "an address"), Value("shell", "/aspnet_client/r8kq2w1z.aspx", "a page"),
    Value("account", "contoso\\fmeyer", "an account"),
]  # fmt: skip


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    place = tmp_path_factory.mktemp("glance")
    simulate("proxylogon-full", place, size=24 << 20)
    logs = [p for p in place.rglob("*") if p.is_file() and p.suffix.lower() == ".log" and p.stat().st_size > 40_000]
    content = {}
    for number, path in enumerate(sorted(logs)):
        lines = path.read_bytes().splitlines(keepends=True)
        row = lines[len(lines) // 2]
        head = next((line for line in lines if line.startswith(b"#Fields")), b"")
        odd = (
            row.replace(b"/", b"/aspnet_client/%728kq2w1z.aspx?", 1),
            row.replace(b"198.51.100.", b"203.0.113.50", 1),
            b'"' + row,
            row.replace(b",mail.contoso.test,", b',"mail\n203.0.113.50",', 1),
            head + row.replace(b"198.51.100.", b"203.0.113.5", 1)[:-3] + b"\r\n",
            b"\0" * 700 + row,
            row.replace(b"fmeyer", b"\xc5\xbfmeyer", 1),
        )
        for at in (len(lines) // 3, 2 * len(lines) // 3):
            lines[at:at] = [odd[number % 7]]
        content[path.relative_to(place).as_posix()] = b"".join(lines)
    return content


def touched(kind, content, use_sieve):
    touch = Touch({value.key: value for value in VALUES})
    scanner = kind(from_memory(content), READERS, EVERY_FILE, (touch,), lambda _: False, "", use_sieve)
    return {path: scanner.scan(path).findings for path in content}


@pytest.mark.parametrize("large", [0, 1 << 40])
def test_it_finds_what_reading_every_row_finds(content, large, monkeypatch):
    passed = []
    real = rows.dated
    monkeypatch.setattr(rows, "dated", lambda data: passed.append(real(data)) or passed[-1])
    monkeypatch.setattr(pivot, "LARGE", large)
    found = touched(Glance, content, True)
    assert found == touched(Scanner, content, False)
    assert sum(map(len, found.values())) > 20
    assert sum(passed) > 1000, "else nothing was passed over"
