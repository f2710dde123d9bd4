"""In which language somebody reads: the page in front of them, and what is written to them because of it."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.conf import settings
from django.utils import translation

# Django's own active language cannot tell a reader of English from a caller of the API, who reads nothing.
_reader: ContextVar[str] = ContextVar("language_of_reader", default="")

# RFC 5646 §4.4.1: a tag of 35 characters is long already.
_LONGEST_TAG = 35


@contextmanager
def reading_in(language: str) -> Iterator[None]:
    """Answer somebody who reads this language."""
    token = _reader.set(language)
    try:
        with translation.override(language):
            yield
    finally:
        _reader.reset(token)


def language_of_reader() -> str:
    """Return the language of whoever is being answered with a page; an empty text where nobody reads."""
    return _reader.get()


def find_supported(tag: str | None) -> str | None:
    """Return the language of ours that a tag such as ``de-AT`` asks for, or None."""
    if not tag or len(tag) > _LONGEST_TAG:
        return None
    try:
        return translation.get_supported_language_variant(tag)
    except LookupError:
        return None


def first_supported(tags: Iterable[str | None]) -> str:
    """Return the first of these languages that is ours, or else the installation's."""
    return next(filter(None, map(find_supported, tags)), settings.LANGUAGE_CODE)
