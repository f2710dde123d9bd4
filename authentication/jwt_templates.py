"""The JWT template: claims of an environment's own in its access tokens.

A template is a JSON object in which ``{{ … }}`` stands for a value of the user, the organization or the
membership (the vendor's guide "JWT templates", and its emulator for what the guide leaves open):

.. code-block:: json

    {
        "urn:app:name": "{{ user.first_name || 'Someone' }} {{ user.last_name }}",
        "urn:app:verified": {{ user.email_verified }},
        "urn:app:domain": "{{ organization.domains.0.domain }}"
    }

- A path walks through keys and, by number, through lists. Where it leads nowhere, the value is null.
- ``a || b || 'text'`` is the first that is not null. Nothing else is an expression: no filters, tags or calls.
- Within a string, a value is written as text and null as nothing; whole objects and lists do not go there.
- Elsewhere it stays the JSON value that it is.
- A claim of the top level that comes out null is left out.

A template is parsed once, into a tree whose leaves are paths. Rendering fills in the leaves: a value is never
parsed, so nothing in a user's metadata can add a claim, and paths see only mappings and lists, never
attributes. Both take time in proportion to their sizes, which are bounded.
"""

import json
import math
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from authentication.errors import InvalidJwtTemplate, TokenTooBig

# What says who the token is about, of which session, and how long it counts is not for a template to say. The
# first six are the reference's; ``sid`` is how a session is ended, ``act`` tells that somebody impersonates.
RESERVED_CLAIMS = frozenset({"iss", "sub", "exp", "iat", "nbf", "jti", "sid", "act"})

ROOTS = ("user", "organization", "organization_membership")

LONGEST_TEMPLATE = 8192
# As the reference: a token has to fit into a cookie together with what else is in it.
LONGEST_CLAIMS = 3072
_DEEPEST = 32

# Paths that lead to an object or a list in every context; "#" is a number.
_OBJECTS = frozenset(
    {
        *((root,) for root in ROOTS),
        ("user", "metadata"),
        ("user", "identities"),
        ("organization", "metadata"),
        ("organization", "domains"),
        ("organization", "domains", "#"),
        ("organization_membership", "roles"),
        ("organization_membership", "custom_attributes"),
    }
)

Context = Mapping[str, object]


@dataclass(frozen=True)
class _Path:
    segments: tuple[str, ...]

    def value(self, context: Context) -> object:
        current: object = context
        for segment in self.segments:
            if isinstance(current, Mapping):
                current = current.get(segment)
            elif isinstance(current, list | tuple) and segment.isdecimal():
                # More digits than any list has items, and int() would refuse thousands of them.
                current = current[int(segment)] if len(segment) < 7 and int(segment) < len(current) else None
            else:
                return None
        return current

    def is_object(self) -> bool:
        return tuple("#" if segment.isdecimal() else segment for segment in self.segments) in _OBJECTS


@dataclass(frozen=True)
class _Expression:
    """Alternatives of which the first that is not null counts; a plain text is itself."""

    alternatives: tuple[_Path | str, ...]

    def value(self, context: Context) -> object:
        for alternative in self.alternatives:
            value = alternative if isinstance(alternative, str) else alternative.value(context)
            if value is not None:
                return value
        return None


@dataclass(frozen=True)
class _Text:
    """A JSON string with expressions in it."""

    parts: tuple[str | _Expression, ...]


_Node = dict[str, Any] | list[Any] | _Text | _Expression | str | int | float | bool | None


class _Rendering:
    """One rendering, which stops as soon as what it makes cannot fit any more."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._room = LONGEST_CLAIMS

    def node(self, node: _Node) -> object:
        if isinstance(node, _Expression):
            return self._json(node.value(self._context))
        if isinstance(node, _Text):
            return "".join(part if isinstance(part, str) else self._text(part) for part in node.parts)
        if isinstance(node, dict):
            return {key: self.node(child) for key, child in node.items()}
        if isinstance(node, list):
            return [self.node(child) for child in node]
        return node

    def _text(self, expression: _Expression) -> str:
        value = self._json(expression.value(self._context))
        if value is None:
            return ""
        return value if isinstance(value, str) else _write(value)

    def _json(self, value: object) -> object:
        """Copy a value of the context; what JSON does not know becomes its text, and a number that is none null."""
        if isinstance(value, str):
            return self._spend(value)
        if isinstance(value, Mapping):
            return {self._spend(str(key)): self._json(child) for key, child in value.items()}
        if isinstance(value, list | tuple):
            return [self._json(child) for child in value]
        self._spend("")
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else None
        return self._spend(str(value))

    def _spend(self, text: str) -> str:
        # A lower bound of what the text takes in the token, so nothing that fits is refused.
        self._room -= len(text) + 1
        if self._room < 0:
            raise TokenTooBig
        return text


@dataclass(frozen=True)
class CompiledTemplate:
    """A template that can be rendered for any context."""

    claims: Mapping[str, _Node]

    def render(self, context: Context) -> dict[str, object]:
        """Return the claims for ``{user, organization, organization_membership}``, any of which may be absent or None.

        Raises TokenTooBig when they take more than 3072 bytes.
        """
        rendering = _Rendering(context)
        rendered = {name: rendering.node(node) for name, node in self.claims.items()}
        claims = {name: value for name, value in rendered.items() if value is not None}
        if len(_write(claims).encode("utf-8", "surrogatepass")) > LONGEST_CLAIMS:
            raise TokenTooBig
        return claims


@lru_cache(maxsize=256)
def compile_template(text: str) -> CompiledTemplate:
    """Parse a template; raises InvalidJwtTemplate, which says what is wrong."""
    if len(text) > LONGEST_TEMPLATE:
        _refuse(f"The template has more than {LONGEST_TEMPLATE} characters.")
    if any("\ud800" <= character <= "\udfff" for character in text):
        _refuse("The template has half a surrogate pair, which is no character.")
    marks = _Marks()
    claims = _parse(_Scanner(text, marks).scan(), marks)
    if not isinstance(claims, dict):
        _refuse("The template is not a JSON object.")
    if not claims:
        _refuse("The template has no claims.")
    reserved = [name for name in claims if name in RESERVED_CLAIMS]
    if reserved:
        problems = [f'Claim "{name}" is reserved and cannot be used.' for name in reserved]
        raise InvalidJwtTemplate("claim_reserved", problems)
    template = CompiledTemplate(claims)
    try:
        template.render({})
    except TokenTooBig:
        _refuse(f"What the template says by itself takes more than {LONGEST_CLAIMS} bytes.")
    return template


def _refuse(problem: str) -> NoReturn:
    raise InvalidJwtTemplate("content_invalid", [problem])


class _Marks:
    """Stand-ins for the expressions while all else is read as JSON; no template's author can guess them."""

    def __init__(self) -> None:
        self._nonce = secrets.token_hex(16)
        self._value = re.compile(rf"<{self._nonce}=([0-9]+)>")
        self._within = re.compile(rf"<{self._nonce}:([0-9]+)>")
        self._expressions: list[_Expression] = []

    def put(self, expression: _Expression, *, in_string: bool) -> str:
        self._expressions.append(expression)
        number = len(self._expressions) - 1
        return f"<{self._nonce}:{number}>" if in_string else f'"<{self._nonce}={number}>"'

    def stand_in(self, text: str) -> bool:
        return self._nonce in text

    def resolve(self, text: str) -> _Node:
        """Return the expression that the string stands for, the text with those inside it, or the string itself."""
        if not self.stand_in(text):
            return text
        if value := self._value.fullmatch(text):
            return self._expressions[int(value[1])]
        # Texts and numbers of expressions take turns.
        pieces = self._within.split(text)
        return _Text(
            tuple(self._expressions[int(piece)] if index % 2 else piece for index, piece in enumerate(pieces))
        )


def _parse(text: str, marks: _Marks) -> _Node:
    def read_object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
        names = dict(pairs)
        if len(names) < len(pairs):  # Which of the two counts would depend on who reads it.
            _refuse("The template has a name twice in one object.")
        if any(marks.stand_in(name) for name in names):
            # A value could otherwise choose which claim it is.
            _refuse("A name in the template cannot hold an expression.")
        return names

    try:
        tree = json.loads(
            text, object_pairs_hook=read_object, parse_constant=_refuse_constant, parse_float=_finite
        )
        json.dumps(tree, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        _refuse(f"The template is not a JSON object: {error.msg} (line {error.lineno}).")
    except ValueError:  # Half a surrogate pair, or an integer of thousands of digits.
        _refuse("The template has a character or a number that JSON cannot carry.")
    return _with_expressions(tree, marks)


def _with_expressions(node: Any, marks: _Marks) -> _Node:
    if isinstance(node, str):
        return marks.resolve(node)
    if isinstance(node, dict):
        return {name: _with_expressions(child, marks) for name, child in node.items()}
    if isinstance(node, list):
        return [_with_expressions(child, marks) for child in node]
    return node  # type: ignore[no-any-return] # What is left of JSON: a number, true, false or null.


def _refuse_constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON.")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        _refuse("The template has a number that is too large.")
    return number


def _write(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


_PATH = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*")
_LITERALS = (
    re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
    re.compile(r'\\"((?:[^"\\]|\\[^"])*)\\"', re.DOTALL),  # Within a JSON string, where quotes are escaped.
)
_SPACE = re.compile(r"\s*")


class _Scanner:
    """Walks through a template once and replaces its expressions by marks."""

    def __init__(self, text: str, marks: _Marks) -> None:
        self._text = text
        self._marks = marks
        self._position = 0
        self._in_string = False
        self._depth = 0

    def scan(self) -> str:
        written: list[str] = []
        while self._position < len(self._text):
            written.append(self._step())
        if self._in_string:
            _refuse("The template ends within a string.")
        return "".join(written)

    def _step(self) -> str:
        start = self._position
        if self._text.startswith("{{", start):
            return self._expression()
        if self._text.startswith("{%", start):
            self._refuse_here("Tags such as {% if %} are not part of the template language")
        character = self._text[start]
        if self._in_string and character == "\\":
            self._position += 2
        else:
            self._position += 1
            self._count(character)
        return self._text[start : self._position]

    def _count(self, character: str) -> None:
        if character == '"':
            self._in_string = not self._in_string
        elif not self._in_string and character in "{[":
            self._depth += 1
            if self._depth > _DEEPEST:
                _refuse(f"The template is nested deeper than {_DEEPEST} levels.")
        elif not self._in_string and character in "}]":
            self._depth -= 1

    def _expression(self) -> str:
        self._position += 2
        alternatives = [self._alternative()]
        while self._take("||"):
            alternatives.append(self._alternative())
        if not self._take("}}"):
            self._refuse_here("An expression must be paths and texts with || between them, and end with }}")
        return self._marks.put(_Expression(tuple(alternatives)), in_string=self._in_string)

    def _alternative(self) -> _Path | str:
        self._skip_space()
        for pattern in _LITERALS[: 3 if self._in_string else 2]:
            if literal := pattern.match(self._text, self._position):
                self._position = literal.end()
                return re.sub(r"\\(.)", r"\1", literal[1], flags=re.DOTALL)
        match = _PATH.match(self._text, self._position)
        if match is None:
            self._refuse_here("An expression needs a path, such as user.email, or a text in quotes")
        path = _Path(tuple(match[0].split(".")))
        if path.segments[0] not in ROOTS:
            self._refuse_here(f"The variable {path.segments[0]} is none of {', '.join(ROOTS)}")
        if self._in_string and path.is_object():
            self._refuse_here(f"{match[0]} is an object or a list, which cannot stand within a string")
        self._position = match.end()
        return path

    def _take(self, token: str) -> bool:
        self._skip_space()
        found = self._text.startswith(token, self._position)
        if found:
            self._position += len(token)
        return found

    def _skip_space(self) -> None:
        space = _SPACE.match(self._text, self._position)
        self._position = space.end() if space else self._position

    def _refuse_here(self, problem: str) -> NoReturn:
        line = self._text.count("\n", 0, self._position) + 1
        _refuse(f"{problem} (line {line}).")
