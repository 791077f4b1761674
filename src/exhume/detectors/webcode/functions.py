"""The page's own functions: what they hand back, and what those that only make text from text give for a known text."""

from __future__ import annotations

from collections.abc import Sequence

from exhume.detectors.webcode.folding import arithmetic, combinations, fold
from exhume.detectors.webcode.memory import RETURN, Memory
from exhume.detectors.webcode.tree import Constant, Node
from exhume.detectors.webcode.values import NOTHING, Value

STATEMENTS = 200
"""Statements of a function that is worked out step by step."""


def own_function(memory: Memory, name: str, args: Sequence[Value], at: int) -> Value:
    """The value of a call of a function that the page itself has."""
    for function in memory.program.functions[name]:
        for param, value in zip(function.params, args, strict=False):
            if value != NOTHING:
                memory.set(f"{name}.{param}", value.via(at, f"passed to {name[:40]}"))
    back = f"{name}.{RETURN}"
    memory.read.add(back)
    value = memory.variables.get(back, NOTHING)
    given = combinations([a.constants for a in args]) if args and all(a.constants for a in args) else []
    made = tuple(made for chosen in given if (made := _worked_out(memory, name, chosen)) is not None)
    if given and len(made) == len(given):
        return value._replace(path="", constants=tuple(dict.fromkeys(made)))
    if value.path and value.path != name:
        return value
    # What is worked out letter by letter, or differs from call to call, is not known.
    varies = bool(args) and (value.built or len(value.constants) > 1)
    return value._replace(path="", built=value.built or varies, constants=() if varies else value.constants)


def _worked_out(memory: Memory, name: str, args: Sequence[Constant]) -> Constant | None:
    """What the function gives for these arguments, if it is a plain list of assignments; None where it is more than that."""
    function = memory.program.functions[name][0]
    body = memory.program.body(name)
    if len(memory.program.functions[name]) > 1 or not body or len(body) > STATEMENTS:
        return None
    known: dict[str, Constant] = dict(zip(function.params, args, strict=False))
    for node in body:
        memory.tick()
        if node.kind == "return":
            return _constant(node.kids[0], known) if node.kids else None
        if node.kind == "literal":
            continue  # a declaration
        if node.kind != "assign" or node.value in ("count", "each", "+=", "&=") or node.kids[0].kind != "name":
            return None
        made = _constant(node.kids[1], known)
        if made is None:
            return None
        known[str(node.kids[0].value)] = made
    return known.get(name)


def _constant(node: Node, known: dict[str, Constant]) -> Constant | None:
    """The value of an expression of texts, names and functions for text."""
    if node.kind == "literal":
        return node.value
    if node.kind == "name":
        return known.get(str(node.value))
    if node.kind == "operators":
        return _joined(node, known)
    if node.kind != "chain" or not node.links or node.links[-1].kind != "(":
        return None
    call = node.links[-1]
    args = [_constant(a, known) for a in call.args]
    given = [a for a in args if a is not None]
    if len(given) < len(args):
        return None
    if len(node.links) == 1 and node.kids[0].kind == "name":
        return fold(str(node.kids[0].value), None, given)
    if node.links[-2].kind != ".":
        return None
    owner = Node("chain", node.at, None, node.kids, node.links[:-2]) if len(node.links) > 2 else node.kids[0]
    receiver = _constant(owner, known)
    return fold(node.links[-2].name, receiver, given) if receiver is not None else None


def _joined(node: Node, known: dict[str, Constant]) -> Constant | None:
    total = _constant(node.kids[0], known)
    for word, kid in zip(node.words, node.kids[1:], strict=False):
        part = _constant(kid, known)
        if total is None or part is None or word not in ("&", "+"):
            return None
        total = arithmetic(word, total, part)
    return total
