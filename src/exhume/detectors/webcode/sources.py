"""What a visitor controls: the request in all its forms, the page's input controls, the parameters of web methods.

References: members of ``System.Web.HttpRequest`` and of ASP's ``Request`` as documented by Microsoft.
"""

from __future__ import annotations

from exhume.detectors.webcode.tree import listed
from exhume.detectors.webcode.values import NOTHING, Step, Value

REQUEST = Value(path="request", types=frozenset({"httprequest"}))
_CHOSEN = {
    "form": "form field", "querystring": "query value", "params": "parameter", "item": "item", "headers": "header",
    "cookies": "cookie", "inputstream": "body", "rawurl": "URL", "query": "query", "useragent": "user agent",
    "urlreferrer": "referer",
    "pathinfo": "path info", "body": "body", "unvalidated": "item", "clientcertificate": "certificate",
    "userlanguages": "languages", "accepttypes": "accept types", "binaryread": "body", "getbufferlessinputstream": "body",
    "getbufferedinputstream": "body", "entitybody": "body", "bodyreader": "body", "readformasync": "form field", "url": "",
    "files": "uploaded file", "get": "item", "getvalues": "item",
    "getparameter": "parameter", "getheader": "header", "contenttype": "content type",
}  # fmt: skip
_OWN_NAMES = frozenset(
    ("script_name", "path_translated", "url", "path_info", "physicalpath", "filepath", "currentexecutionfilepath", "path")
)
"""What names the page itself."""
_CLIENT_VARIABLES = (
    "http_",
    "query_string",
    "all_",
    "path_info",
    "content_type",
    "auth_",
    "remote_user",
    "unmapped",
    "header_",
    "logon_user",
)
_INPUTS = listed("""
    textbox dropdownlist listbox hiddenfield text password hidden textarea select checkboxlist radiobuttonlist
    checkbox htmlinputtext search combobox
""")
_UPLOADS = frozenset(("fileupload", "file", "htmlinputfile", "asyncfileupload", "radupload"))
_CONTROL_VALUES = listed("""
    text value selectedvalue selecteditem innertext innerhtml items postedfile postedfiles filebytes filecontent
    filename
""")
_MEASURES = listed("""
    length count contentlength totalbytes hasfile hasfiles isvalid haskeys gettype hasvalue longlength size equals
    startswith endswith contains indexof lastindexof compareto gethashcode containskey search test lastwritetime
    creationtime lastaccesstime exists isinrole
""")
"""Members whose value tells something of the visitor's value and is none itself."""


def member(receiver: Value, name: str, at: int) -> Value | None:
    """The value of ``receiver.name`` where that is a source or ends one; None where it is an ordinary member."""
    if name == "request":
        return REQUEST
    if "httprequest" in receiver.types:
        return _of_request(name, at)
    if receiver.way:
        if name in _MEASURES:
            return NOTHING
        if receiver.kind == "file" and name in ("filename", "name", "contenttype"):
            return receiver._replace(kind="filename", path="", types=frozenset())
    return _of_control(receiver, name, at)


def _of_request(name: str, at: int) -> Value:
    if name == "servervariables":
        return Value(path="request.servervariables")
    words = _CHOSEN.get(name)
    if name == "url":
        return Value(path="request.url", types=frozenset({"requesturl"}))
    if name in _OWN_NAMES:
        return Value(kind="self", tail=".asp", path=f"request.{name}")
    if words is None:
        return Value(path=f"request.{name}")
    kind = "file" if name == "files" else "body" if words == "body" else "text"
    return Value((Step(at, f"Request, {words}"),), True, kind, path=f"request.{name}")


def _of_control(receiver: Value, name: str, at: int) -> Value | None:
    if "requesturl" in receiver.types and name in ("query", "pathandquery", "originalstring", "fragment"):
        return Value((Step(at, "Request, query"),), True, "text")
    kind = next((t[8:] for t in receiver.types if t.startswith("control:")), "")
    if not kind or name not in _CONTROL_VALUES:
        return None
    if kind in _UPLOADS:
        what = "filename" if name in ("filename", "value", "text") else "file"
        return Value((Step(at, "upload field of the page"),), True, what, path=f"{receiver.path}.{name}")
    return Value((Step(at, f"input field {receiver.path[:40]}"),), True, "text") if kind in _INPUTS else None


def item(receiver: Value, key: Value, at: int) -> Value | None:
    """The value of ``receiver[key]`` or ``receiver(key)`` where ``receiver`` is the request or a collection of it."""
    if "httprequest" in receiver.types:
        return Value((Step(at, f"Request{_named(key)}"),), True, "text")
    if receiver.path == "request.servervariables":
        name = key.text.lower()
        if name in _OWN_NAMES:
            return Value(kind="self", tail=".asp")
        if name and not name.startswith(_CLIENT_VARIABLES):
            return NOTHING
        return Value((Step(at, f"Request, server variable{_named(key)}"),), True, "text")
    if receiver.way and receiver.path.startswith("request.") and len(receiver.way) == 1:
        first = receiver.way[0]
        return receiver._replace(way=(Step(at, first.words.split(" '")[0] + _named(key)),), path="")
    return None


def _named(key: Value) -> str:
    text = key.text[:30]
    return f" '{text}'" if text.isprintable() and text else ""


def parameter(function: str, name: str, at: int) -> Value:
    """What a client of a web service passes."""
    return Value((Step(at, f"parameter {name[:40]} of the web method {function[:40]}"),), True, "text")


def input_control(kind: str, name: str) -> Value:
    """A server control of the page; its members are sources."""
    types = frozenset({f"control:{kind}"})
    if kind in _UPLOADS:
        return Value((Step(0, "upload field of the page"),), True, "file", path=name, types=types)
    return Value(path=name, types=types)
