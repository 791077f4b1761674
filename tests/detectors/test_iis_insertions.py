"""What an intruder can put into the configuration of IIS, each put into a clean one: every one is a finding of its own.

The names are made up and nothing is run; the configuration is that of the simulator's clean server.
"""

import pytest

from exhume.model import Severity
from exhume.simulator.landscape import _application_host
from pretend_server import assessed

HOST = "C/Windows/System32/inetsrv/config/applicationHost.config"
AUTH = "C/Program Files/Microsoft/Exchange Server/V15/FrontEnd/HttpProxy/owa/auth/web.config"
ROOT = "C/inetpub/wwwroot/web.config"
CLEAN = _application_host(())
PAGE = "System.Web.Compilation.PageBuildProvider"


def into(parent, text):
    """Into the first element of that name of the host's configuration."""
    assert f"<{parent}>" in CLEAN, parent
    return {HOST: CLEAN.replace(f"<{parent}>", f"<{parent}>\n{text}", 1)}


def beside(text):
    return {HOST: CLEAN.replace("</configuration>", f"{text}\n</configuration>")}


def web(text, path=ROOT):
    return {HOST: CLEAN, path: f'<?xml version="1.0"?>\n<configuration>{text}</configuration>\n'}


def module(name, image):
    return f'<add name="{name}" image="{image}" />'


def directory(path, place):
    return f'<application path="{path}"><virtualDirectory path="/" physicalPath="{place}" /></application>'


INSERTIONS = {
    "native module in a folder of its own": into("globalModules", module("HttpFastCgi", "C:\\ProgramData\\x\\fc.dll")),
    "native module beside Microsoft's": into("globalModules", module("CacheExt", "%windir%\\System32\\inetsrv\\cachex.dll")),
    "native module under the name of Microsoft's": {
        HOST: CLEAN.replace("inetsrv\\cachuri.dll", "inetsrv\\cachuri2.dll", 1).replace("inetsrv\\static.dll", "inetsrv\\statik.dll")
    },
    "native module by a path that climbs": into("globalModules", module("Uri", "%windir%\\System32\\inetsrv\\..\\..\\Temp\\a.dll")),
    "native module by the long form of a path": into("globalModules", module("Uri2", "\\\\?\\C:\\Users\\Public\\a.dll")),
    "managed module of a site": web(
        '<system.webServer><modules><add name="Session" type="App.Module, App_Web_a" /></modules></system.webServer>'
    ),
    "managed module, the old way": web('<system.web><httpModules><add name="S" type="A.B, C" /></httpModules></system.web>'),
    "managed module in one location only": beside(
        '<location path="Default Web Site/owa/auth"><system.webServer><modules><add name="M" type="A.B, C" />'
        "</modules></system.webServer></location>"
    ),
    "filter": beside(
        '<system.webServer><isapiFilters><filter name="F" path="C:\\Windows\\Temp\\f.dll" enabled="true" /></isapiFilters></system.webServer>'
    ),
    "pictures run as pages": web(
        f'<system.web><compilation><buildProviders><add extension=".jpg" type="{PAGE}" /></buildProviders></compilation></system.web>', AUTH
    ),
    "handler for pictures": web(
        '<system.webServer><handlers><add name="P" path="*.png" verb="*" type="System.Web.UI.PageHandlerFactory" /></handlers></system.webServer>',
        AUTH,
    ),
    "handler of a class of one's own": web(
        '<system.webServer><handlers><add name="H" path="help.axd" verb="*" type="A.B, C" /></handlers></system.webServer>'
    ),
    "handler, the old way": web(
        '<system.web><httpHandlers><add path="x.axd" verb="*" type="A.B, C" /></httpHandlers></system.web>'
    ),
    "program as a handler": web(
        '<system.webServer><handlers><add name="C" path="*.x" verb="*" modules="CgiModule" scriptProcessor="C:\\Windows\\System32\\cmd.exe" /></handlers></system.webServer>'
    ),
    "virtual directory in a public folder": into('site name="Default Web Site" id="1" serverAutoStart="true"', directory("/help", "C:\\ProgramData\\x")),
    "virtual directory by a device name": into('site name="Default Web Site" id="1" serverAutoStart="true"', directory("/h", "C:\\inetpub\\COM1\\x")),
    "virtual directory on another machine": into('site name="Default Web Site" id="1" serverAutoStart="true"', directory("/h", "\\\\198.51.100.7\\x")),
    "virtual directory on Exchange's back end": into('site name="Exchange Back End" id="2" serverAutoStart="true"', directory("/h", "D:\\x")),
    "log-on pages from another folder": {HOST: CLEAN.replace("FrontEnd\\HttpProxy\\owa", "FrontEnd\\HttpProxy\\owa2", 1)},
    "a site of one's own": into("sites", '<site name="Help" id="9"><bindings><binding protocol="http" bindingInformation="*:8443:" />'
        "</bindings>" + directory("/", "C:\\inetpub\\help") + "</site>"),
    "no log at all": beside("<system.webServer><httpLogging dontLog=\"true\" /></system.webServer>"),
    "no log of one path": beside(
        '<location path="Default Web Site/aspnet_client"><system.webServer><httpLogging dontLog="true" /></system.webServer></location>'
    ),
    "no log of a site": into('site name="Default Web Site" id="1" serverAutoStart="true"', '<logFile enabled="false" />'),
    "the module that logs taken away": beside(
        '<location path="Default Web Site"><system.webServer><modules><remove name="HttpLoggingModule" /></modules></system.webServer></location>'
    ),
    "visitors of search engines sent away": web(
        '<system.webServer><rewrite><rules><rule name="r" stopProcessing="true"><match url=".*" /><conditions>'
        '<add input="{HTTP_USER_AGENT}" pattern="googlebot|bingbot" /></conditions><action type="Rewrite" url="http://203.0.113.9/{R:0}" />'
        "</rule></rules></rewrite></system.webServer>"
    ),
    "all visitors sent on": web(
        '<system.webServer><rewrite><rules><rule name="r"><match url=".*" /><action type="Rewrite" url="http://203.0.113.9/{R:0}" /></rule>'
        "</rules></rewrite></system.webServer>"
    ),
    "an error page that is code": web(
        '<system.webServer><httpErrors errorMode="Custom"><error statusCode="404" path="/owa/auth/e.png" responseMode="ExecuteURL" />'
        "</httpErrors></system.webServer>"
    ),
}  # fmt: skip


def serious(content):
    return [
        f for f in assessed({path: text.encode() for path, text in content.items()}).findings if f.severity >= Severity.MEDIUM
    ]


@pytest.fixture(scope="module")
def clean():
    return {(f.rule, f.title) for f in serious({HOST: CLEAN})}


def test_the_clean_one_raises_nothing(clean):
    assert not clean


@pytest.mark.parametrize("content", INSERTIONS.values(), ids=INSERTIONS.keys())
def test_an_insertion_is_found(content):
    assert content[HOST] != CLEAN or len(content) > 1, "nothing was put in"
    found = serious(content)
    assert found, "not found"
    assert any("onfig" in source.path for f in found for source in f.sources)
