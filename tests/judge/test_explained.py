"""Modules and agents of other products: what has to be explained is no attack; what is accepted is one thing, not its file."""

import hashlib
import json
import re
from datetime import date, timedelta

import pytest
import yaml

from exhume.assess.allow import accepted, read_allow
from exhume.assess.recheck import recheck
from exhume.model import AllowEntry, Reply, Verdict, allow_line, allow_lines, to_confirm
from exhume.reports import Document, Markdown, Text, load
from exhume.reports.html import Html
from exhume.reports.redact import redact
from pretend_server import NOON, V15, Server, assessed, on, tag, traces

AGENTS = V15 + "TransportRoles/Shared/agents.config"
CONFIG = "C/Windows/System32/inetsrv/config/applicationHost.config"
SIGNER = ("Exchange DkimSigner", r"C:\Program Files\Exchange DkimSigner\ExchangeDkimSigner.dll")
HOUSE = ("House Footer", r"C:\Program Files\House\Footer\agent.dll")
PLANTED = ("Security Interop", r"C:\Program Files\Microsoft\Exchange Server\V15\Bin\exdbdata2.dll")


def agents(*entries):
    lines = "".join(
        f'<agent name="{name}" baseType="Microsoft.Exchange.Data.Transport.Routing.RoutingAgent" classFactory="x.F" assemblyPath="{path}" enabled="true" />'
        for name, path in entries
    )
    return f"<configuration><mexRuntime><agentList>{lines}</agentList><settings /></mexRuntime></configuration>".encode()


def configuration(modules=(), filters=(), managed=(), handlers=()):
    def every(tag, key, entries):
        return "".join(f'<{tag} name="{name}" {key}="{code}" />' for name, code in entries)

    return (
        '<configuration><system.applicationHost><sites><site name="Default Web Site" id="1"><application path="/">'
        r'<virtualDirectory path="/" physicalPath="%SystemDrive%\inetpub\wwwroot" /></application></site></sites></system.applicationHost>'
        f"<system.webServer><globalModules>{every('add', 'image', modules)}</globalModules>"
        f"<isapiFilters>{every('filter', 'path', filters)}</isapiFilters>"
        f"<modules>{every('add', 'type', managed)}{''.join(f'<add name={chr(34)}{n}{chr(34)} />' for n, _ in modules)}</modules>"
        f"<handlers>{every('add', 'path=' + chr(34) + '*.x' + chr(34) + ' type', handlers)}</handlers>"
        "</system.webServer></configuration>"
    ).encode()


def quiet(*entries, **iis):
    server = Server().file(AGENTS, agents(*entries))
    return server.file(CONFIG, configuration(**iis)) if iis else server


BENIGN = {
    "dkim": quiet(SIGNER),
    "house": quiet(HOUSE),
    "scanmail": quiet(("ScanMail Routing Agent", r"C:\Program Files\Trend Micro\Smex\hookE12TransportAgent.dll")),
    "eset": quiet(("ESET Filtering Agent", r"D:\Program Files\ESET\ESET Mail Security\XmonAgentE15.dll")),
    "codetwo": quiet(("CodeTwo Exchange Rules Agent", r"C:\Program Files\CodeTwo\CodeTwo Exchange Rules 2019\C2Agent.dll")),
    "exclaimer": quiet(("Exclaimer Agent", r"C:\Program Files (x86)\Exclaimer Ltd\Signature Manager\Exclaimer.Agent.dll")),
    "symantec": quiet(
        ("SMSMSERoutingAgent", r"E:\Program Files (x86)\Symantec\SMSMSE\6.5\Symantec.MailSecurity.Server.TransportAgent.dll")
    ),
    "sophos": quiet(("PureMessage", r"C:\Program Files (x86)\Sophos\PureMessage\bin\SphTransportAgent.dll")),
    "arr": quiet(modules=[("ApplicationRequestRouting", r"%ProgramFiles%\IIS\Application Request Routing\requestRouter.dll")]),
    "modsecurity": quiet(modules=[("ModSecurity IIS (64bits)", r"%SystemRoot%\System32\inetsrv\ModSecurityIIS.dll")]),
    "urlscan": quiet(filters=[("UrlScan 3.1", r"C:\Windows\system32\inetsrv\urlscan\urlscan.dll")]),
    "duo": quiet(managed=[("DuoOwaModule", "DuoSecurity.Owa.OwaModule, DuoOwa, PublicKeyToken=1a2b3c4d5e6f7081")]),
    "splunk": quiet(modules=[("StreamModule", r"C:\Program Files\Splunk\etc\iis\stream.dll")]),
    "handler": quiet(handlers=[("Telerik", "Telerik.Web.UI.WebResource, Telerik.Web.UI")]),
}
BAD = {
    "IIS folder": quiet(modules=[("HttpCacheExModule", r"C:\Windows\System32\inetsrv\cachhttq.dll")]),
    "IIS-Raid": quiet(modules=[("IIS-Raid", r"C:\Program Files\Tools\x\IIS-Raid-Backdoor.dll")]),
    "BadIIS": quiet(modules=[("iiscom", r"%windir%\System32\inetsrv\iiscom.dll")]),
    "Owowa": quiet(managed=[("ExtenderControlDesigner", "ExtenderControlDesigner.Owa, ExtenderControlDesigner")]),
    "share": quiet(modules=[("x", r"\\10.1.1.1\s\x.dll")]),
    "vendor's name": quiet(modules=[("ModSecurity IIS", r"C:\Windows\System32\ModSecurityIIS.dll")]),
    "way up": quiet(
        modules=[("ModSecurity", r"C:\Program Files\ModSecurity IIS\..\..\Windows\System32\spool\ModSecurityIIS.dll")]
    ),
    "product's name": quiet(modules=[("StaticFileModule", r"C:\Program Files\Tools\x\static.dll")]),
    "LightNeuron-like": quiet(PLANTED),
    "Exchange's name": quiet(("Content Filter Agent", r"C:\Program Files\Tools\x\agent.dll")),
    "vendor's agent": quiet(("ESET Filtering Agent", r"C:\Program Files\Tools\x\XmonAgentE15.dll")),
    "ProgramData": quiet(("ESET Filtering Agent", r"C:\ProgramData\ESET\XmonAgentE15.dll")),
}


@pytest.mark.parametrize("name", BENIGN)
def test_what_products_register_is_to_be_explained_and_no_attack(name):
    result = assessed(BENIGN[name])
    calm = assessed(Server().file(AGENTS, agents()))
    assert result.verdict == calm.verdict
    (found,) = (f for f in result.findings if f.pack == "post-exploitation")
    assert to_confirm(found)
    assert result.questions.attacked.answer is calm.questions.attacked.answer
    assert result.questions.attacked.answer is not Reply.YES
    assert "To be confirmed" in result.questions.broken_into.text, "never no_trace without a word"
    first = result.plan[0]
    assert first.title.startswith(("Explain", "Bring"))
    (step,) = (s for s in result.plan if s.title.startswith("Explain"))
    assert step.findings == (found.id,)
    assert not [s for s in result.plan if "off the internet" in s.title.lower()]


@pytest.mark.parametrize("name", BAD)
def test_what_lies_out_of_place_or_bears_anothers_name_stays_suspected(name):
    result = assessed(BAD[name])
    assert on("post-exploitation", result).verdict >= Verdict.SUSPECTED, traces(result)
    assert result.questions.attacked.answer is not Reply.NO  # no log shows an attack; a file that is proven is one


def test_one_of_many_is_named_in_the_step_with_its_file_and_signer_command():
    result = assessed(quiet(SIGNER, HOUSE))
    (step,) = (s for s in result.plan if s.title.startswith("Explain"))
    assert SIGNER[1] in step.how
    assert "of Exchange DkimSigner by its name and folder" in step.how
    assert f"Get-AuthenticodeSignature -LiteralPath '{HOUSE[1]}'" in step.how


def test_a_planted_agent_beside_an_accepted_one_is_told():
    """The one thing that an allow entry must never do."""
    both = quiet(HOUSE, PLANTED)
    for entry in (
        AllowEntry("ours", rule="TA-a", name=HOUSE[0], dll=HOUSE[1]),
        AllowEntry("ours", rule="TA-a", name=HOUSE[0]),
        AllowEntry("ours", rule="TA-a", dll=HOUSE[1].upper()),
        AllowEntry("ours", rule="TA-a", path="*agents.config"),
    ):
        alone = assessed(quiet(HOUSE), allow=(entry,))
        assert [a.finding.record.text("name") for a in alone.allowed] == [HOUSE[0]]
        assert not alone.findings
        result = assessed(both, allow=(entry,))
        assert on("post-exploitation", result).verdict == Verdict.SUSPECTED
        assert PLANTED[0] in {f.record.text("name") for f in result.singles}


def test_an_old_line_that_names_the_file_accepts_nothing_once_there_are_several():
    other = ("Second", r"C:\Program Files\Second\a.dll")
    entry = AllowEntry("ours", rule="TA-a", path="*agents.config", line=3)
    result = assessed(quiet(HOUSE, other), allow=(entry,))
    assert result.allowed == ()
    assert {f.record.text("name") for f in result.singles} == {HOUSE[0], other[0]}
    (problem,) = (p for p in result.problems if p.pack == "--allow")
    assert problem.file == "entry 3"
    assert "rule: " in problem.reason


def test_agents_of_one_name_are_two_things():
    twin = (HOUSE[0], r"C:\Program Files\Other\agent.dll")
    entry = AllowEntry("ours", rule="TA-a", name=HOUSE[0], dll=HOUSE[1])
    result = assessed(quiet(HOUSE, twin), allow=(entry,))
    assert [f.record.text("assemblyPath") for f in result.findings] == [twin[1]]


HOSTILE = "x\", reason: \"y\"}\n- {rule: '*', name: \\ \u202e \U0001f600 \x85 'é' #\t}"


@pytest.mark.parametrize("text", ["Plain Agent", HOSTILE, "- [", "a: b # c", "%s {x}", "null", "yes", "0x1"])
def test_the_offered_line_is_one_line_that_names_exactly_this(text, tmp_path):
    name = text.translate({ord("\n"): " ", ord("\t"): " ", 0x85: " "})
    escaped = name.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
    server = Server().file(AGENTS, agents((escaped, HOUSE[1])))
    (found,) = assessed(server).findings
    line = allow_line(found)
    assert re.fullmatch(r"[ -~]+", line)
    place = tmp_path / "allow.yml"
    place.write_text(f"{line}\n- {{rule: X, path: /y, reason: z}}\n", encoding="utf-8")
    entries = read_allow(place)
    assert (len(entries), entries[0].name) == (2, name)
    assert not assessed(server, allow=entries).findings
    assert assessed(quiet(HOUSE), allow=entries).findings, "another name is another thing"


def test_the_line_stands_in_every_report_and_is_the_same_after_loading():
    result = assessed(quiet(HOUSE))
    (found,) = result.findings
    line = allow_line(found)
    stored = Document().render(result)
    assert yaml.safe_load(stored)["findings"][0]["allow"] == line
    again = load(stored)
    assert allow_line(again.findings[0]) == line
    assert HOUSE[1] in Markdown().render(again).decode()
    page = Html().render(again).decode()
    assert line.replace('"', "&#34;") in page
    assert "to be explained" in page.lower()
    assert "to be explained" in Text().render(again).decode().lower()


def exports(*mailboxes):
    rows = [
        {"EventID": 1, "Channel": "MSExchange Management", "Provider_Name": "MSExchange CmdletLogs", "Computer": "EX01",
         "TimeCreated": f"{NOON + timedelta(minutes=number):%Y-%m-%dT%H:%M:%S}Z", "EventRecordID": number + 1,
         "Data": ["New-MailboxExportRequest", f'-Mailbox "{name}" -FilePath "\\\\EX01\\pst$\\{name}.pst"', "contoso.test/Users/adm.berg"]}
        for number, name in enumerate(mailboxes)
    ]  # fmt: skip
    return Server().file("C/Windows/System32/winevt/Logs/x.jsonl", "\n".join(map(json.dumps, rows)).encode())


OTHER = ("Other Agent", r"C:\Program Files\Other\other.dll")
EIGHT = ("anna", "bo", "carl", "dora", "eva", "finn", "greta", "hugo")


@pytest.mark.parametrize(
    ("server", "lines"),
    [(quiet(HOUSE), 1), (quiet(HOUSE, OTHER), 2), (exports(*EIGHT), 8), (exports("anna", "anna"), 1)],
    ids=["one agent", "two agents", "eight exports", "the same thing twice"],
)
def test_what_is_told_as_one_offers_a_line_for_each_thing_in_it(server, lines, tmp_path):
    result = assessed(server)
    (found,) = result.findings
    offered = allow_lines(found)
    assert len(offered) == lines
    for one in found.singles:
        assert allow_line(one) in offered
    stored = Document().render(result)
    assert yaml.safe_load(stored)["findings"][0]["allow"] == "\n".join(offered)
    again = load(stored)
    assert allow_lines(again.findings[0]) == offered
    for number, line in enumerate(offered):
        assert line.replace('"', "&#34;") in Html().render(again).decode().partition("To accept it")[2], number
        assert line in Markdown().render(again).decode().partition("- to accept ")[2]
    place = tmp_path / "allow.yml"
    place.write_text("\n".join(offered), encoding="utf-8")
    assert not assessed(server, allow=read_allow(place)).findings, "all lines together accept all of it"
    if lines > 1:
        place.write_text(offered[0], encoding="utf-8")
        (left,) = assessed(server, allow=read_allow(place)).findings
        assert len(left.singles) == lines - 1, "one line accepts one thing"


def test_a_redacted_report_offers_no_line():
    page = Markdown().render(redact(assessed(quiet(HOUSE, OTHER)))).decode()
    assert "to accept" not in page


def test_what_was_accepted_stays_accepted_in_a_recheck_and_nothing_beside_it():
    before = assessed(quiet(HOUSE, PLANTED), allow=(AllowEntry("ours", rule="TA-a", name=HOUSE[0]),))
    (entry,) = accepted(before)
    assert (entry.name, entry.dll) == HOUSE
    again = recheck(before, "ab" * 32)
    assert [a.finding.record.text("name") for a in again.allowed] == [HOUSE[0]]
    assert on("post-exploitation", again).verdict == Verdict.SUSPECTED


def test_the_hash_of_the_file_behind_it_is_told_and_belongs_to_the_entry():
    dll = HOUSE[1].replace("\\", "/").replace(":", "", 1)
    server = quiet(HOUSE).file(dll, b"MZ first")
    digest = hashlib.sha256(b"MZ first").hexdigest()
    (found,) = assessed(server).findings
    assert found.record.text("sha256") == digest
    (line,) = yaml.safe_load(allow_line(found))
    entry = AllowEntry("ours", sha256=digest, rule=line["rule"], name=line["name"], dll=line["dll"])
    assert not assessed(server, allow=(entry,)).findings
    assert assessed(quiet(HOUSE).file(dll, b"MZ other"), allow=(entry,)).findings


def test_an_entry_that_ran_out_is_no_problem():
    old = AllowEntry("ours", rule="TA-a", path="*agents.config", until=date(2020, 1, 1))
    result = assessed(quiet(HOUSE, SIGNER), allow=(old,))
    assert not [p for p in result.problems if p.pack == "--allow"]


def test_rows_that_were_accepted_stay_accepted_though_they_have_no_name():
    """Several in one log: each by what it is, not by the log."""
    server = Server()
    for hour in (1, 2):
        server.ecp(NOON.replace(hour=hour), f"Set-OabVirtualDirectory.ExternalUrl='{tag()}{hour}'", "/ecp/DDI/DDIService.svc")
    first = assessed(server)
    mine = [f for f in first.findings if f.record.kind == "exchange.ecp-server"]
    assert mine
    everything = tuple(AllowEntry("a test", rule=f.rule, finding=f.id) for f in first.singles)
    before = assessed(server, allow=everything)
    assert not before.findings
    again = recheck(before, "ab" * 32)
    assert {a.finding.id for a in again.allowed} == {a.finding.id for a in before.allowed}
    other = AllowEntry("a test", rule=mine[0].rule, finding="f-000000000000")
    assert mine[0].id in {f.id for f in assessed(server, allow=(other,)).findings}
