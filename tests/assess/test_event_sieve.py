"""Events through the sieve: the same findings, spans, gaps and readings as when every record is decoded."""

import importlib.util
import io
import json
import random
import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exhume.assess import sieve
from exhume.assess.pivot import Glance, Touch, Value
from exhume.assess.scan import Scanner
from exhume.assess.sieve import events
from exhume.detectors import DETECTORS, is_product
from exhume.evidence import from_memory
from exhume.model import Clue, File, Host, event_kind
from exhume.packs import shipped
from exhume.readers import EVERY_FILE, READERS, evtxsift
from exhume.readers import evtx as evtx_reader
from exhume.readers.evtxtext import heads
from readers.evtx_bytes import event_xml, evtx

ENGINES = [e for e in sieve.ENGINES if importlib.util.find_spec(e)]
W3WP = "C:\\Windows\\System32\\inetsrv\\w3wp.exe"
SYSMON = {"channel": "Microsoft-Windows-Sysmon/Operational", "provider": "Microsoft-Windows-Sysmon"}
SECURITY = {"channel": "Security", "provider": "Microsoft-Windows-Security-Auditing", "computer": "EX01.contoso.test"}
LOGS = [
    {**SYSMON, "event_id": 1, "named": {"Image": "C:\\Windows\\System32\\cmd.exe", "ParentImage": W3WP,
     "ParentCommandLine": 'w3wp.exe -ap "MSExchangeOWAAppPool"', "CommandLine": 'cmd /c "whoami"'}},
    {**SYSMON, "event_id": 1, "named": {"Image": "C:\\x\\notepad.exe", "ParentImage": "C:\\x\\explorer.exe", "CommandLine": "notepad"}},
    {**SYSMON, "event_id": 11, "named": {"Image": W3WP, "TargetFilename": "C:\\inetpub\\wwwroot\\aspnet_client\\abc.aspx"}},
    {**SYSMON, "event_id": 11, "named": {"Image": "C:\\x\\y.exe", "TargetFilename": "C:\\temp\\a.log"}},
    {**SECURITY, "event_id": 4688, "named": {"NewProcessName": "C:\\Windows\\System32\\\u017fetx.exe", "CommandLine": "\u212ainit é"}},
    {**SECURITY, "event_id": 4720, "named": {"TargetUserName": "support", "SubjectUserName": "EX01$"}},
    {**SECURITY, "event_id": 1102, "named": {"SubjectUserName": "evil"}},
    {**SECURITY, "event_id": 4624, "named": {"TargetUserName": "jane", "IpAddress": "198.51.100.7"}},
    {"strings": ["New-MailboxExportRequest", '-Mailbox "a@b.test" -FilePath "\\\\127.0.0.1\\C$\\inetpub\\wwwroot\\x.aspx"', "who"]},
    {"strings": ["Get-Mailbox", '-Identity "a"', "who"]},
    {"channel": "Application", "provider": "MsiInstaller", "event_id": 1033,
     "strings": ["Microsoft Exchange Server", "15.1.2106.2", "1033", "0"]},
    {"channel": "System", "provider": "Service Control Manager", "event_id": 7045,
     "named": {"ServiceName": "PSEXESVC", "ImagePath": "%SystemRoot%\\PSEXESVC.exe"}},
]  # fmt: skip
ODD = [
    lambda xml: xml.replace(">11<", ">0x0B<").replace(">1<", ">01<"),  # numbers that only decoding understands
    lambda xml: xml.replace("2021-", "1601-"),
    lambda xml: xml.replace("-03-", "-02-3"),  # no such day
    lambda xml: xml.replace("Z\"", ".123456789Z\""),
    lambda xml: xml.replace("<Channel>", "<Channel>other</Channel><Channel>"),
    lambda xml: xml.replace("</Event>", xml[xml.index("<System>") : xml.index("</System>")] + "</System></Event>"),
    lambda xml: xml.replace("<EventData>", "<EventData><Data Name=\"System\">x</Data><Data Name=\"Event\">y</Data>"),
    lambda xml: xml.replace("<Computer>ex01", "<Computer>&quot;EX\\01"),
    lambda xml: xml.replace("<EventID>", "<EventID Qualifiers=\"16384\">"),
    lambda xml: xml.replace("<Event>", "<Event><Data Name=\"System\">z</Data>"),
    lambda xml: xml.replace("</EventData>", "</EventData><EventData><Data Name=\"Image\">other</Data></EventData>"),
    lambda xml: xml.replace("Data Name=\"CommandLine\"", "Data Name=\"Image\""),
    lambda xml: xml.replace("<Channel>", "<Channel></Channel><Level>").replace("</Channel><Computer>", "</Level><Computer>"),
    lambda xml: xml.replace("<EventData>", "<UserData>" + "<a>" * 600 + "</a>" * 600 + "</UserData><EventData>"),
]  # fmt: skip
DETECTORS_MADE = tuple(kind.from_packs(shipped(), Host()) for kind in DETECTORS)


def log(noise, events=240):
    """An event log of ordinary, telling and odd events, out of order, with holes."""
    chunks, number = [], 7000
    moment = datetime(2021, 3, 3, 6, tzinfo=UTC)
    for _ in range(events // 12):
        chunk = []
        for _ in range(12):
            number += 1 if noise.random() < 0.95 else 9
            moment += timedelta(seconds=noise.randint(-600, 4000))
            event = dict(noise.choice(LOGS))
            xml = event_xml(number, f"{moment:%Y-%m-%dT%H:%M:%S}.{noise.randint(0, 10**7)}Z", event.pop("strings", ()), **event)
            chunk.append((number, noise.choice(ODD)(xml) if noise.random() < 0.1 else xml))
        chunks.append(chunk)
    noise.shuffle(chunks)
    return bytearray(evtx(*chunks))


def essence(part):
    return (
        {f.id: f for f in part.findings},
        {s.key: s for s in part.coverage.spans},
        sorted(map(str, part.coverage.gaps)),
        sorted(map(str, part.readings)),
    )


def scanned(data, use_sieve, engine="", name="Logs/Security.evtx"):
    scanner = Scanner(from_memory({name: bytes(data)}), READERS, EVERY_FILE, DETECTORS_MADE, is_product, engine, use_sieve)
    return scanner.scan(name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("seed", range(4))
def test_an_event_log_says_the_same_with_and_without_the_sieve(seed, engine):
    data = log(random.Random(seed))
    plainly = scanned(data, False)
    assert essence(scanned(data, True, engine)) == essence(plainly)
    assert len({f.trace for f in plainly.findings}) >= 5
    assert plainly.readings


@pytest.mark.parametrize("seed", range(6))
def test_so_it_does_when_bytes_were_changed(seed):
    noise = random.Random(seed)
    data = log(noise, 60)
    for _ in range(noise.choice((1, 10, 200))):
        data[noise.randrange(4096, len(data))] = noise.randrange(256)
    assert essence(scanned(data, True)) == essence(scanned(data, False))


def test_so_it_does_when_little_is_looked_at_together(monkeypatch):
    data = log(random.Random(5))
    whole = scanned(data, True)
    monkeypatch.setattr(evtx_reader, "MUCH", 2000)
    monkeypatch.setattr(events, "REMEMBERED", 2)
    assert essence(scanned(data, True)) == essence(whole)


def test_few_of_ordinary_events_are_decoded(monkeypatch):
    """Else the comparison would compare nothing."""
    decoded = []
    real = evtxsift.event_of_json
    monkeypatch.setattr(evtxsift, "event_of_json", lambda *of: decoded.append(of) or real(*of))
    ordinary = (1, 3, 7)
    events = [(n, event_xml(n, "2021-03-03T06:00:00Z", **LOGS[ordinary[n % 3]])) for n in range(1, 40)]
    part = scanned(evtx(events), True)
    assert (sum(s.records for s in part.coverage.spans), len(decoded)) == (39, 0)


def test_every_letter_that_json_escapes_leaves_the_text_whole():
    """The head of a record is trusted only because the library writes sound JSON."""
    from exhume.readers.evtx import _decoded
    from exhume.readers.evtxchunk import inspect

    letters = "".join(chr(1 + n) for n in range(127))
    strange = str.maketrans({n: 0x4E00 + n for n in range(1, 128)})  # XML cannot carry most of them
    data = evtx([(1, event_xml(1, "2021-03-03T06:00:00Z", named={"A": letters.translate(strange)}))])
    data = data.replace(letters.translate(strange).encode("utf-16-le"), letters.encode("utf-16-le"))
    ((_, (text,)),) = _decoded(inspect(data[4096:]).copy)
    assert "\n" not in text
    assert json.loads(text)["Event"]["EventData"]["A"] == letters


class Ruled:
    """A detector of some clues for some events."""

    wants = frozenset({"windows.event"})

    def __init__(self, told):
        self._told = told

    def clues(self, kind):
        return self._told.get(kind, frozenset())


words = st.sampled_from(["whoami", "w3wp.exe", "b c", "naïve", "x", "4azq", "ﬀ", '"'])
texts = st.lists(st.one_of(words, st.text(max_size=8)), max_size=5).map("/".join)


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(texts, st.sampled_from([1, 11, 4688])), max_size=12),
    st.lists(st.tuples(words, words, st.sampled_from([1, 11])), max_size=4),
)
def test_no_event_that_holds_all_of_a_clue_is_left_out(engine, events, rules):
    told = {}
    for first, second, event in rules:
        clue = Clue((frozenset({first}), frozenset({second})))
        told.setdefault(event_kind("windows.event", "Security", event), set()).add(clue)
    sieves = sieve.Sieves((Ruled({kind: frozenset(clues) for kind, clues in told.items()}),), engine)
    written = [json.dumps(text, ensure_ascii=False) for text, _ in events]
    found = sieves.events([w.encode() for w in written], [event_kind("windows.event", "Security", e) for _, e in events])
    expected = {
        n for n, (text, event) in enumerate(events)
        if any(f in text.lower() and s in text.lower() and event == e for f, s, e in rules)
    }  # fmt: skip
    assert expected <= set(found)
    assert list(found) == sorted(found)
    assert all(events[n][1] in {e for _, _, e in rules} for n in found)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_second_look_finds_what_decoding_every_record_finds(engine):
    values = [
        Value("address", "198.51.100.7", "an address"), Value("shell", "/aspnet_client/abc.aspx", "a page"),
        Value("account", "j\u00e4ne", "an account"), Value("account", "support", "an account"),
    ]  # fmt: skip
    noise = random.Random(engine)
    data = log(noise, 60)
    more = [(n, event_xml(n, "2021-03-03T06:00:00Z", **{**LOGS[7], "named": {"TargetUserName": "J\u00c4NE"}})) for n in (1, 2)]
    data = bytes(data) + evtx(more)[4096:]
    found = {}
    for kind, use_sieve in ((Glance, True), (Scanner, False)):
        touch = Touch({value.key: value for value in values})
        scanner = kind(from_memory({"a.evtx": data}), READERS, EVERY_FILE, (touch,), lambda _: False, engine, use_sieve)
        part = scanner.scan("a.evtx")
        found[kind] = part.findings
        assert kind is Scanner or part.coverage.gaps == ()
    assert found[Glance] == found[Scanner]
    assert {f.because[0].value for f in found[Glance]} >= {"198.51.100.7", "/aspnet_client/abc.aspx", "support", "jäne"}


def exported(noise, shape):
    """The same kinds of events as other programs write them, with escapes, torn and odd ones among them."""
    out = []
    moment = datetime(2021, 3, 3, 6, tzinfo=UTC)
    for number in range(300):
        event = dict(noise.choice(LOGS))
        strings, named, at = (
            event.pop("strings", ()),
            event.get("named", {}),
            f"{moment + number * timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
        )
        if shape == "xml":
            out.append(event_xml(number, at, strings, **event))
            continue
        head = {
            "channel": "MSExchange Management",
            "provider": "MSExchange CmdletLogs",
            "event_id": 1,
            "computer": "ex01",
            **event,
        }
        data = named or {f"param{n + 1}": text for n, text in enumerate(strings)}
        log = {"channel": head["channel"], "provider_name": head["provider"], "event_id": head["event_id"],
               "computer_name": head["computer"], "event_data": data}  # fmt: skip
        out.append(
            json.dumps({"@timestamp": at, "winlog": log}, ensure_ascii=noise.random() < 0.5, indent=noise.choice((None, 1)))
        )
    for number in range(0, len(out), 9):
        hidden = out[number]
        for word in ("whoami", "w3wp", "psexesvc", "aspnet_client", "mailbox"):
            letter = noise.choice(word)
            escape = f"&#{ord(letter)};" if shape == "xml" else f"\\u{ord(letter):04X}"
            comment = (
                word[0] + "<!-- x -->" + word[1:] if shape == "xml" and noise.random() < 0.3 else word.replace(letter, escape)
            )
            hidden = re.sub(word, lambda _, text=comment: text, hidden, flags=re.IGNORECASE)
        out[number] = hidden
    for number in range(5, len(out), 50):
        out[number] = out[number][: len(out[number]) // 2]
    if shape == "array":
        whole = [json.dumps(json.loads(text)) for text in out if text.endswith("}")]
        return ("[" + ",".join(whole[:100]) + "]\n" + "\n".join(whole[100:])).encode()
    return "\n".join(out).encode("utf-16" if shape == "xml" and noise.random() < 0.5 else "utf-8")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("shape", ["json", "array", "xml"])
@pytest.mark.parametrize("seed", range(3))
def test_exported_events_say_the_same_with_and_without_the_sieve(seed, shape, engine):
    data = exported(random.Random(seed), shape)
    plainly = scanned(data, False, name="events.txt")
    assert essence(scanned(data, True, engine, name="events.txt")) == essence(plainly)
    assert len({f.trace for f in plainly.findings}) >= 5
    assert plainly.readings


def test_few_exported_events_go_on_to_the_rules():
    names = [{"event_id": 1, "channel": "Security", "record_id": n, "event_data": {"A": "b"}} for n in range(600)]
    data = "\n".join(json.dumps({"winlog": {**log, "provider_name": "x"}}) for log in names).encode()
    (reader,) = (r for r in READERS if r.name == "events")
    sieves = sieve.Sieves(DETECTORS_MADE)
    assert list(reader.read(io.BytesIO(data), File("e", "a.json"), sieves)) == []
    assert len(list(reader.read(io.BytesIO(data), File("e", "a.json"), None))) == 600


@pytest.mark.parametrize("engine", ENGINES)
def test_letters_that_regular_expressions_take_for_others_are_always_decoded(engine):
    kind = event_kind("windows.event", "Security", 1)
    sieves = sieve.Sieves((Ruled({kind: frozenset({Clue((frozenset({"kinit"}),))})}),), engine)
    texts = ["\u212ainit", "kinit", "k\u0131n\u0131t", "\u017fetx", "n\u00e4", "init"]
    assert sieves.events([text.encode() for text in texts], [kind] * 6) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "content", ['{"a":' * 200_000, '{"a":"' + "\\n" * 500_000, '{"a":[1,' * 100_000, "[" * 500_000, '"' * 500_000]
)
def test_a_text_made_to_be_slow_is_looked_at_once(content):
    system = (
        '{"Event":{"System":{"Provider":{"#attributes":{"Name":"x"}},"EventID":1,"TimeCreated":{"#attributes":{"SystemTime":'
        '"2021-03-03T06:00:00Z"}},"EventRecordID":5,"Channel":"Security","Computer":"c"}'
    )
    assert heads([system + "}}"])[0] == ("x", "", "1", "2021-03-03T06:00:00Z", "Security", "c")
    start = time.process_time()
    assert heads([system + ',"EventData":' + content]) == [("",) * 6]
    assert time.process_time() - start < 2


@pytest.mark.parametrize("engine", ENGINES)
def test_a_folder_with_a_common_name_is_found_and_others_are_not_decoded(engine, monkeypatch):
    decoded = []
    real = evtxsift.event_of_json
    monkeypatch.setattr(evtxsift, "event_of_json", lambda *of: decoded.append(of[1]) or real(*of))
    images = [
        "C:\\ProgramData\\Com\\a.exe",
        "C:\\ProgramData\\Vendor\\command.exe",
        "C:/ProgramData//WHO/b.exe",
        "C:\\ProgramData\\c.exe",
    ]
    data = evtx(
        [(n, event_xml(n, "2021-03-03T06:00:00Z", **SYSMON, event_id=5, named={"Image": i})) for n, i in enumerate(images, 1)]
    )
    part = scanned(data, True, engine)
    assert {f.record.text("Image") for f in part.findings} == {images[0], images[2]}
    assert decoded == [1, 3]
    assert essence(part) == essence(scanned(data, False))


def test_content_of_seven_levels_is_proven():
    """As certificate chains have; what is deeper is decoded."""
    nested = {"a": "x"}
    for _ in range(6):
        nested = {"Certificate": nested, "#attributes": {"name": "y"}}
    text = (
        '{"Event":{"System":{"Provider":{"#attributes":{"Name":"P"}},"EventID":11,"TimeCreated":{"#attributes":{"SystemTime":'
    )
    text += '"2021-03-03T06:12:45.123456Z"}},"EventRecordID":1,"Channel":"C","Computer":"X"},"UserData":%s}}'
    deeper = {"b": {"c": nested}}
    told = heads([text % json.dumps(one, separators=(",", ":")) for one in (nested, deeper)])
    assert [head[4] for head in told] == ["C", ""]
