"""Statements of C#, JScript.NET and JScript: a flat list, each with the function it stands in."""

from __future__ import annotations

from collections.abc import Sequence

from exhume.detectors.webcode.expressions import Expressions
from exhume.detectors.webcode.lexer import Token
from exhume.detectors.webcode.tree import Function, Node, Program, Statement, listed

_CONDITIONS = frozenset(("if", "while", "switch", "for", "foreach", "lock", "catch", "fixed", "with", "when"))
_NAMED_BLOCKS = frozenset(("class", "interface", "struct", "enum", "namespace", "package", "import"))
_VALUES = frozenset(("return", "throw", "yield", "case"))
_SKIPPED = listed("""
    else do try finally default break continue goto public private protected internal static readonly const
    virtual override sealed abstract async unsafe extern partial volatile checked unchecked event expando final
    hide get set where implicit explicit
""")
_SERVICE = frozenset(("webmethod", "operationcontract", "webinvoke", "webget", "ajaxmethod", "scriptmethod"))


class CStatements:
    """Reads one run of tokens into ``program``."""

    def __init__(self, tokens: Sequence[Token], program: Program) -> None:
        self.read = Expressions(tokens, vb=False, deadline=program.deadline)
        self.program = program
        self.scopes: list[tuple[int, str]] = []
        self.braces = 0
        self.service = False

    @property
    def scope(self) -> str:
        return self.scopes[-1][1] if self.scopes else ""

    def run(self) -> None:
        self.read.each(self._statement)
        self.program.deep |= self.read.deep

    def _statement(self) -> None:
        read = self.read
        token = read.now
        word = token.value
        if token.kind == "op" and word in "{};,":
            self._brace(word)
        elif token.kind == "name" and word in _SKIPPED:
            read.place += 1
        elif token.kind == "name" and word in _CONDITIONS and read.ahead().value == "(":
            at = read.now.at
            read.place += 2
            self._emit(Node("group", at, None, read.arguments(")")))
        elif token.kind == "name" and word == "using":
            read.place += 1
            if not read.is_op("("):
                self._emit(read.expression())
        elif token.kind == "name" and word in _VALUES:
            read.place += 1
            if not read.is_op(";"):
                self._emit(Node("return", token.at, word, [read.expression()]))
        elif token.kind == "name" and word in _NAMED_BLOCKS:
            self._named_block()
        elif token.kind == "name" and word == "function" and read.ahead().kind == "name":
            self._function()
        else:
            self._words()

    def _brace(self, word: str) -> None:
        self.read.place += 1
        if word == "{":
            self.braces += 1
        elif word == "}":
            self.braces = max(0, self.braces - 1)
            while self.scopes and self.scopes[-1][0] >= self.braces:
                self.scopes.pop()

    def _named_block(self) -> None:
        read = self.read
        for _ in range(60):
            read.place += 1
            if read.now.kind == "end" or read.now.value in ("{", ";", "}"):
                return

    def _function(self) -> None:
        """JScript's ``function name(a, b : String) : Type {``."""
        read = self.read
        at = read.now.at
        read.place += 1
        name = read.now.value
        if name in ("get", "set") and read.ahead().kind == "name":
            read.place += 1
            name = read.now.value
        read.place += 1
        params: list[Node] = []
        if read.is_op("("):
            read.place += 1
            params = read.arguments(")")
        for _ in range(12):
            if read.is_op("{") or read.now.kind == "end":
                break
            read.place += 1
        self._define(name, tuple(_first(p) for p in params), at)

    def _define(self, name: str, params: tuple[str, ...], at: int) -> None:
        function = Function(name, params, at, self.service)
        self.service = False
        self.program.functions.setdefault(name, []).append(function)
        for param in params:
            self.program.statements.append(Statement(name, Node("literal", at), param))
        self.scopes.append((self.braces, name))

    def _emit(self, node: Node, declares: str = "", type_: str = "") -> None:
        self.program.statements.append(Statement(self.scope, node, declares, type_))

    def _words(self) -> None:
        """Expressions side by side up to the end of the statement: ``string x = …``, ``public void Name(…) {``, or one call."""
        read = self.read
        words: list[Node] = []
        while read.now.kind != "end" and not (read.now.kind == "op" and read.now.value in "{};,"):
            if words and read.now.kind == "name" and read.now.value in _CONDITIONS | _VALUES | _NAMED_BLOCKS:
                break
            if read.is_op(":") and words and words[-1].kind == "name" and read.ahead().kind == "name":
                self._typed(words)
                continue
            before = read.place
            words.append(read.expression())
            if read.place == before:
                read.place += 1
        if not words:
            return
        self._attributes(words)
        if read.is_op("{") and self._opens_function(words[-1]):
            return
        if read.is_op("{") and len(words) > 1 and words[-1].kind == "name":
            self._define(str(words[-1].value), (), words[-1].at)
            return
        if self._short_function(words):
            return
        declared, type_ = _declared(words)
        for node in words:
            self._emit(node, declared if node is words[-1] else "", type_)
        while declared and read.is_op(","):
            read.place += 1
            node = read.expression()
            name = _target(node)
            self._emit(node, name, type_)

    def _typed(self, words: list[Node]) -> None:
        """JScript's ``var name : Type = value``."""
        read = self.read
        read.place += 1
        read.unary()
        if read.is_op("="):
            at = read.now.at
            read.place += 1
            words[-1] = Node("assign", at, "=", [words[-1], read.expression()])

    def _attributes(self, words: list[Node]) -> None:
        for node in words:
            if node.kind == "array":
                names = {str(k.kids[0].value if k.kind == "chain" else k.value) for k in node.kids}
                self.service |= bool(names & _SERVICE)

    def _opens_function(self, node: Node) -> bool:
        """A call before an opening brace is no call: it is a definition."""
        if node.kind != "chain" or node.links[-1].kind != "(" or len(node.links) != 1 or node.kids[0].kind != "name":
            return False
        self._define(str(node.kids[0].value), tuple(_last(a) for a in node.links[-1].args), node.at)
        return True

    def _short_function(self, words: list[Node]) -> bool:
        """``string F(string a) => …;``"""
        node = words[-1]
        if node.kind != "operators" or node.words[0] != "=>" or len(words) < 2:
            return False
        head = node.kids[0]
        body = Node("operators", node.at, None, node.kids[1:], words=node.words[1:]) if len(node.kids) > 2 else node.kids[1]
        if self._opens_function(head):
            self._emit(Node("return", node.at, "return", [body]))
            self.scopes.pop()
            return True
        if head.kind == "name":
            self._emit(Node("assign", node.at, "=", [head, body]))
            return True
        return False


def _declared(words: list[Node]) -> tuple[str, str]:
    """The variable that a row of words declares, and its type: ``Process p``, ``var x = …``, ``x : String = …``."""
    if len(words) < 2:
        return "", ""
    name = _target(words[-1])
    before = words[-2]
    if before.kind == "operators":
        before = before.kids[-1]
    if before.kind == "chain":
        names = [link.name for link in before.links if link.kind == "."]
        return name, names[-1] if names else str(before.kids[0].value)
    return (name, str(before.value)) if before.kind == "name" and name else ("", "")


def _target(node: Node) -> str:
    if node.kind == "assign":
        node = node.kids[0]
        if node.kind == "operators":
            node = node.kids[-1]
    return str(node.value) if node.kind == "name" else ""


def _last(node: Node) -> str:
    """The name of a parameter of C#: the last word (before a default value)."""
    if node.kind == "group" and node.kids:
        return _last(node.kids[-1])
    if node.kind == "operators":
        return _last(node.kids[-1])
    return _target(node)


def _first(node: Node) -> str:
    """The name of a parameter of JScript: the first word."""
    if node.kind == "group" and node.kids:
        return _first(node.kids[0])
    return _target(node)
