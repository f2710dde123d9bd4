"""docs/security/oidc.md, the names of the checks and the tests that meet them are held together."""

import ast
import re
from pathlib import Path

from sso.oidc.failures import OIDCFailure

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "security" / "oidc.md"
MODULES = (
    *sorted(HERE.glob("test_*.py")),
    HERE.parent / "test_freshness.py",
    HERE.parent / "test_idp_initiated.py",
)
ROW = re.compile(r"^\| `(?P<failure>\w+)` \| (?P<stops>[^|]+) \| (?P<tests>[^|]*) \|$", re.MULTILINE)


def rows() -> list[tuple[str, str]]:
    return [(row["failure"], row["tests"]) for row in ROW.finditer(PAGE.read_text())]


def failures_met() -> set[tuple[str, str]]:
    """Return each failure with each test that speaks of it, itself or by a list of cases that it names."""
    return {pair for path in MODULES if path != Path(__file__) for pair in _pairs_in(path)}


def _pairs_in(path: Path) -> set[tuple[str, str]]:
    source = path.read_text()
    texts = {}
    for node in ast.parse(source).body:
        names = [node.name] if isinstance(node, ast.FunctionDef) else []
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        for name in names:
            texts[name] = "\n".join(source.splitlines()[first - 1 : node.end_lineno])
    pairs = set()
    for name, text in texts.items():
        if name.startswith("test_"):
            cases = [other for named, other in texts.items() if re.search(rf"\b{named}\b", text)]
            whole = "\n".join([text, *cases])
            pairs |= {
                (failure.value, name)
                for failure in OIDCFailure
                if re.search(rf"OIDCFailure\.{failure.name}\b|\"{failure.value}\"", whole)
            }
    return pairs


def test_the_page_has_every_failure_once():
    assert sorted(failure for failure, _tests in rows()) == sorted(OIDCFailure)


def test_the_page_names_every_test_at_the_failure_that_it_meets():
    named = {(failure, test) for failure, tests in rows() for test in re.findall(r"`(test_\w+)`", tests)}
    assert named == failures_met()


def test_each_failure_is_met_by_a_test():
    assert {failure for failure, _test in failures_met()} == set(OIDCFailure)
