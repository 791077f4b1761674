"""IIS configuration: every section, the clean set-up, mitigations, damage, secrets."""

import io
from datetime import UTC, date, datetime

import pytest

from exhume.model import Cause, File, Gap, Reading, Record
from exhume.readers.iisconfig import IisConfig

ROOT = "D:\\Mail\\"
HOST = "C/Windows/System32/inetsrv/config/applicationHost.config"
WEB = "C/inetpub/wwwroot/web.config"


def run(text, path=HOST, modified=None):
    data = text if isinstance(text, bytes) else text.encode()
    spans = []

    def through():
        spans.extend((yield from IisConfig().read(io.BytesIO(data), File("e", path, modified=modified), None)))

    out = list(through())
    return (
        [o.fields | {"at": o.source.at, "channel": o.channel} for o in out if isinstance(o, Record)],
        [o for o in out if isinstance(o, Reading)],
        [o for o in out if isinstance(o, Gap)],
        spans,
    )


def only(records, section):
    return [r for r in records if r["section"] == section]


def host(inner="", sites="", modules=""):
    vdirs = "".join(
        f'<application path="/{a}"><virtualDirectory path="/" physicalPath="{ROOT}FrontEnd\\HttpProxy\\{b}" /></application>\n'
        for a, b in (("owa", "owa"), ("ecp", "ecp"), ("EWS", "EWS"), ("OAB", "OAB"))
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<configuration>
<system.applicationHost>
<applicationPools>
<add name="MSExchangeOWAAppPool" autoStart="true"><processModel identityType="LocalSystem" password="secret1" /></add>
<add name="evil" />
</applicationPools>
<sites>
<site name="Default Web Site" id="1">
{vdirs}{sites}
<bindings><binding protocol="http" bindingInformation="*:80:" /><binding protocol="https" bindingInformation=":443:" /></bindings>
</site>
<siteDefaults><logFile logFormat="W3C" directory="%SystemDrive%\\inetpub\\logs\\LogFiles" /></siteDefaults>
</sites>
</system.applicationHost>
<system.webServer>
<globalModules>{modules}</globalModules>
<httpLogging dontLog="false" />
</system.webServer>
{inner}
</configuration>
"""


def test_sites_pools_folders_and_logging_of_a_clean_server():
    records, readings, gaps, spans = run(host())
    (site,) = only(records, "site")
    assert site["bindings"] == ("http *:80:", "https :443:")
    assert (site["name"], site["id"], site["default"], site["channel"]) == ("Default Web Site", "1", True, "applicationHost")
    owa, evil = only(records, "applicationPool")
    assert (owa["identityType"], owa["default"], evil["default"]) == ("LocalSystem", True, False)
    assert [(r["application"], r["site"], r["default"]) for r in only(records, "virtualDirectory")] == [
        (f"/{name}", "Default Web Site", True) for name in ("owa", "ecp", "EWS", "OAB")
    ]
    assert [r["default"] for r in only(records, "logFile") + only(records, "httpLogging")] == [True, True]
    assert [(r.what, r.value, r.trust) for r in readings] == [("install", ROOT, "hint")]
    assert [(s.kind, s.channel, s.state, s.records) for s in spans] == [("iis.config", "applicationHost", True, len(records))]
    assert gaps == []


@pytest.mark.parametrize(
    "folder",
    [
        "C:\\ProgramData\\COM1\\x",
        "C:\\Users\\All Users\\COM1",
        "C:\\Temp\\FrontEnd\\HttpProxy\\owa",
        ROOT + "FrontEnd\\HttpProxy\\owa\\..\\..\\x",
        "\\\\?\\C:\\ProgramData\\COM1",
        ROOT + "FrontEnd\\HttpProxy\\ecp",
    ],
)
def test_a_virtual_directory_elsewhere_is_no_default(folder):
    extra = f'<application path="/owa/auth2"><virtualDirectory path="/" physicalPath="{folder}" /></application>'
    records, _, gaps, _ = run(host(sites=extra))
    assert [r["physicalPath"] for r in only(records, "virtualDirectory") if not r["default"]] == [folder]
    assert gaps == []


@pytest.mark.parametrize(
    ("name", "image", "default"),
    [
        ("kerbauth", ROOT + "Bin\\kerbauth.dll", True),
        ("kerbauth", "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\bin\\KERBAUTH.dll", True),
        ("kerbauth", "C:\\Windows\\System32\\inetsrv\\kerbauth.dll", False),
        ("kerbauth2", ROOT + "Bin\\kerbauth.dll", False),
        ("HttpLoggingModule", "%windir%\\System32\\inetsrv\\loghttp.dll", True),
        ("HttpLoggingModule", "E:\\Windows\\system32\\inetsrv\\loghttp.dll", True),
        ("HttpLoggingModule", "%windir%\\System32\\inetsrv\\loghttps.dll", False),
        ("RewriteModule", "%SystemRoot%\\system32\\inetsrv\\rewrite.dll", True),
        ("x", "%windir%\\Temp\\x.dll", False),
    ],
)
def test_native_modules_are_known_by_name_and_image(name, image, default):
    records, _, gaps, _ = run(host(modules=f'\n\n<add name="{name}" image="{image}" />'))
    (module,) = only(records, "globalModules")
    assert module["default"] is default
    assert module["image"] == image
    assert gaps == []


def test_managed_modules_handlers_and_filters_inside_a_location():
    token = "PublicKeyToken=31bf3856ad364e35"
    inner = f"""<location path="Default Web Site/owa"><system.webServer>
<modules><remove name="Session" /><clear />
<add name="HostHeaderValidationModule" type="Microsoft.Exchange.HttpUtilities.HostHeaderValidationModule,Microsoft.Exchange.HttpUtilities, Version=15.0.0.0, {token}" />
<add name="HostHeaderValidationModule" type="Microsoft.Exchange.HttpUtilities.HostHeaderValidationModule, Contoso" />
<add name="Own" type="Contoso.Own, Contoso" preCondition="managedHandler" /></modules>
<handlers><add name="PageHandlerFactory-Integrated-4.0" path="*.aspx" verb="GET" type="System.Web.UI.PageHandlerFactory" />
<add name="Pictures" path="*.png" verb="*" type="System.Web.UI.PageHandlerFactory" />
<add name="Asp" path="*.gif" verb="*" modules="IsapiModule" scriptProcessor="%windir%\\system32\\inetsrv\\asp.dll" /></handlers>
<isapiFilters><filter name="Exchange ActiveSync ISAPI Filter" path="{ROOT}FrontEnd\\HttpProxy\\bin\\AirFilter.dll" />
<filter name="Exchange OWA Cookie Authentication ISAPI Filter" path="C:\\owaauth.dll" /></isapiFilters>
</system.webServer><system.web><httpModules><add name="Old" type="A.B, C" /></httpModules>
<httpHandlers><add path="*.jpg" verb="*" type="A.B, C" /></httpHandlers>
<compilation><buildProviders><add extension=".jpg" type="System.Web.Compilation.PageBuildProvider" /></buildProviders></compilation>
</system.web></location>"""
    records, _, gaps, _ = run(host(inner))
    assert {r["location"] for r in records if "location" in r} == {"Default Web Site/owa"}
    told = [(r["section"], r.get("element", ""), r.get("name", ""), r["default"]) for r in records if r.get("location")]
    assert told == [
        ("modules", "modules", "Session", True),
        ("modules", "modules", "", False),
        ("modules", "", "HostHeaderValidationModule", True),
        ("modules", "", "HostHeaderValidationModule", False),
        ("modules", "", "Own", False),
        ("handlers", "", "PageHandlerFactory-Integrated-4.0", True),
        ("handlers", "", "Pictures", False),
        ("handlers", "", "Asp", False),
        ("isapiFilters", "", "Exchange ActiveSync ISAPI Filter", True),
        ("isapiFilters", "", "Exchange OWA Cookie Authentication ISAPI Filter", False),
        ("modules", "httpModules", "Old", False),
        ("handlers", "httpHandlers", "", False),
        ("handlers", "buildProviders", "", False),
    ]
    assert {r["site"] for r in records if r.get("location")} == {"Default Web Site"}
    assert gaps == []


def rule(name, condition, attributes="", action="AbortRequest", match=".*"):
    return f'<rule name="{name}" {attributes}><match url="{match}" /><conditions>{condition}</conditions><action type="{action}" /></rule>'


def rewrite(*rules, kind="rules"):
    return (
        f"<configuration>\n<system.webServer>\n<rewrite><{kind}>\n"
        + "\n".join(rules)
        + f"</{kind}></rewrite></system.webServer></configuration>"
    )


BOTH = "(?=.*autodiscover)(?=.*powershell)"


@pytest.mark.parametrize(
    ("written", "mitigation"),
    [
        (
            rule("a", '<add input="{HTTP_COOKIE}" pattern="(.*)X-AnonResource-Backend(.*)" />'),
            "CVE-2021-26855 X-AnonResource-Backend Abort",
        ),
        (
            rule("b", '<add input="{HTTP_COOKIE}" pattern="(.*)X-BEResource=(.+)/(.+)~(.+)" />'),
            "CVE-2021-26855 X-BEResource Abort",
        ),
        (rule("c", f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" />'), "CVE-2022-41040 PowerShell M1.1"),
        (rule("c", f'<add input="{{REQUEST_URI}}" pattern="{BOTH}" />'), "CVE-2022-41040 PowerShell, not decoded (bypassable)"),
        (
            rule("c", '<add input="{URL}" pattern=".*autodiscover\\.json.*Powershell.*" />'),
            "CVE-2022-41040 PowerShell, path only (bypassable)",
        ),
        (
            rule("c", '<add input="{REQUEST_URI}" pattern=".*autodiscover\\.json.*\\@.*Powershell.*" />'),
            "CVE-2022-41040 PowerShell, first form (bypassable)",
        ),
        (rule("EEMS M2.1.0", '<add input="{URL}" pattern="x" />'), "CVE-2026-42897 M2.1.0"),
        (rule("c", f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" />', 'enabled="false"'), ""),
        (rule("c", f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" />', action="None"), ""),
        (rule("c", f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" negate="true" />'), ""),
        (rule("c", f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" />', match="^owa"), ""),
        (rule("X-BEResource Abort - inbound", '<add input="{HTTP_COOKIE}" pattern="nothing" />'), ""),
        (
            rule(
                "c",
                f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" /><add input="{{REMOTE_ADDR}}" pattern="10.0.0.1" />',
            ),
            "",
        ),
    ],
)
def test_mitigations_are_known_by_what_they_do(written, mitigation):
    records, readings, gaps, _ = run(rewrite(written), WEB, datetime(2022, 10, 5, tzinfo=UTC))
    (told,) = only(records, "rewriteRule")
    expected = [("mitigation", mitigation, date(2022, 10, 5), "exact", "line 4")] if mitigation else []
    assert [(r.what, r.value, r.day, r.trust, r.source.at) for r in readings] == expected
    assert told.get("mitigation", "") == mitigation.partition(" ")[2]
    assert gaps == []


def test_a_rule_is_flattened():
    condition = '<add input="{A}" pattern="x" /><add input="{B}" pattern="y" />'
    (told,), _, gaps, spans = run(rewrite(rule("n", condition, 'stopProcessing="true"'), kind="globalRules"), WEB)
    assert (told["input"], told["pattern"], told["match"], told["action"]) == (("{A}", "{B}"), ("x", "y"), ".*", "AbortRequest")
    assert (told["stopProcessing"], told["enabled"], told["element"], told["default"]) == ("true", "true", "globalRules", False)
    assert spans[0].channel == "web.config"
    assert gaps == []


def test_a_mitigation_in_a_comment_does_not_count():
    text = rewrite("<!-- " + rule("c", f'<add input="{{UrlDecode:{{REQUEST_URI}}}}" pattern="{BOTH}" />') + " -->")
    for written in (text, text.replace("</configuration>", "")):
        records, readings, _, _ = run(written, WEB)
        assert records == []
        assert readings == []


def test_logging_switched_off_is_no_default():
    text = """<configuration><system.applicationHost><sites><site name="Default Web Site" id="1">
<logFile directory="D:\\l" enabled="false" logTargetW3C="File" logExtFileFlags="Date, Time" /></site></sites></system.applicationHost>
<location path="Default Web Site"><system.webServer><httpLogging dontLog="true" /></system.webServer></location></configuration>"""
    records, _, gaps, _ = run(text)
    (log,) = only(records, "logFile")
    assert (log["enabled"], log["logTargetW3C"], log["directory"], log["site"], log["default"]) == (
        "false",
        "File",
        "D:\\l",
        "Default Web Site",
        False,
    )
    (off,) = only(records, "httpLogging")
    assert (off["dontLog"], off["default"], off["location"]) == ("true", False, "Default Web Site")
    assert gaps == []


def test_keys_and_passwords_are_never_kept():
    text = """<configuration><system.web><machineKey validationKey="00112233445566" decryptionKey="AutoGenerate,IsolateApps" validation="SHA1" />
</system.web><system.applicationHost><sites><site name="s" id="2"><application path="/"><virtualDirectory path="/" physicalPath="\\\\f\\s" userName="u"
password="enc:AesProvider:secret" /></application></site></sites></system.applicationHost></configuration>"""
    records, _, gaps, _ = run(text)
    (key,) = only(records, "machineKey")
    assert (key["validationKey"], key["decryptionKey"], key["validation"], key["default"]) == (
        "fixed",
        "AutoGenerate",
        "SHA1",
        False,
    )
    assert only(records, "virtualDirectory")[0]["password"] == "present"
    assert "00112233445566" not in repr(records)
    assert "secret" not in repr(records)
    assert gaps == []


def test_torn_xml_still_tells_what_stands_in_it():
    text = (
        host(modules='<add name="evil" image="C:\\Temp\\e&amp;vil.dll" />').replace("</globalModules>", "").encode()[:-20]
        + b"\x00\xff<"
    )
    line = f"line {text[: text.index(b'vil.dll')].count(10) + 1}"
    records, _, gaps, spans = run(text)
    assert [(m["image"], m["at"]) for m in only(records, "globalModules")] == [("C:\\Temp\\e&vil.dll", line)]
    assert len(only(records, "virtualDirectory")) == 4
    assert [(g.cause, g.kind, g.channel) for g in gaps] == [(Cause.DAMAGED, "iis.config", "applicationHost")]
    assert "evil" not in gaps[0].detail
    assert spans[0].records == len(records)


def test_a_document_type_is_refused_and_its_entities_are_not_expanded():
    text = '<!DOCTYPE c [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>\n<configuration><system.webServer><globalModules>'
    text += '<add name="&b;" image="C:\\x.dll" /></globalModules></system.webServer></configuration>'
    records, _, gaps, _ = run(text)
    assert [r["name"] for r in records] == ["&b;"]
    assert [g.cause for g in gaps] == [Cause.DAMAGED]
    assert "refused" in gaps[0].detail


@pytest.mark.parametrize(
    "encode", [lambda t: t.encode("utf-16"), lambda t: b"\r\n" + t.encode(), lambda t: b"\xef\xbb\xbf" + t.encode()]
)
def test_other_encodings_are_no_damage(encode):
    records, _, gaps, _ = run(encode(host()))
    assert len(only(records, "virtualDirectory")) == 4
    assert gaps == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 100,
        b"<" * 100_000,
        b"<a '" * 50_000,
        b"\xff\xfe<",
        b"<configuration>",
        b"<a>" * 200_000 + b"</b>" * 200_000,
    ],
)
def test_rubbish_is_a_gap(data):
    records, _, gaps, _ = run(data)
    assert records == []
    assert [g.cause for g in gaps] == [Cause.DAMAGED]


def test_attributes_cannot_overwrite_what_was_derived():
    text = '<configuration><system.webServer><globalModules><add name="x" image="y" default="true" section="handlers" mitigation="z" windows_path="q" /></globalModules></system.webServer></configuration>'
    (told,), readings, gaps, _ = run(text, WEB)
    assert (told["section"], told["default"], told["windows_path"]) == (
        "globalModules",
        False,
        "C:\\inetpub\\wwwroot\\web.config",
    )
    assert "mitigation" not in told
    assert readings == []
    assert gaps == []


def test_what_it_takes():
    reader = IisConfig()
    assert reader.expects(File("e", HOST))
    assert reader.expects(File("e", "x/WEB.CONFIG"))
    assert not reader.expects(File("e", "x/EdgeTransport.exe.config"))
    assert reader.recognises(host().encode("utf-16"), File("e", "x/renamed.txt"))
    assert not reader.recognises(b"<configuration><runtime>", File("e", "x/some.exe.config"))
