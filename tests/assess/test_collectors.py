"""The same server brought by different collectors is assessed alike."""

import io
import zipfile

import pytest

from pretend_server import AUTH, NOON, SESSION, Server, assessed, on, shell, traces


def zipped(content):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return out.getvalue()


def kape(content):
    return {"2021-03-05T101500_ex01.zip": zipped(content)}


def velociraptor(content):
    lead = {"C": "uploads/auto/C%3A", "D": "uploads/ntfs/%5C%5C.%5CD%3A"}
    return {"Collection-EX01.zip": zipped({lead[p[0]] + p[1:].replace("%", "%25"): data for p, data in content.items()})}


def plain(content):
    return {path.partition("/")[2]: data for path, data in content.items()}


def other_drive(content):
    return {f"case/{p.replace('C/Program Files/Microsoft/Exchange Server/V15', 'E/EX').upper()}": d for p, d in content.items()}


def nameless(content):
    """A collection that lost its name's ending on the way, inside a folder."""
    return {"from-customer/upload-4711": zipped(content)}


COLLECTORS = (kape, velociraptor, plain, other_drive, nameless)


@pytest.mark.parametrize("collector", COLLECTORS)
def test_each_collectors_tree_gives_the_same(collector):
    server = Server().proxy(NOON, SESSION, 241).file(AUTH + "abcdefgh.aspx", shell())
    expected, result = assessed(server), assessed(collector(server.content()))
    assert traces(result) == traces(expected)
    assert sorted((s.kind, s.channel.lower(), s.records) for s in result.coverage.spans) == sorted(
        (s.kind, s.channel.lower(), s.records) for s in expected.coverage.spans
    )
    assert {c: on(c, result).verdict for c in ("proxylogon", "webshell")} == {
        c: on(c, expected).verdict for c in ("proxylogon", "webshell")
    }


RENAMED = {
    "HttpProxy/Ecp": "ECP_Proxy_Logs.zip",
    "ECP/Server": "ECP_Logs.zip",
    "W3SVC1": "IIS_W3SVC1_Logs.zip",
    "W3SVC2": "IIS_W3SVC2_Logs.zip",
}


def test_microsofts_log_collector_renames_every_folder_and_zips_twice():
    """ExchangeLogCollector: ``EX01-35.zip`` holds ``ECP_Proxy_Logs.zip``, ``IIS_W3SVC1_Logs.zip``, … and no web folders."""
    server = Server(folders=False).proxy(NOON, SESSION, 241)
    zips: dict[str, dict[str, bytes]] = {name: {} for name in RENAMED.values()}
    for path, data in server.content().items():
        part = next(part for part in RENAMED if part in path)
        zips[RENAMED[part]][path.rsplit("/", 1)[-1]] = data
    result = assessed({"EX01-35.zip": zipped({name: zipped(content) for name, content in zips.items()})})
    expected = assessed(server)
    assert traces(result) == traces(expected)
    assert {(s.kind, s.channel, s.records) for s in result.coverage.spans} == {
        (s.kind, s.channel, s.records) for s in expected.coverage.spans
    }


def test_files_that_test_proxylogon_copied_are_found_although_their_place_is_lost():
    content = Server().proxy(NOON, SESSION, 241).content()
    log = next(data for path, data in content.items() if "HttpProxy_2021030300" in path)
    copied = {
        "EX01/CVE26855/HttpProxy_2021030300-1.LOG": log,
        "EX01/CVE26858/abcdefgh.aspx": shell(),
        "EX01-Cve-2021-26855.csv": b'"DateTime","AnchorMailbox"\r\n',
    }
    result = assessed(copied)
    assert {"PL-855-d", "WS-y-eval"} <= traces(result)
