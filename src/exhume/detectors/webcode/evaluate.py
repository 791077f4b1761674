"""Follows values through a page's statements, over and over until nothing new comes to light."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exhume.detectors.webcode import calls, sinks, sources
from exhume.detectors.webcode.folding import arithmetic, combinations, fold
from exhume.detectors.webcode.memory import RETURN, STORES, Memory
from exhume.detectors.webcode.tree import Constant, Link, Node, listed
from exhume.detectors.webcode.values import KEPT, NOTHING, Value, join

_OWN = listed("""
    this me page context httpcontext current my global mybase base ctx server
""")
PATH = 200
"""Letters kept of a dotted name."""
_FRAMEWORK = ("system.", "microsoft.")
_KEY = re.compile(r"[0-9A-Fa-f]{16,64}")
_COMPARES = listed("""
    == != === !== < > <= >= <> = is like isnot eqv imp
""")
_LOGIC = frozenset(("&&", "||", "and", "or", "andalso", "orelse", "=>", "??"))
_ARITHMETIC = frozenset(("-", "*", "/", "\\", "%", "mod", "^", "xor", "|"))


class Evaluator:
    """Works out the values of expressions with what ``memory`` knows, and writes back what they set."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self._literals: dict[Node, Value] = {}
        """A statement is looked at more than once; its constants stay the same."""

    def value(self, node: Node, scope: str) -> Value:
        """The value of an expression."""
        kind = node.kind
        if kind == "literal":
            return self._literal(node)
        if kind == "name":
            return self.memory.look(scope, str(node.value))
        if kind == "chain":
            return self._chain(node, scope)
        if kind == "operators":
            return self._operators(node, scope)
        if kind == "assign":
            return self._assign(node, scope)
        if kind == "new":
            return self._new(node, scope)
        return self._several(node, scope)

    def _literal(self, node: Node) -> Value:
        known = self._literals.get(node)
        if known is None:
            known = NOTHING if node.value is None else Value(constants=(node.value,), tail=str(node.value)[-24:].lower())
            self._literals[node] = known
        return known

    def _several(self, node: Node, scope: str) -> Value:
        values = [self.value(kid, scope) for kid in node.kids]
        if node.kind == "return":
            result = values[0] if values else NOTHING
            if scope:
                self.memory.set(f"{scope}.{RETURN}", result)
            return result
        if node.kind == "either":
            return join(values[1], values[2])
        if node.kind == "array":
            return _array(values)
        if node.value == "type" and values:
            return values[-1]._replace(types=frozenset({"type"}))
        return values[-1] if values else NOTHING

    def _new(self, node: Node, scope: str) -> Value:
        args = [self.value(kid, scope) for kid in node.kids]
        path = str(node.value)
        name = path.rpartition(".")[2]
        memory = self.memory
        if "." in path and not path.startswith(_FRAMEWORK) and any(_KEY.fullmatch(t) for a in args for t in a.texts):
            memory.operation("loader", node.at, f"makes an object of the class {path[:40]} and gives it a key", ())
        result = calls.call(memory, scope, None, "", name, args, node.at)
        made = result if result.types or result.place else result._replace(path="", types=frozenset({name}))
        if name in memory.program.functions:
            made = made._replace(way=(), types=frozenset({name}))
        for more in node.more:
            if more.kind == "assign" and more.kids[0].kind == "name":
                set_to = self.value(more.kids[1], scope)
                self._act_on_set(f"{name}.{more.kids[0].value}", made, set_to, more.at)
                made = made._replace(way=made.way or set_to.way, kind=made.kind or set_to.kind)
            else:
                inner = self.value(more, scope)
                made = made._replace(way=made.way or inner.way, kind=made.kind or inner.kind)
        return made

    def _operators(self, node: Node, scope: str) -> Value:
        values = [self.value(kid, scope) for kid in node.kids]
        words = node.words
        if any(w in _COMPARES for w in words):
            return NOTHING
        if any(w in _LOGIC for w in words):
            result = NOTHING
            for value in values:
                result = join(result, value)
            return result if "??" in words or "||" in words or "=>" in words else result._replace(constants=(), built=False)
        if len(values) > 1 and any(w in _ARITHMETIC for w in words):
            return self._arithmetic(node.at, values, words)
        return _concatenated(values, words)

    def _arithmetic(self, at: int, values: list[Value], words: Sequence[str]) -> Value:
        visitor = next((v for v in values if v.way), NOTHING)
        built = any(v.built for v in values) or "xor" in words or "^" in words
        carried = max(v.carried for v in values)
        known: list[Constant] = []
        for chosen in combinations([v.constants for v in values]):
            result = _worked_out(list(chosen), list(words))
            if result is not None:
                known.append(result)
        if "xor" in words or "^" in words:
            return visitor._replace(constants=tuple(known)[:KEPT], built=True, carried=carried, path="", types=frozenset())
        if visitor.way and not ("&" in words or "+" in words):
            return Value(built=built, carried=carried)
        constants = tuple(dict.fromkeys(known))[:KEPT]
        return visitor._replace(constants=constants, built=built, carried=carried, path="", types=frozenset())

    def _assign(self, node: Node, scope: str) -> Value:
        target, source = node.kids
        value = self.value(source, scope)
        if node.value == "count":
            value = NOTHING
        elif node.value == "each":
            value = value._replace(constants=_elements(value)[:KEPT], path="", types=frozenset())
        elif node.value in ("+=", "&="):
            value = _concatenated([self.value(target, scope), value], ["&"])
        self.store(target, value, scope, node.at)
        return value

    def store(self, target: Node, value: Value, scope: str, at: int) -> None:
        """Set what an assignment names."""
        memory = self.memory
        if target.kind == "operators":
            target = target.kids[-1]
        if target.kind == "name":
            name = str(target.value)
            if name == scope and name in memory.program.functions:
                memory.set(f"{name}.{RETURN}", value)
            else:
                memory.set(memory.key(scope, name), value.via(at, f"goes into {name[:40]}"))
        elif target.kind == "chain":
            self._store_member(target, value, scope, at)
        elif target.kind in ("group", "array") and target.kids:
            self.store(target.kids[-1], value, scope, at)

    def _store_member(self, target: Node, value: Value, scope: str, at: int) -> None:
        memory = self.memory
        owner = Node("chain", target.at, None, target.kids, target.links[:-1]) if len(target.links) > 1 else target.kids[0]
        receiver = self.value(owner, scope)
        link = target.links[-1]
        if link.kind == ".":
            name = _base_name(target)
            memory.set(
                f"{memory.key(scope, name)}.{link.name}" if name else link.name, value.via(at, f"goes into {link.name[:40]}")
            )
            self._act_on_set(f"{receiver.path}.{link.name}", receiver, value, at)
            return
        args = [self.value(a, scope) for a in link.args]
        if receiver.path.rpartition(".")[2] in STORES:
            key = _store_key(receiver.path, args)
            memory.set(key, value.via(at, f"kept in {key[:40]}")._replace(path=""))
        elif owner.kind == "name":
            memory.set(memory.key(scope, str(owner.value)), value._replace(path="", types=frozenset(), constants=()))

    def _act_on_set(self, path: str, receiver: Value, value: Value, at: int) -> None:
        """Some properties act when they are set."""
        if not value.way:
            return
        owner, _, member = path.rpartition(".")
        for key in sinks.keys(owner, member, receiver.types):
            sink = sinks.ASSIGNED.get(key)
            if sink is not None:
                calls.act(self.memory, sink, calls.shown(owner, member, receiver.types), [value], None, at)
                return

    def _chain(self, node: Node, scope: str) -> Value:
        base = node.kids[0]
        links = node.links
        value = self.value(base, scope)
        place = 0
        by_text = links[0].kind == "[" and len(links) > 1 and links[1].kind == "("
        if base.kind == "name" and links[0].kind != "." and not by_text:
            value = self._plain_call(value, str(base.value), links[0], scope)
            place = 1
        while place < len(links):
            link = links[place]
            follows = links[place + 1] if place + 1 < len(links) else None
            if link.kind == "." and follows is not None and follows.kind == "(":
                value = self._method(node, value, link.name, follows, scope, place)
                place += 2
            elif link.kind == ".":
                value = self._property(value, link, scope, _base_name(node) if place == 0 else "")
                place += 1
            else:
                args = [self.value(a, scope) for a in link.args]
                if link.kind == "[" and follows is not None and follows.kind == "(" and len(args) == 1 and args[0].text:
                    value = self._method(node, value, args[0].text.lower(), follows, scope, place)
                    place += 2
                    continue
                value = self._again(value, args, link, scope)
                place += 1
        return value

    def _again(self, value: Value, args: list[Value], link: Link, scope: str) -> Value:
        """A call or index of what a call gave: ``f()(x)`` calls the function that ``f`` returns."""
        path = value.path
        if link.kind == "(" and (path in sinks.EVALUATORS or path in self.memory.program.functions):
            return calls.call(self.memory, scope, None, "", path, args, link.at)
        return self._item(value, args, link, scope)

    def _plain_call(self, value: Value, name: str, link: Link, scope: str) -> Value:
        """``name(…)`` or ``name[…]``."""
        memory = self.memory
        args = [self.value(a, scope) for a in link.args]
        found = sources.item(value, args[0] if args else NOTHING, link.at)
        if found is not None:
            return found
        if link.kind == "[":
            return self._item(value, args, link, scope)
        if name in memory.program.functions:
            return calls.call(memory, scope, None, "", name, args, link.at)
        if name in STORES or (memory.key(scope, name) in memory.variables and value.path in ("", name)):
            return self._item(value, args, link, scope)
        owner, _, member = value.path.rpartition(".")
        return calls.call(memory, scope, None if not owner else NOTHING, owner, member or name, args, link.at)

    def _method(self, node: Node, receiver: Value, name: str, link: Link, scope: str, place: int) -> Value:
        memory = self.memory
        args = [self.value(a, scope) for a in link.args]
        path = receiver.path
        if "array" in receiver.types and path:
            owner, _, member = path.rpartition(".")
            return calls.call(memory, scope, None if not owner else NOTHING, owner, member, args, link.at)
        field = (
            memory.variables.get(f"{memory.key(scope, _base_name(node))}.{name}") if place == 0 and _base_name(node) else None
        )
        if field is not None and field.path and name not in memory.program.functions:
            owner, _, member = field.path.rpartition(".")
            calls.call(memory, scope, None if not owner else NOTHING, owner, member, args, link.at)
        if path in _OWN:
            own = calls.call(memory, scope, None, "", name, args, link.at)
            return own if name != "request" else self._item(sources.REQUEST, args, link, scope)
        if name == "request":
            return self._item(sources.REQUEST, args, link, scope)
        result = calls.call(memory, scope, receiver, path, name, args, link.at)
        self._side_effects(node, receiver, name, args, link, scope, place)
        return result

    def _side_effects(
        self, node: Node, receiver: Value, name: str, args: Sequence[Value], link: Link, scope: str, place: int
    ) -> None:
        """Members that put an argument into their object, or their object into an argument."""
        memory = self.memory
        base = _base_name(node) if place == 0 else ""
        if base and calls.fills(name) and "httpresponse" not in receiver.types and base != "response":
            given = next((a for a in args if a.way), None)
            if given is not None:
                memory.set(
                    memory.key(scope, base),
                    given.via(link.at, f"goes into {base[:40]}")._replace(path="", types=frozenset(), constants=()),
                )
            else:
                texts = tuple(t for a in args for t in a.texts if len(t) > 8)[:KEPT]
                if texts and name in ("write", "writetext", "writeline", "append", "loadxml", "load"):
                    memory.set(memory.key(scope, base), Value(constants=texts))
        if name in ("read", "copyto", "readasync", "copytoasync") and link.args and receiver.way:
            self.store(link.args[0], receiver._replace(path="", types=frozenset()), scope, link.at)

    def _property(self, receiver: Value, link: Link, scope: str, base: str) -> Value:
        memory = self.memory
        name = link.name
        if receiver.path in _OWN and name not in ("request",):
            known = memory.look(scope, name)
            if known.way or known.constants or known.types or known.path != name:
                return known
            return known._replace(path=name)
        found = calls.request_of(receiver, name, link.at)
        if found is not None:
            return found
        field = NOTHING
        if base:
            key = f"{memory.key(scope, base)}.{name}"
            memory.read.add(key)
            field = memory.variables.get(key, NOTHING)
        if "array" in receiver.types and receiver.path:
            return join(receiver, field)
        folded = tuple(c for v in receiver.constants if (c := fold(name, v, ())) is not None)
        path = f"{receiver.path[-PATH:]}.{name}" if receiver.path else name
        types = frozenset({name}) if name in ("currentdomain", "startinfo", "standardinput", "fileinfo") else frozenset[str]()
        place = receiver.place if name in ("basestream", "outputstream") else ()
        plain = receiver._replace(path=path, types=types, constants=folded[:KEPT], place=place, tail="")
        return join(plain, field)._replace(path=field.path or path) if field != NOTHING else plain

    def _item(self, receiver: Value, args: list[Value], link: Link, scope: str) -> Value:
        """``x[i]``, and ``x(i)`` of VB where x is no function."""
        memory = self.memory
        key = args[0] if args else NOTHING
        found = sources.item(receiver, key, link.at)
        if found is not None:
            return found
        if receiver.path.rpartition(".")[2] in STORES:
            name = _store_key(receiver.path, args)
            memory.read.update((name, _store_key(receiver.path, [])))
            return join(memory.variables.get(name, NOTHING), memory.variables.get(_store_key(receiver.path, []), NOTHING))
        folded = tuple(c for v in receiver.constants for i in key.constants if (c := fold("[]", v, (i,))) is not None)
        keeps = "array" in receiver.types
        path = receiver.path if keeps else ""
        return receiver._replace(constants=folded[:KEPT], path=path, types=receiver.types if keeps else frozenset(), tail="")


def _store_key(path: str, args: Sequence[Value]) -> str:
    return f"{path.rpartition('.')[2]}['{args[0].text.lower() if args else ''}']"


def _base_name(node: Node) -> str:
    base = node.kids[0]
    return str(base.value) if base.kind == "name" else ""


def _array(values: Sequence[Value]) -> Value:
    result = NOTHING
    for value in values:
        result = join(result, value)
    elements = tuple(v.constants[0] for v in values if len(v.constants) == 1)
    whole = (elements,) if values and len(elements) == len(values) else ()
    return result._replace(constants=whole, types=frozenset({"array"}), tail="")


def _elements(value: Value) -> tuple[Constant, ...]:
    return tuple(e for c in value.constants if isinstance(c, tuple) for e in c)


def _concatenated(values: Sequence[Value], words: Sequence[str]) -> Value:
    word = words[0] if words else "&"
    known: list[Constant] = []
    for chosen in combinations([v.constants for v in values]):
        total: Constant | None = chosen[0]
        for part in chosen[1:]:
            total = arithmetic(word, total, part) if total is not None else None
        if total is not None:
            known.append(total)
    said = [v for v in values if v.way or v.constants != ("",)] or values
    first, last = said[0], said[-1]
    begins = first.texts[0] if first.texts and not first.way else ""
    visitor = next((v for v in values if v.way), NOTHING)
    return Value(
        way=visitor.way,
        whole=visitor.whole and not any(_adds(v) for v in values),
        kind=visitor.kind,
        constants=tuple(dict.fromkeys(known))[:KEPT],
        built=any(v.built for v in values),
        carried=max([v.carried for v in values]),
        place=next((v.place for v in values if v.place), ()),
        fixed=visitor.fixed or (bool(visitor.way) and not first.way and (len(begins) > 3 or not begins)),
        head=begins[:40] or first.head,
        tail=last.tail,
    )


def _adds(value: Value) -> bool:
    """Is it something that a visitor does not choose, and more than blanks?"""
    return not value.way and (not value.constants or any(str(c).strip() for c in value.constants))


def _worked_out(values: list[Constant], words: list[str]) -> Constant | None:
    """Constants with operators between them, the tighter ones first."""
    for tight in (("^",), ("*", "/"), ("\\",), ("%", "mod"), ("+", "-"), ("&",), ("xor", "|")):
        place = 0
        while place < len(words):
            if words[place] in tight:
                result = arithmetic(words[place], values[place], values[place + 1])
                if result is None:
                    return None
                values[place : place + 2] = [result]
                del words[place]
            else:
                place += 1
    return values[0] if len(values) == 1 else None
