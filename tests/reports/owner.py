"""A pretend assessment full of an owner's names, in odd places and odd dress, to see that a redaction leaves none of them."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import date

from exhume.model import (
    Allowed,
    Assessment,
    Confidence,
    Exposure,
    Gap,
    Intrusion,
    Moment,
    Outcome,
    Reading,
    Rule,
    Severity,
    Source,
    Step,
)
from reports import sample

HOSTS = ("KBX-MAIL07", "dc3west", "FILES-02")
DOMAINS = ("rathaus-nord.example", "RATNORD")
USERS = ("jane.doe", "m_oesterlund", "Jörg Müller-Lüd", "qz")
MAILS = ("Kaemmerei+Amt@rathaus-nord.example", "citizen77@post.test")
SIDS = ("S-1-5-21-3623811015-3361044348-30300820-1013",)
ADDRESSES = ("10.44.7.19", "198.51.100.201", "2001:db8:77::beef", "192.0.2.144")
UNITS = ("Stadt Rathausen", "Finanzabteilung-3", "Hafenamt")
ATTACKER = "203.0.113.213"
SECRETS = ("Kunde Meyerhoff", *HOSTS, *DOMAINS, *USERS[:3], *MAILS, *SIDS, *ADDRESSES, *UNITS)
"""The two-letter account ``qz`` is looked for by itself: it may stand inside other words."""


def percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def dresses(text: str) -> tuple[str, ...]:
    """The text in all the ways that logs and attackers write it."""
    some = "".join(percent(c) if n % 2 else c for n, c in enumerate(text))
    return (
        text, text.upper(), text.lower(), percent(text), percent(text).upper(), percent(percent(text)), some,
        "".join(f"\\u{ord(c):04x}" for c in text), "".join(f"&#{ord(c)};" for c in text), "".join(f"%u{ord(c):04X}" for c in text),
    )  # fmt: skip


def encoded(text: str, code: str = "utf-8") -> str:
    return base64.b64encode(text.encode(code)).decode()


def _row(fields: dict, place: str = "line 5", kind: str = "exchange.httpproxy") -> object:
    rule = Rule("pl-855-d", "proxylogon", "A session of jane.doe was obtained on KBX-MAIL07", Outcome.STEP, Severity.CRITICAL,
                Confidence.HIGH, True, ("T1190",), ("CVE-2021-26855",), fold=("TargetFilename",))  # fmt: skip
    because = tuple((name, str(value), f"contains {value}"[:300]) for name, value in fields.items())
    path = f"Hafenamt/uploads/kbx-mail07triage.zip!/C/Users/jane.doe/{place}.log"
    found = sample.made(rule, sample.at("2021-03-03T04:12:07"), path, place, kind, fields, because, "Ecp")
    return replace(found, record=replace(found.record, server="KBX-MAIL07"))


def _rows() -> tuple[object, ...]:
    everything = " ".join(dress for secret in SECRETS for dress in dresses(secret))
    named = {
        "AuthenticatedUser": "RATNORD\\m_oesterlund",
        "cs-username": "RATNORD\\qz",
        "Caller": "rathaus-nord.example/Finanzabteilung-3/Jörg Müller-Lüd",
        "CallerSid": SIDS[0],
        "Organization": "Stadt Rathausen",
        "ServerHostName": "kbx-mail07",
        "OriginatingServer": "dc3west.rathaus-nord.example",
        "ClientIpAddress": ATTACKER,
        "TargetFilename": "\\\\FILES-02\\c$\\Users\\jane.doe\\AppData\\Local\\Temp\\x.aspx",
    }
    odd = {
        "ClientIpAddress": "198.51.100.201",
        "TargetFilename": "C:\\inetpub\\wwwroot\\aspnet_client\\10.44.7.19.aspx",
        "kbx-mail07 10.44.7.19": "a name and an address as the name of a field",
        "UrlQuery": f"?u={percent('jane.doe@rathaus-nord.example')}&x=[2001:db8:77::beef]:444&y=::ffff:192.0.2.144&z=10-44-7-19",
        "UrlHost": "mail.RATHAUS-NORD.example:443",
        "AnchorMailbox": "ServerInfo~a]@KBX-MAIL07.rathaus-nord.example:444/ecp/DDI/DDIService.svc",
        "X-Forwarded-For": "10.44.7.19, 192.0.2.144:55001, [2001:db8:77::beef]",
        "DistinguishedName": "CN=Jörg Müller-Lüd,OU=Finanzabteilung-3,DC=rathaus-nord,DC=example",
        "CommandLine": "cmd /c net use \\\\FILES-02\\c$ /user:RATNORD\\qz & echo jane_doe & ping dc3west",
        "token": f"X-Rps-CAT={encoded('VT' + SIDS[0] + 'jane.doe')}",
        "script": f"-e {encoded('ping KBX-MAIL07.rathaus-nord.example', 'utf-16-le')} {encoded('xx' + MAILS[0])}",
        "everything": everything,
        "many": (everything, "RATNORD\\jane.doe"),
        "key": "address:2001:db8:77::beef|shell:/owa/auth/10.44.7.19.aspx|log_10.44.7.19_x",
        "kept": "15.1.225.42 15.2.221.12 127.0.0.1 NT AUTHORITY\\SYSTEM C:\\Windows\\System32\\inetsrv\\w3wp.exe S-1-5-18 Chrome/110.0.0.0",
    }
    return (_row(named, "line 6"), _row(odd))


def assessment() -> Assessment:
    """Every kind of text an assessment has, with something of the owner in it."""
    base = sample.compromised()
    found = _rows()
    spoken = "Seen on KBX-MAIL07 (10.44.7.19): jane.doe, Jörg Müller-Lüd and citizen77@post.test of Stadt Rathausen."
    source = Source(sample.DIGEST, "KBX-MAIL07.zip!/C/Users/jane.doe/x.log", "line 3")
    q = base.questions
    return replace(
        base,
        host=replace(base.host, name="KBX-MAIL07", servers=("KBX-MAIL07", "DC3WEST"), build="15.1.225.42"),
        evidence=("KBX-MAIL07-triage.zip", "rathaus-nord", "Kunde Meyerhoff.tar.gz"),
        questions=replace(q, attacked=replace(q.attacked, text=spoken, limits=(spoken,))),
        answers=tuple(replace(x, limits=(*x.limits, spoken), findings=(*x.findings, found[0].id)) for x in base.answers),
        findings=(*base.findings, *found),
        coverage=replace(
            base.coverage,
            spans=tuple(replace(s, server="KBX-MAIL07", path=f"KBX-MAIL07/{s.path}") for s in base.coverage.spans),
            gaps=tuple(replace(g, detail=spoken, server="DC3WEST") if isinstance(g, Gap) else g for g in base.coverage.gaps),
        ),
        readings=(Reading("build", "15.1.225.42", date(2021, 3, 1), "cu", source),),
        exposure=tuple(replace(e, why=spoken) if isinstance(e, Exposure) else e for e in base.exposure),
        intrusions=(
            Intrusion("i-0123456789ab", None, None, (found[0].id,), (ATTACKER,), ("curl KBX-MAIL07",), ("/owa/auth/x.aspx",),
                      ("RATNORD\\qz", "jane.doe"), (MAILS[0],), "", "", (spoken,)),
        ),
        timeline=(Moment(sample.at("2021-03-03T04:12:07"), spoken, "attack", found[0].id, source),),
        plan=(Step(1, f"Clean {HOSTS[0]}", spoken, "Remove-Item \\\\FILES-02\\c$\\x; Set-User 'RATNORD\\qz'", True, (found[0].id,)),),
        allowed=(Allowed(found[1], "Seen by Jörg, room 12", None),),
    )  # fmt: skip
