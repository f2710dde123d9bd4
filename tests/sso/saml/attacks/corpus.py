"""What an attack is, and what several of them are made with."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from sso.saml.failures import SAMLFailure
from sso.saml.names import DS, tag
from sso.saml.parties import ServiceProvider
from tests.sso.saml.identity_provider import Forge, one, post

Element = etree._Element
Made = Element | bytes | str

EVIL = "eve@example.com"
EVIL_ID = "_evil"


@dataclass(frozen=True)
class Attack:
    """``make`` returns what the browser posts; ``options`` are what the connection chose beyond its defaults."""

    name: str
    failure: SAMLFailure
    made: Callable[[Forge, ServiceProvider, str], Made]
    options: Mapping[str, Any] = field(default_factory=dict)

    def make(self, idp: Forge, sp: ServiceProvider, request_id: str) -> str:
        made = self.made(idp, sp, request_id)
        return made if isinstance(made, str) else post(made)


ATTACKS: dict[str, Attack] = {}


def attack(
    failure: SAMLFailure, **options: Any
) -> Callable[[Callable[[Forge, ServiceProvider, str], Made]], Callable[..., Made]]:
    def register(made: Callable[[Forge, ServiceProvider, str], Made]) -> Callable[..., Made]:
        name = made.__name__
        assert name not in ATTACKS
        ATTACKS[name] = Attack(name, failure, made, options)
        return made

    return register


def signed_text(idp: Forge, sp: ServiceProvider, request_id: str) -> str:
    return etree.tostring(idp.response(sp, request_id), encoding="unicode")


def changed(name: str, failure: SAMLFailure, change: Callable[[Element], object], **options: Any) -> None:
    """Register an attack by the provider itself, or by whoever has its key: changed first, then signed."""

    def made(idp: Forge, sp: ServiceProvider, request_id: str) -> Made:
        return idp.response(sp, request_id, change, sign=("Assertion", "Response"))

    assert name not in ATTACKS
    ATTACKS[name] = Attack(name, failure, made, options)


def evil_assertion(root: Element, *, keep_signature: bool = False) -> Element:
    """Return a copy of the assertion that speaks of somebody else."""
    evil = deepcopy(one(root, "Assertion"))
    evil.tail = None
    evil.set("ID", EVIL_ID)
    one(evil, "NameID").text = EVIL
    for signature in evil.findall(tag(DS, "Signature")):
        if not keep_signature:
            evil.remove(signature)
    return evil


def evil_response(root: Element) -> Element:
    """Return a copy of the response that speaks of somebody else and keeps its own signature alone."""
    evil = deepcopy(root)
    evil.set("ID", "_evil_response")
    evil.replace(one(evil, "Assertion"), evil_assertion(root))
    return evil


def without_signature(element: Element) -> Element:
    copy = deepcopy(element)
    copy.tail = None
    for signature in copy.findall(tag(DS, "Signature")):
        copy.remove(signature)
    return copy


def edit(name: str, **attributes: str | None) -> Callable[[Element], None]:
    """Return a change of an element's attributes; None takes one away."""

    def change(root: Element) -> None:
        element = one(root, name)
        for key, value in attributes.items():
            if value is not None:
                element.set(key, value)
            elif key in element.attrib:
                del element.attrib[key]

    return change


def write(name: str, text: str) -> Callable[[Element], None]:
    return lambda root: setattr(one(root, name), "text", text)


def drop(name: str) -> Callable[[Element], None]:
    def change(root: Element) -> None:
        element = one(root, name)
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)

    return change
