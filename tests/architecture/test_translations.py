"""Every text of the pages and the mail stands in every catalogue, with the same placeholders.

The texts are read out of the sources here: neither a computer without gettext's programs nor a forgotten
``makemessages`` lets a missing one pass.
"""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[2]
SINGULAR, PLURAL = {"_", "gettext", "gettext_lazy"}, {"ngettext", "ngettext_lazy"}
# What staff read is in English.
STAFF_TEMPLATES = {"admin", "dev", "drf_spectacular"}
NO_PAGES = {"tests", "bench", "examples", "scripts", "var"}
LITERAL = r"""(u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"))"""
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]")
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def texts_of_python():
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).parts
        if parts[0] in NO_PAGES or any(part.startswith(".") or part == "node_modules" for part in parts):
            continue
        source = path.read_text()
        if "django.utils.translation import" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in SINGULAR:
                    yield ast.literal_eval(node.args[0]), None
                elif node.func.id in PLURAL:
                    yield ast.literal_eval(node.args[0]), ast.literal_eval(node.args[1])


def texts_of_templates():
    for path in (ROOT / "templates").rglob("*.*"):
        if path.relative_to(ROOT / "templates").parts[0] in STAFF_TEMPLATES:
            continue
        marked = templatize(path.read_text())
        for found in re.finditer(rf"\bngettext\(\s*{LITERAL}\s*,\s*{LITERAL}", marked):
            yield ast.literal_eval(found[1]), ast.literal_eval(found[2])
        for found in re.finditer(rf"(?:\b_|(?<!n)gettext)\(\s*{LITERAL}\s*\)", marked):
            yield ast.literal_eval(found[1]), None


@pytest.fixture(scope="module")
def texts():
    found: dict[str, str | None] = {}
    for singular, plural in (*texts_of_python(), *texts_of_templates()):
        found[singular] = plural or found.get(singular)
    assert len(found) > 300
    return found


def catalogue(language):
    with (ROOT / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)


def forms(translations, singular, plural):
    """Return every form of a text in a language; nothing for one that is missing."""
    # The only way to tell a missing text from one that is the same in both languages.
    entries = translations._catalog
    if plural is None:
        return [entries[singular]] if entries.get(singular) else []
    return [text for number in range(6) if (text := entries.get((singular, number)))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_missing_in_any_language(texts, language):
    translations = catalogue(language)
    plural_forms = {translations.plural(number) for number in range(200)}

    missing = [
        singular
        for singular, plural in texts.items()
        if len(forms(translations, singular, plural)) != (1 if plural is None else len(plural_forms))
    ]
    assert missing == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_holds_the_placeholders_of_its_text(texts, language):
    translations = catalogue(language)
    wrong = []
    for singular, plural in texts.items():
        for form in forms(translations, singular, plural):
            allowed = [sorted(PLACEHOLDER.findall(text)) for text in (singular, plural) if text]
            if sorted(PLACEHOLDER.findall(form)) not in allowed:
                wrong.append((singular, form))
            # Markup is part of the text and must come through whole.
            if sorted(re.findall(r"</?\w+>", form)) != sorted(re.findall(r"</?\w+>", singular)):
                wrong.append((singular, form))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_that_of_its_source_and_holds_nothing_that_nobody_shows(texts, language):
    source = (ROOT / "locale" / language / "LC_MESSAGES" / "django.po").read_text()
    assert "#, fuzzy" not in source
    assert "#~" not in source
    # A long text stands in several quoted lines below its keyword.
    quoted = re.findall(r'^msgid ((?:"[^\n]*"\n)+)', source, re.MULTILINE)
    written = {"".join(map(ast.literal_eval, lines.splitlines())) for lines in quoted} - {""}
    entries = catalogue(language)._catalog
    compiled = {key if isinstance(key, str) else key[0] for key in entries} - {""}
    assert written == compiled
    assert compiled - set(texts) == set()
