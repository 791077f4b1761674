"""One page from bytes to what it does: read it, follow its values, judge what was found."""

from __future__ import annotations

import time
from dataclasses import dataclass

from exhume.detectors.webcode import sources
from exhume.detectors.webcode.encodings import texts
from exhume.detectors.webcode.evaluate import Evaluator
from exhume.detectors.webcode.lexer import Token, c_tokens, vb_tokens
from exhume.detectors.webcode.memory import Hit, Memory, nothing_run
from exhume.detectors.webcode.page import Page, Run, read_elements, read_page
from exhume.detectors.webcode.relevance import matters
from exhume.detectors.webcode.statements_c import CStatements
from exhume.detectors.webcode.statements_vb import VbStatements
from exhume.detectors.webcode.tree import Program, Statement, TimeUpError
from exhume.detectors.webcode.values import NOTHING, Value, join

ROUNDS = 40
"""Times a statement is looked at again, at most, because a variable it reads has changed."""
NESTED = 4
"""Code within text within code that is followed."""
CODE_TEXT = 200_000
"""Characters of a text that is followed as code."""


@dataclass(frozen=True, slots=True)
class Result:
    hits: tuple[Hit, ...]
    operations: dict[str, Hit]
    page: Page
    names: frozenset[str]
    texts: tuple[str, ...]
    deep: bool = False
    late: bool = False


def analyse(data: bytes, ending: str, seconds: float = 10.0) -> list[Result]:
    """What the page does, for each way in which it can be read. Never raises on bad content."""
    deadline = time.thread_time() + seconds
    return [follow(read_page(text, ending), deadline) for text in texts(data)]


def follow(page: Page, deadline: float) -> Result:
    if not matters(page):
        return Result((), {}, page, frozenset(), ())
    program = Program(deadline)
    read_elements(page)
    memory = Memory(page, program, deadline)
    inner = _Inner(memory)
    memory.run_code = inner.run
    late = False
    try:
        _read(page, program)
        _prepare(memory)
        _settle(memory, inner.evaluator)
    except TimeUpError:
        late = True
    finally:
        memory.run_code = nothing_run  # the two know each other: without this, all of the page would wait for the collector
    return Result(
        tuple(memory.hits.values()), memory.operations, page, frozenset(program.names), tuple(program.texts), program.deep, late
    )


def _read(page: Page, program: Program) -> None:
    """All runs of a family are one piece of code: braces and blocks go across markup."""
    for vb in (True, False):
        tokens: list[Token] = []
        for run in page.runs:
            if run.vb == vb:
                tokens += _tokens(run)
        if tokens:
            _statements(tokens, program, vb=vb)


def _tokens(run: Run) -> list[Token]:
    tokens = vb_tokens(run.code, run.at) if run.vb else c_tokens(run.code, run.at)
    end = Token("line", "\n", run.at) if run.vb else Token("op", ";", run.at)
    return [end, *tokens, end]


def _statements(tokens: list[Token], program: Program, *, vb: bool) -> None:
    for token in tokens:
        if token.kind == "name":
            program.names.add(token.value)
        elif token.kind == "text" and len(program.texts) < 20_000:
            program.texts.append(token.value)
    (VbStatements if vb else CStatements)(tokens, program).run()


def _prepare(memory: Memory) -> None:
    """Which names are local to a function, which objects have a declared class, and what callers of web methods pass."""
    for statement in memory.program.statements:
        _declare(memory, statement)
    for functions in memory.program.functions.values():
        for function in functions:
            for param in function.params if function.open else ():
                memory.set(f"{function.name}.{param}", sources.parameter(function.name, param, function.at))


def _declare(memory: Memory, statement: Statement) -> None:
    if not statement.declares:
        return
    if statement.scope:
        memory.locals.add(f"{statement.scope}.{statement.declares}")
    if statement.type and statement.type not in ("var", "string", "object", "dim"):
        memory.set(memory.key(statement.scope, statement.declares), Value(types=frozenset({statement.type})))


def _settle(memory: Memory, evaluator: Evaluator) -> None:
    """Every statement once, then those again that read what has changed since."""
    statements = memory.program.statements
    readers: dict[str, set[int]] = {}
    waiting = list(range(len(statements)))
    looked = [0] * len(statements)
    while waiting:
        again: set[int] = set()
        for number in waiting:
            if looked[number] >= ROUNDS:
                continue
            looked[number] += 1
            memory.read.clear()
            memory.changed.clear()
            evaluator.value(statements[number].node, statements[number].scope)
            for key in memory.read:
                readers.setdefault(key, set()).add(number)
            for key in memory.changed:
                again |= readers.get(key, set())
        if len(statements) > len(looked):
            fresh = range(len(looked), len(statements))
            looked += [0] * len(fresh)
            again.update(fresh)
        waiting = sorted(again)


class _Inner:
    """Follows text that the page itself runs as code."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.evaluator = Evaluator(memory)
        self.depth = 0
        self.known: dict[tuple[str, str], list[Statement]] = {}

    def run(self, code: str, scope: str, at: int) -> Value:
        if self.depth >= NESTED or len(code) > CODE_TEXT or not code.strip():
            return NOTHING
        key = (code, scope)
        if key not in self.known:
            self.known[key] = self._parse(code, scope, at)
        self.depth += 1
        result = NOTHING
        try:
            for statement in self.known[key]:
                result = join(result, self.evaluator.value(statement.node, statement.scope or scope))
        finally:
            self.depth -= 1
        return result

    def _parse(self, code: str, scope: str, at: int) -> list[Statement]:
        if self.memory.page.runs and any(not r.vb for r in self.memory.page.runs):
            tokens = c_tokens(code)
            vb = False
        else:
            tokens, vb = vb_tokens(code), True
        inner = Program(self.memory.deadline)
        _statements([Token(t.kind, t.value, at) for t in tokens], inner, vb=vb)
        self.memory.program.names |= inner.names
        for name, functions in inner.functions.items():
            self.memory.program.functions.setdefault(name, []).extend(functions)
        for statement in inner.statements:
            if statement.declares and statement.scope:
                self.memory.locals.add(f"{statement.scope}.{statement.declares}")
        return inner.statements
