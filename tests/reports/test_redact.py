"""Redaction: nothing of the owner is left in any format, the same value has one stand-in, and what must stay readable stays."""

from __future__ import annotations

import base64
import html
import json
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exhume.model import Assessment, Outcome, Rule, Severity
from exhume.reports import REPORTS, Document, load
from exhume.reports.redact import redact
from exhume.reports.redact.decoded import decode
from exhume.reports.redact.names import kept
from reports import owner, sample
from reports.assessments import assessments, strings

RULE = Rule("r", "p", "t", Outcome.ATTEMPT, Severity.LOW)
BASE64 = re.compile(r"[A-Za-z0-9+/]{20,}={0,2}")


def undressed(text: str) -> str:
    """The text and everything that it holds in some encoding, lower case."""
    seen = [text]
    for _ in range(4):
        seen.append(html.unescape(unquote(re.sub(r"(?:\\|%)u([0-9a-fA-F]{4})", lambda m: chr(int(m[1], 16)), seen[-1]))))
    for run in BASE64.findall(text):
        for skipped in range(4):
            part = run.rstrip("=")[skipped:]
            data = base64.b64decode(part + "=" * (-len(part) % 4) if len(part) % 4 != 1 else part[:-1])
            seen.append(data.replace(b"\0", b"").decode("utf-8", "replace"))
    return "\n".join(seen).lower()


def survivors(text: str) -> list[str]:
    seen = undressed(text)
    return [s for s in (*owner.SECRETS, "\\qz", "10-44-7-19", "room 12") if s.lower() in seen]


def test_the_check_can_fail() -> None:
    text = " ".join(strings(owner.assessment()))
    assert set(survivors(text)) >= set(owner.SECRETS)
    assert survivors(owner.encoded("x 10.44.7.19", "utf-16-le"))
    assert survivors(owner.percent(owner.percent("jane.doe")))


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("report", REPORTS, ids=lambda r: r.name)
def test_no_name_of_the_owner_is_left(report: object, everything: bool) -> None:
    done = redact(owner.assessment(), everything=everything)
    assert [s for text in strings(done) for s in survivors(text)] == []
    assert survivors(report.render(done).decode("utf-8", "replace")) == []


def test_the_simulated_attacker_stays_unless_all_is_asked_for() -> None:
    for everything in (False, True):
        text = Document().render(redact(owner.assessment(), everything=everything)).decode()
        assert (owner.ATTACKER in text) is not everything


def test_what_must_stay_readable_stays() -> None:
    done = redact(owner.assessment())
    kept = done.findings[-1].record.text("kept")
    assert kept == owner.assessment().findings[-1].record.text("kept")
    before = owner.assessment()
    for a, b in zip(before.findings, done.findings, strict=True):
        assert (a.rule, a.pack, a.first_seen, a.cves, a.techniques, a.count) == (
            b.rule,
            b.pack,
            b.first_seen,
            b.cves,
            b.techniques,
            b.count,
        )
    assert (
        "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth\\RedirSuiteServerProxy.aspx"
        in strings(done)
    )
    assert (done.verdict, done.generated, done.host.build, done.schema) == (
        before.verdict,
        before.generated,
        before.host.build,
        before.schema,
    )
    assert done.redacted.startswith("Redacted: ")


def test_one_value_has_one_stand_in_and_one_stand_in_one_value() -> None:
    done = redact(owner.assessment())
    host = done.host.name
    assert re.fullmatch(r"host-\d", host)
    assert done.host.servers[0] == host
    assert all(s.server == host for s in done.coverage.spans)
    assert done.findings[-1].record.text("ServerHostName") in ("", host)
    odd = done.findings[-1].record
    assert re.fullmatch(rf"ServerInfo~a\]@{host}\.domain-\d:444/ecp/DDI/DDIService\.svc", odd.text("AnchorMailbox"))
    forwarded = re.fullmatch(r"(address-\d+), (address-\d+):55001, \[(address-\d+)\]", odd.text("X-Forwarded-For"))
    assert forwarded
    assert len(set(forwarded.groups())) == 3
    assert re.search(rf"=\[{forwarded[3]}\]:444&y=::ffff:{forwarded[2]}&z={forwarded[1]}$", odd.text("UrlQuery"))
    assert done.findings[-1].subject.startswith(odd.text("ClientIpAddress"))


def test_references_to_findings_still_lead_somewhere() -> None:
    before, done = owner.assessment(), redact(owner.assessment())
    ids = {f.id for f in done.findings}
    assert len(ids) == len(before.findings)
    for answer in done.answers:
        assert set(answer.findings) <= ids
    assert {done.timeline[0].finding, *done.plan[0].findings, *done.intrusions[0].findings} <= ids
    told = replace(before.intrusions[0], notes=(f"see i-0123456789ab and {before.findings[-1].id}",))
    assert redact(replace(before, intrusions=(told,))).intrusions[0].notes[0].startswith("see i-1 and f-")
    assert before.findings[-1].id not in redact(replace(before, intrusions=(told,))).intrusions[0].notes[0]
    assert not {f.id for f in before.findings[-2:]} & ids, "an id is a hash over the address and would give it away"


def test_the_key_is_thrown_away() -> None:
    numbers = {redact(owner.assessment()).findings[-1].record.text("X-Forwarded-For") for _ in range(12)}
    assert len(numbers) > 1, "numbers that follow from the values could be guessed"
    assert redact(owner.assessment(), key=b"k") == redact(owner.assessment(), key=b"k")


def test_a_redacted_assessment_goes_there_and_back() -> None:
    done = redact(owner.assessment())
    assert load(Document().render(done)) == done


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(assessments)
def test_any_assessment_can_be_redacted(assessment: Assessment) -> None:
    done = redact(assessment)
    assert len(done.findings) == len(assessment.findings)
    assert Document().render(done)


@given(
    st.lists(
        st.text() | st.sampled_from(["%", "%41", "%2541", "%c3%bc", "%ff", "\\u00e9", "%u0041", "&#65;", "&#x41;", "\\"])
    ).map("".join)
)
def test_decoding_knows_the_way_back(text: str) -> None:
    seen = decode(text)
    assert "".join(text[slice(*seen.span(n, n + 1))] for n in range(len(seen.text))) == text


@pytest.mark.parametrize("wrong", ["private", "not decisive", "own address", "attempt", "other verdict"])
def test_only_a_proven_attacker_is_kept(wrong: str) -> None:
    base = owner.assessment()
    found = next(f for f in base.findings if f.address == owner.ATTACKER)
    fields = {**found.record.fields, "s-ip": "192.0.2.1"}
    changed = {
        "private": replace(found, record=replace(found.record, fields={**fields, "ClientIpAddress": "10.1.2.3"})),
        "not decisive": replace(found, decisive=False),
        "own address": replace(found, record=replace(found.record, fields={**fields, "s-ip": owner.ATTACKER})),
        "attempt": replace(found, decisive=False, outcome=Outcome.ATTEMPT),
        "other verdict": found,
    }[wrong]
    answers = base.answers if wrong != "other verdict" else ()
    spoiled = replace(base, findings=(changed,), intrusions=(), answers=answers)
    from exhume.reports.proof import attackers

    assert attackers(replace(base, findings=(found,), intrusions=())) == (owner.ATTACKER,)
    assert attackers(spoiled) == ()


def test_two_thousand_findings_are_quick() -> None:
    import time

    many = sample.many(2_000)
    start = time.process_time()
    done = redact(many)
    assert time.process_time() - start < 20
    assert json.loads(Document().render(done))["redacted"]


labels = st.from_regex(r"[a-z][a-z0-9]{1,6}-?[a-z0-9]{2,6}", fullmatch=True).filter(
    lambda n: n not in kept() and not n.startswith("xn--")
)
people = st.from_regex(r"[a-zäöüß][a-zé]{2,8}[._-]?[a-z0-9]{1,6}", fullmatch=True).filter(lambda n: n not in kept())
around = st.sampled_from(
    [" ", "/", "\\", "=", "&x=", "'", '"', "[", "]", ":", ";", ",", "@@", "\x1f", "\n", "%20", "(", "|", "."]
)
fours = (
    st.ip_addresses(v=4)
    .filter(lambda a: not (a.is_loopback or a.is_multicast or a.is_unspecified or str(a).endswith((".0.0", "255.255.255.255"))))
    .map(str)
)
sixes = (
    st.ip_addresses(v=6)
    .filter(lambda a: not (a.is_loopback or a.is_multicast or a.is_unspecified or a.ipv4_mapped or int(a) < 1 << 32))
    .map(str)
)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_name_is_found_in_any_dress_and_any_place(data: st.DataObject) -> None:
    host, user, label, four, six = (data.draw(s) for s in (labels, people, labels, fours, sixes))
    domain = f"{label}.example"
    values = (host, user, domain, f"{user}@{domain}", four, six)
    text = "x"
    for value in data.draw(st.permutations(values)):
        text += data.draw(around) + data.draw(st.sampled_from(owner.dresses(value))) + data.draw(around)
    fields = {"ServerName": host, "cs-username": f"TWN\\{user}", "UrlHost": f"mail.{domain}", "text": text}
    base = sample.blind()
    found = sample.made(
        RULE, None, f"{text.replace(chr(10), ' ')}/a.log", "line 1", "iis.access", fields, (("text", text, "t"),)
    )
    done = redact(replace(base, findings=(found,), evidence=(text,)))
    left = undressed("\n".join(s for s in strings((done.findings, done.evidence, done.host))))
    assert [v for v in values if v in left] == []


def test_hostile_text_does_not_cost_hours() -> None:
    import time

    odd = ("a" * 4096, "a:" * 2048, "::" + "f" * 4000, "a.town.example" * 290, "%41" * 1300, "%25" * 1300, "@" * 4096, "a@" * 2048,
           "CN=a," * 800, "1.1.1.1." * 500, "\\\\a\\" * 800, "A" * 4000 + "@a", "1-1-" * 1000, "/Users/" * 500, "x.%" * 1300)  # fmt: skip
    base = sample.blind()
    fields = {f"f{n}": text for n, text in enumerate(odd)} | {"ServerName": "ex01.town.example"}
    found = sample.made(RULE, None, "a.log", "line 1", "iis.access", fields, ())
    start = time.process_time()
    redact(replace(base, findings=(found,)))
    assert time.process_time() - start < 10


def test_a_name_whose_code_makes_another_code_with_what_stands_before_it_is_found() -> None:
    """``\\`` and ``%78%30%30`` are ``\\x00`` after one round of decoding, and in the next round the name would be gone."""
    domain = "x000.example"
    text = "a \\" + "".join(f"%{ord(c):02x}" for c in domain) + " b"
    found = sample.made(RULE, None, "a.log", "line 1", "iis.access", {"UrlHost": f"mail.{domain}", "text": text}, ())
    done = redact(replace(sample.blind(), findings=(found,), evidence=(text,)))
    assert domain not in undressed(domain_dress := "\n".join(strings(done.evidence))), domain_dress
