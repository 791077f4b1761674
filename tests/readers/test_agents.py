"""Transport agents: the built-in ones and all others."""

import io

import pytest

from exhume.model import Cause, File, Gap, Record
from exhume.readers.agents import Agents, is_built_in

ROOT = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\"
PATH = "C/Program Files/Microsoft/Exchange Server/V15/TransportRoles/Shared/agents.config"


def config(*agents):
    rows = "\n".join(
        f'<agent name="{name}" baseType="Microsoft.Exchange.Data.Transport.Routing.RoutingAgent" classFactory="F" assemblyPath="{path}" enabled="true" />'
        for name, path in agents
    )
    return f'<?xml version="1.0" encoding="utf-8"?>\n<configuration><mexRuntime><agentList>\n{rows}\n</agentList></mexRuntime></configuration>'


def run(data):
    spans = []

    def through():
        spans.extend((yield from Agents().read(io.BytesIO(data), File("e", PATH), None)))

    out = list(through())
    return [o for o in out if isinstance(o, Record)], [o for o in out if isinstance(o, Gap)], spans


def test_a_foreign_agent_stands_beside_a_built_in_one():
    rule = ROOT + "TransportRoles\\agents\\Rule\\Microsoft.Exchange.MessagingPolicies.TransportRuleAgent.dll"
    records, gaps, spans = run(
        config(("Transport Rule Agent", rule), ("Security Interop Agent", "C:\\Windows\\x.dll")).encode()
    )
    assert [(r.fields["name"], r.fields["default"], r.source.at) for r in records] == [
        ("Transport Rule Agent", True, "line 3"),
        ("Security Interop Agent", False, "line 4"),
    ]
    assert records[0].fields["assemblyPath"] == rule
    assert records[0].fields["enabled"] == "true"
    assert (records[0].kind, records[0].channel, records[0].time) == ("exchange.transport-agent", "agents", None)
    assert [(s.channel, s.records, s.state) for s in spans] == [("agents", 2, True)]
    assert gaps == []


@pytest.mark.parametrize(
    ("name", "path", "built_in"),
    [
        ("malware agent", "E:\\ex\\TransportRoles\\agents\\Antimalware\\Microsoft.Exchange.Transport.Agent.Malware.dll", True),
        ("Malware Agent", "E:\\ex\\TransportRoles\\agents\\Antimalware\\Other.dll", False),
        ("Malware Agent", "E:\\ex\\TransportRoles\\agents\\..\\Microsoft.Exchange.Transport.Agent.Malware.dll", False),
        (
            "Malware Agent",
            "\\\\host\\c$\\TransportRoles\\agents\\Antimalware\\Microsoft.Exchange.Transport.Agent.Malware.dll",
            False,
        ),
        ("Malware Agent", "", False),
        (
            "Journal Agent",
            "E:\\TransportRoles\\agents\\Journaling\\Microsoft.Exchange.MessagingPolicies.JournalAgent.dll",
            True,
        ),
        ("Journal Agent", "E:\\TransportRoles\\agents\\Journaling\\evil.dll", False),
        (
            "Contoso Signatures",
            "E:\\TransportRoles\\agents\\Rule\\Microsoft.Exchange.MessagingPolicies.TransportRuleAgent.dll",
            False,
        ),
    ],
)
def test_a_built_in_agent_needs_name_and_place(name, path, built_in):
    assert is_built_in(name, path) is built_in


def test_a_torn_list_tells_what_stands_in_it():
    records, gaps, _ = run(config(("A", "C:\\a.dll"), ("B", "C:\\b.dll")).encode()[:-30])
    assert [r.fields["name"] for r in records] == ["A", "B"]
    assert [(g.cause, g.kind) for g in gaps] == [(Cause.DAMAGED, "exchange.transport-agent")]


def test_what_it_takes():
    reader = Agents()
    assert reader.expects(File("e", PATH))
    assert reader.expects(File("e", "x/fetagents.config"))
    assert reader.recognises(config().encode("utf-16"), File("e", "x/a.xml"))
    assert not reader.recognises(b"<configuration>", File("e", "x/a.config"))
