"""Expressions of both families of languages, read tolerantly: what cannot be understood is stepped over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from exhume.detectors.webcode.lexer import Token, number_of
from exhume.detectors.webcode.tree import Link, Node, TimeUpError, listed

DEPTH = 40
"""Brackets within brackets that are followed; deeper ones are stepped over, and the page says so."""
BEYOND = 100
"""Places after the last token that may be asked for: a statement that is cut off looks and steps so far ahead at most."""
_END = Token("end", "", 0)
_CLOSERS = frozenset(")]};,")
_BINARY = listed(r"""
    + - * / \ % & | ^ && || ?? == != === !== < > <= >= <> =>
""")
_ASSIGN = frozenset(("=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "??=", "\\="))
_PREFIX = frozenset(("-", "+", "!", "~", "++", "--", "&", "*"))
_PREFIX_WORDS = listed("""
    not await ref out byval byref in params scoped addressof delete void
""")
_WORD_OPERATORS = listed("""
    and or xor mod is like andalso orelse isnot eqv imp as in instanceof to step
""")
_NOTHING = frozenset(("true", "false", "null", "nothing", "empty", "undefined", "dbnull"))
_TYPE_QUESTIONS = frozenset(("typeof", "nameof", "sizeof", "gettype"))
_VB_STOPS = listed("""
    then else end to step loop next if elseif wend until while
""")


class Expressions:
    """A cursor over tokens that reads expressions."""

    def __init__(self, tokens: Sequence[Token], *, vb: bool, deadline: float) -> None:
        self.tokens = (*tokens, *[_END] * BEYOND)
        self.count = len(tokens)
        self.vb = vb
        self.place = 0
        self.deep = False
        self._depth = 0
        self._deadline = deadline
        self._steps = 0
        self.around: list[Node] = []
        """Objects of the ``With`` blocks that are open."""

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def ahead(self, steps: int = 1) -> Token:
        return self.tokens[self.place + steps]

    def each(self, statement: Callable[[], None]) -> None:
        """Calls it until the tokens are used up; a token that it does not take is stepped over."""
        while self.place < self.count:
            before = self.place
            statement()
            if self.place == before:
                self.place += 1

    def is_op(self, value: str) -> bool:
        token = self.tokens[self.place]
        return token.kind == "op" and token.value == value

    def expression(self, *, assigns: bool = True) -> Node:
        """One expression with its operators; never leaves a closing bracket or separator behind unread that opens it."""
        tokens = self.tokens
        start = tokens[self.place].at
        kids = [self.unary()]
        words: list[str] = []
        while True:
            token = tokens[self.place]
            word = token.value
            if token.kind == "op":
                if word in _ASSIGN and assigns and (not self.vb or not words):
                    self.place += 1
                    value = self._deeper(self.expression)
                    return Node("assign", token.at, word, [kids[-1], value])
                if word == "?" and not self.vb:
                    return self._either(self._joined(start, kids, words), assigns)
                if word not in _BINARY and not (self.vb and word == "="):
                    break
            elif token.kind != "name" or word not in _WORD_OPERATORS or (self.vb and word in ("to", "step", "in", "as")):
                break
            self.place += 1
            if word in ("as", "instanceof", "is") and not self.vb:
                self.unary()
                continue
            if word == "in":
                return Node("assign", token.at, "each", [kids[-1], self._deeper(self.expression)])
            words.append(word)
            kids.append(self.unary())
        return self._joined(start, kids, words)

    def _joined(self, at: int, kids: list[Node], words: list[str]) -> Node:
        return Node("operators", at, None, kids, words=words) if words else kids[0]

    def _either(self, condition: Node, assigns: bool) -> Node:
        at = self.now.at
        self.place += 1
        this = self._deeper(self.expression)
        that = Node("literal", at)
        if self.is_op(":"):
            self.place += 1
            that = self._deeper(self.expression)
        return Node("either", at, None, [condition, this, that])

    def _deeper(self, read: Callable[[], Node]) -> Node:
        """Read something nested, unless that is too deep."""
        if self._depth >= DEPTH:
            self.deep = True
            at = self.now.at
            self.skip_group()
            return Node("literal", at)
        self._depth += 1
        try:
            return read()
        finally:
            self._depth -= 1

    def skip_group(self) -> None:
        """Step over everything up to the bracket that closes where the cursor stands, or one token."""
        open_brackets = 0
        while self.place < self.count:
            token = self.now
            if token.kind == "op" and token.value in "([{":
                open_brackets += 1
            elif token.kind == "op" and token.value in ")]}":
                if open_brackets == 0:
                    return
                open_brackets -= 1
            elif open_brackets == 0 and (token.kind == "line" or token.value == ";"):
                return
            self.place += 1

    def unary(self) -> Node:
        """Prefixes, a primary and the chain that follows it. Raises ``TimeUpError``."""
        self._steps += 1
        if self._steps % 1024 == 0 and time.thread_time() > self._deadline:
            raise TimeUpError
        negative = False
        while True:
            token = self.tokens[self.place]
            if token.kind == "op" and token.value in _PREFIX:
                negative = token.value == "-"
            elif token.kind != "name" or token.value not in _PREFIX_WORDS or self.ahead().value == ".":
                break
            self.place += 1
        base = self._primary(token)
        if negative and base.kind == "literal" and isinstance(base.value, int | float):
            base.value = -base.value
        return self._chain(base)

    def _primary(self, token: Token) -> Node:
        kind, word, at = token.kind, token.value, token.at
        if kind == "text":
            self.place += 1
            return Node("literal", at, word)
        if kind == "number":
            self.place += 1
            return Node("literal", at, number_of(word))
        if kind == "name":
            return self._named(token)
        if kind == "op":
            if word == "(":
                return self._deeper(self._group)
            if word in ("[", "{"):
                return self._deeper(self._array)
            if word == "." and self.vb and self.around:
                return self.around[-1]
            if word not in _CLOSERS:
                self.place += 1
        return Node("literal", at)

    def _named(self, token: Token) -> Node:
        word = token.value
        self.place += 1
        if word == "new":
            return self._deeper(self._new)
        if word in _NOTHING:
            return Node("literal", token.at)
        if word in _TYPE_QUESTIONS and self.is_op("("):
            at = self.now.at
            self.place += 1
            args = self.arguments(")")
            return Node("group", at, "type", args) if word in ("typeof", "gettype") else Node("literal", at)
        if word in ("function", "delegate") and not self.vb:
            return self._deeper(self._function)
        if word in ("function", "sub") and self.vb and self.is_op("("):
            self.place += 1
            self.arguments(")")
            return self._deeper(self.unary) if self.now.kind != "line" else Node("literal", token.at)
        return Node("name", token.at, word)

    def _group(self) -> Node:
        at = self.now.at
        self.place += 1
        kids = self.arguments(")")
        group = Node("group", at, None, kids)
        if not self.vb and len(kids) == 1 and self._names_type(kids[0]) and self._starts_operand():
            return Node("group", at, None, [self._deeper(self.unary)])
        return group

    def _names_type(self, node: Node) -> bool:
        if node.kind == "name":
            return True
        return (
            node.kind == "chain"
            and node.kids[0].kind == "name"
            and all(link.kind == "." or (link.kind == "[" and not link.args) for link in node.links)
        )

    def _starts_operand(self) -> bool:
        token = self.now
        if token.kind == "name":
            return token.value not in _WORD_OPERATORS
        return token.kind in ("text", "number") or (token.kind == "op" and token.value == "(")

    def _array(self) -> Node:
        at = self.now.at
        close = "]" if self.now.value == "[" else "}"
        self.place += 1
        return Node("array", at, close, self.arguments(close))

    def _function(self) -> Node:
        """A function without a name, or one inside an expression: its body is read where it stands."""
        at = self.now.at
        for _ in range(60):
            if self.is_op("{") or self.now.kind == "end" or self.is_op(";"):
                break
            self.place += 1
        return Node("group", at, None, [self._array()]) if self.is_op("{") else Node("literal", at)

    def _new(self) -> Node:
        at = self.now.at
        parts: list[str] = []
        while self.now.kind == "name":
            parts.append(self.now.value)
            self.place += 1
            self._generics()
            if not self.is_op("."):
                break
            self.place += 1
        args: list[Node] = []
        if self.is_op("("):
            self.place += 1
            args = self.arguments(")")
        while self.is_op("["):
            self.place += 1
            args += self.arguments("]")
            parts.append("[]")
        more: list[Node] = []
        if self.vb and self.now.value in ("with", "from") and self.ahead().value == "{":
            self.place += 1
        if self.is_op("{"):
            self.place += 1
            more = self.arguments("}")
        if not parts or parts[-1] == "[]":
            return Node("array", at, "]", more or args)
        return Node("new", at, ".".join(parts), args, more=more)

    def _generics(self) -> None:
        """Step over ``<T, U>`` when it is certain to be type arguments."""
        if not self.is_op("<"):
            return
        steps, opened = 1, 1
        while steps < 24 and opened:
            token = self.ahead(steps)
            if token.value == "<":
                opened += 1
            elif token.value == ">":
                opened -= 1
            elif token.kind != "name" and token.value not in (",", ".", "[", "]", "?"):
                return
            steps += 1
        if not opened and self.ahead(steps).value in ("(", "{", "["):
            self.place += steps

    def _chain(self, base: Node) -> Node:
        links: list[Link] = []
        while True:
            token = self.tokens[self.place]
            if token.kind != "op":
                break
            word = token.value
            if word in (".", "?.", "::"):
                follows = self.ahead()
                if follows.kind != "name":
                    if word == "." and self.vb and self.around and base is self.around[-1]:
                        self.place += 1
                    break
                self.place += 2
                links.append(Link(".", token.at, follows.value))
                if not self.vb:
                    self._generics()
            elif word == "!" and self.vb and self.ahead().kind == "name":
                name = self.ahead()
                self.place += 2
                links.append(Link("(", token.at, args=[Node("literal", name.at, name.value)]))
            elif word in ("(", "[", "?["):
                if self._depth >= DEPTH:
                    self.deep = True
                    self.place += 1
                    self.skip_group()
                    self.place += 1
                    continue
                self._depth += 1
                self.place += 1
                args = self.arguments(")" if word == "(" else "]")
                self._depth -= 1
                links.append(Link(word[-1], token.at, args=args))
            elif word in ("++", "--"):
                self.place += 1
            else:
                if word == "<" and not self.vb and base.kind == "name":
                    before = self.place
                    self._generics()
                    if self.place != before and self.is_op("("):
                        continue
                    self.place = before
                break
        return Node("chain", base.at, None, [base], links) if links else base

    def arguments(self, close: str) -> list[Node]:
        """Expressions up to the closing bracket, which is read as well. Several words for one argument (a type and a name) are
        a ``group``; its last is the argument."""
        found: list[Node] = []
        words: list[Node] = []
        while self.place < self.count:
            token = self.tokens[self.place]
            if token.kind == "line":
                if not self._goes_on(close):
                    break
                self.place += 1
            elif token.kind == "op" and token.value == close:
                self.place += 1
                break
            elif token.kind == "op" and token.value == ",":
                self.place += 1
                found.append(self._one(words, token.at))
                words = []
            elif (token.kind == "op" and token.value in ";:") or token.value == ":=":
                self.place += 1
            elif token.kind == "op" and token.value in ")]}":
                if close != "}":
                    break
                self.place += 1
            else:
                before = self.place
                words.append(self.expression(assigns=not self.vb))
                if self.place == before:
                    self.place += 1
        if words or found:
            found.append(self._one(words, self.now.at))
        return found

    def _one(self, words: list[Node], at: int) -> Node:
        if not words:
            return Node("literal", at)
        return words[0] if len(words) == 1 else Node("group", words[0].at, None, words)

    def _goes_on(self, close: str) -> bool:
        """Does an expression of VB that stands in brackets go on after this line's end?"""
        before = self.tokens[self.place - 1] if self.place else _END
        after = self.ahead()
        if ":" in self.now.value:
            return False
        return (before.kind == "op" and before.value not in ")]}") or after.value in (close, ",", "&", "+", ".") or close == "}"
