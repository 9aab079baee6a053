"""Chat templates written down: Jinja as Transformers runs it, confined, and within bounds.

A template is a program that somebody published. It sees the dialogue alone, changes nothing, and is
stopped where it goes on for ever or grows without end. It has no clock and no dice: the same
dialogue is the same prompt every night.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sized
from datetime import date
from typing import Any, ClassVar

from jinja2 import meta, nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

_ROUNDS = 200_000
"""Rounds of loops and calls of macros in one prompt; published templates need a few hundred."""
_LONGEST = 10_000_000
"""Characters of a prompt, and items of any value in it."""
_GIVEN = ("messages", "add_generation_prompt", "strftime_now", "raise_exception")
"""Names that every dialogue gives to its template."""


class Template:
    """A template ready to write dialogues down."""

    def __init__(self, source: str, *, today: date, tokens: Mapping[str, str]) -> None:
        """jinja2's TemplateError for a source that is no template.

        `today` is what it may say of the date, `tokens` the texts of the model's special tokens by
        name, e.g. `bos_token`.
        """
        self._jinja = _Jinja(today)
        self._template = self._jinja.from_string(source)
        self._tokens = dict(tokens)
        mentioned = meta.find_undeclared_variables(self._jinja.parse(source))
        others = {*_GIVEN, *self._jinja.globals, *self._tokens}
        self.options = sorted(name for name in mentioned - others if not name.endswith("_token"))
        """What else it asks about: the names of what a study may tell it."""

    def render(
        self, messages: list[dict[str, Any]], *, opens: bool, options: Mapping[str, Any]
    ) -> str:
        """The dialogue's text; any exception is the template's. `opens`: the model's turn too."""
        self._jinja.rounds = 0
        values = {
            # Given by Transformers, so that a template can ask whether there are any.
            "tools": None,
            "documents": None,
            "date_string": self._jinja.today.strftime("%d %b %Y"),
            **self._tokens,
            **options,
            "messages": messages,
            "add_generation_prompt": opens,
        }
        parts: list[str] = []
        length = 0
        for part in self._template.generate(values):
            parts.append(part)
            length += len(part)
            _check_size(length)
        return "".join(parts)


class _Jinja(ImmutableSandboxedEnvironment):
    """The environment of Transformers' `apply_chat_template`, with bounds."""

    intercepted_binops: ClassVar[frozenset[str]] = frozenset({"*", "**", "+"})  # pyright: ignore

    def __init__(self, today: date) -> None:
        extensions = ["jinja2.ext.loopcontrols", _Generation]
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=extensions)
        self.today = today
        self.rounds = 0
        self.filters["tojson"] = _as_json
        names: dict[str, Any] = self.globals
        names["raise_exception"] = _raise
        names["strftime_now"] = today.strftime
        # Both would write another prompt each time.
        del self.filters["random"]
        del names["lipsum"]

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        """Python of the template, with every loop and macro counted."""
        bounded = _Bounds().visit(source)
        bounded.set_environment(self)
        return super()._generate(bounded, *args, **options)

    def count_round(self) -> str:
        """Nothing; TemplateError once it is called too often in one prompt."""
        self.rounds += 1
        if self.rounds > _ROUNDS:
            raise TemplateError(f"it goes on after {_ROUNDS:,} rounds of its loops")
        return ""

    def join(self, *values: object) -> str:
        """The values as one text, as `~` writes them."""
        texts = [str(value) for value in values]
        _check_size(sum(map(len, texts)))
        return "".join(texts)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The value of an operation on two; TemplateError before one that is too large."""
        _check_size(_size_after(operator, left, right))
        return super().call_binop(context, operator, left, right)


class _Bounds(NodeTransformer):
    """A parsed template whose loops and macros count their rounds, and whose `~` is bounded."""

    # By these names jinja2 calls them.
    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        """The loop, every round counted."""
        return self._counted(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        """The macro, every call counted: it may call itself."""
        return self._counted(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802
        """The block that a macro calls, every call counted."""
        return self._counted(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Call:  # noqa: N802
        """The same text by a call that looks at its length: no operator is behind `~`."""
        self.generic_visit(node)
        return _call("join", node.nodes, node.lineno)

    def _counted(self, node: nodes.For | nodes.Macro | nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        call = _call("count_round", [], node.lineno)
        node.body.insert(0, nodes.ExprStmt(call, lineno=node.lineno))
        return node


def _call(name: str, values: list[nodes.Expr], line: int) -> nodes.Call:
    """A call of the environment's own method."""
    method = nodes.EnvironmentAttribute(name, lineno=line)
    return nodes.Call(method, values, [], None, None, lineno=line)


class _Generation(Extension):
    """`{% generation %}` marks what a model is trained to write; the text in it stands as it is."""

    tags: set[str] = {"generation"}  # noqa: RUF012  Declared so by its class.

    def parse(self, parser: Parser) -> nodes.Node:
        """What stands between the two tags."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _size_after(operator: str, left: Any, right: Any) -> int:
    """Items of what an operation gives; bits of a power."""
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        return left.bit_length() * abs(right)
    sized = [isinstance(value, Sized) for value in (left, right)]
    if operator == "*" and any(sized):
        return _size(left) * _size(right)
    if operator == "+" and all(sized):
        return _size(left) + _size(right)
    return 0


def _size(value: Any) -> int:
    return len(value) if isinstance(value, Sized) else abs(int(value))


def _check_size(size: int) -> None:
    if size > _LONGEST:
        raise TemplateError(f"it writes more than {_LONGEST:,} characters")


def _as_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    """JSON as Transformers writes it: Jinja's own filter escapes what HTML would take for tags."""
    return json.dumps(
        value,
        ensure_ascii=ensure_ascii,
        indent=indent,
        separators=separators,
        sort_keys=sort_keys,
    )


def _raise(message: str) -> None:
    raise TemplateError(message)
