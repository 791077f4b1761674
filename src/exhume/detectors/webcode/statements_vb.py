"""Statements of VBScript and VB.NET: a flat list, each with the function it stands in."""

from __future__ import annotations

from collections.abc import Sequence

from exhume.detectors.webcode.expressions import Expressions
from exhume.detectors.webcode.lexer import Token
from exhume.detectors.webcode.tree import Function, Link, Node, Program, Statement, listed

_DECLARE = listed("""
    dim redim public private friend protected shared static const readonly withevents preserve overrides
    overridable overloads shadows default partial mustoverride async writeonly
""")
_PASSED = listed("""
    set let call else then do loop wend next try finally get byval byref
""")
_CONDITIONS = frozenset(("if", "elseif", "while", "until", "select", "case", "synclock", "throw", "raiseevent", "addhandler"))
_DROPPED = frozenset(("option", "imports", "catch", "on", "inherits", "implements", "declare", "delegate", "event", "goto"))
_BLOCKS = frozenset(("class", "module", "namespace", "interface", "structure", "enum"))
_FUNCTIONS = frozenset(("function", "sub", "property"))
_BREAKS = frozenset(("else", "end", "elseif", "then", "loop", "next", "wend", "to", "step", "until"))


class VbStatements:
    """Reads one run of tokens into ``program``."""

    def __init__(self, tokens: Sequence[Token], program: Program) -> None:
        self.read = Expressions(tokens, vb=True, deadline=program.deadline)
        self.program = program
        self.scope = ""
        self.service = False

    def run(self) -> None:
        self.read.each(self._statement)
        self.program.deep |= self.read.deep

    def _statement(self) -> None:
        read = self.read
        token = read.now
        word = token.value
        if token.kind != "name" or read.ahead().value in (".", "="):
            if token.kind == "line" or (token.kind == "op" and word not in (".", "<", "(")):
                read.place += 1
            elif word == "<":
                self._attribute()
            else:
                self._action()
        elif word == "end":
            self._end()
        elif word == "exit":
            read.place += 2
        elif word in _FUNCTIONS:
            self._function()
        elif word in _BLOCKS:
            self.program.classes.add(read.ahead().value)
            read.place += 2
        elif word in _DROPPED:
            self._to_line_end()
        elif word in _DECLARE:
            self._declaration()
        elif word in _PASSED and not (word == "get" and read.ahead().value == "("):
            read.place += 1
        else:
            self._control(token)

    def _control(self, token: Token) -> None:
        read = self.read
        word = token.value
        if word in _CONDITIONS:
            read.place += 1
            if not (word == "select" and read.now.value == "case"):
                self._list(Node("group", token.at))
        elif word == "with":
            read.place += 1
            node = read.expression(assigns=False)
            read.around.append(node)
            self._emit(node)
        elif word == "return":
            read.place += 1
            if read.now.kind != "line":
                self._emit(Node("return", token.at, word, [read.expression(assigns=False)]))
        elif word == "for":
            self._for()
        elif word == "using":
            read.place += 1
            self._variables()
        else:
            self._action()

    def _for(self) -> None:
        read = self.read
        read.place += 1
        each = read.now.value == "each"
        read.place += each
        target = read.unary()
        if read.now.value == "as":
            read.place += 1
            read.unary()
        if each and read.now.value == "in":
            at = read.now.at
            read.place += 1
            self._emit(Node("assign", at, "each", [target, read.expression(assigns=False)]))
        elif read.is_op("="):
            at = read.now.at
            read.place += 1
            self._emit(Node("assign", at, "count", [target, read.expression(assigns=False)]))

    def _attribute(self) -> None:
        """``<WebMethod()> _`` before a function."""
        read = self.read
        for _ in range(40):
            read.place += 1
            self.service |= read.now.value in ("webmethod", "operationcontract", "webinvoke", "webget")
            if read.is_op(">") or read.now.kind == "end":
                break
        read.place += 1

    def _end(self) -> None:
        read = self.read
        read.place += 1
        word = read.now.value if read.now.kind == "name" else ""
        if word in _FUNCTIONS:
            self.scope = ""
        elif word == "with" and read.around:
            read.around.pop()
        if word in _FUNCTIONS | _BLOCKS or word in ("if", "with", "select", "try", "using", "while", "synclock", "get", "set"):
            read.place += 1

    def _to_line_end(self) -> None:
        read = self.read
        while read.now.kind not in ("line", "end"):
            read.place += 1

    def _function(self) -> None:
        read = self.read
        at = read.now.at
        read.place += 1
        if read.now.value in ("get", "let", "set") and read.ahead().kind == "name":
            read.place += 1
        name = read.now.value
        read.place += 1
        params: list[str] = []
        if read.is_op("("):
            params = self._params()
        self.program.functions.setdefault(name, []).append(Function(name, tuple(params), at, self.service))
        self.service = False
        for param in params:
            self.program.statements.append(Statement(name, Node("literal", at), param))
        self.scope = name
        if read.now.value == "as":
            read.place += 1
            read.unary()

    def _params(self) -> list[str]:
        read = self.read
        params: list[str] = []
        fresh, opened = True, 0
        while read.now.kind != "end":
            token = read.now
            read.place += 1
            if token.kind == "op":
                opened += (token.value == "(") - (token.value == ")")
                fresh = fresh or token.value == ","
                if opened <= 0:
                    break
            elif token.kind == "name" and fresh and token.value not in ("byval", "byref", "optional", "paramarray"):
                params.append(token.value)
                fresh = False
            elif token.kind == "line" and ":" in token.value:
                break
        return params

    def _declaration(self) -> None:
        read = self.read
        while read.now.kind == "name" and read.now.value in _DECLARE:
            read.place += 1
        if read.now.value in _FUNCTIONS | _BLOCKS | {"declare", "delegate", "event"}:
            return
        self._variables()

    def _variables(self) -> None:
        """``a, b(3) As String, c As New Process(), d = 1``"""
        read = self.read
        while read.now.kind == "name":
            name = read.now.value
            at = read.now.at
            read.place += 1
            if read.is_op("("):
                read.place += 1
                read.arguments(")")
            type_, node = "", Node("literal", at)
            if read.now.value == "as":
                read.place += 1
                if read.now.value == "new":
                    node = Node("assign", at, "=", [Node("name", at, name), read.unary()])
                else:
                    type_ = _type(read.unary())
            if read.is_op("="):
                read.place += 1
                node = Node("assign", at, "=", [Node("name", at, name), read.expression(assigns=False)])
            self.program.statements.append(Statement(self.scope, node, name, type_))
            if not read.is_op(","):
                break
            read.place += 1

    def _action(self) -> None:
        """An assignment, or a call with or without brackets."""
        read = self.read
        target = read.unary()
        token = read.now
        if token.kind == "op" and token.value in ("=", "+=", "&=", "-=", "*=", "/="):
            read.place += 1
            self._emit(Node("assign", token.at, token.value, [target, read.expression(assigns=False)]))
        elif token.kind in ("line", "end") or (token.kind == "name" and token.value in _BREAKS):
            self._emit(target)
        else:
            self._list(target)

    def _list(self, head: Node) -> None:
        """What follows on the line are arguments of ``head``."""
        read = self.read
        args: list[Node] = []
        last = head.links[-1] if head.links else None
        if last is not None and last.kind == "(" and read.now.kind == "op":
            args += last.args
            head = Node("chain", head.at, None, head.kids, head.links[:-1]) if len(head.links) > 1 else head.kids[0]
            if read.is_op(","):
                read.place += 1
            elif args:
                self._rest_of(args)
        while read.now.kind not in ("line", "end") and not (read.now.kind == "name" and read.now.value in _BREAKS):
            before = read.place
            args.append(read.expression(assigns=False))
            if read.is_op(",") or read.place == before:
                read.place += 1
        if head.kind == "group":
            self._emit(Node("group", head.at, None, args))
        elif head.kind == "chain":
            self._emit(Node("chain", head.at, None, head.kids, [*head.links, Link("(", head.at, args=args)]))
        else:
            self._emit(Node("chain", head.at, None, [head], [Link("(", head.at, args=args)]))

    def _rest_of(self, args: list[Node]) -> None:
        """``execute (a) & b``: the bracket was only the beginning of the argument."""
        read = self.read
        word = read.now.value
        at = read.now.at
        read.place += 1
        args[-1] = Node("operators", at, None, [args[-1], read.expression(assigns=False)], words=[word])

    def _emit(self, node: Node) -> None:
        self.program.statements.append(Statement(self.scope, node))


def _type(node: Node) -> str:
    if node.kind == "chain":
        names = [link.name for link in node.links if link.kind == "."]
        return names[-1] if names else str(node.kids[0].value)
    return str(node.value or "")
