"""A decision is cited by its number, so each number is one page, and each page that is cited exists."""

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTSIDE = {".venv", ".git", "var"}


def numbers() -> Counter[str]:
    return Counter(path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md"))


def test_each_decision_has_a_number_of_its_own():
    assert [number for number, pages in numbers().items() if pages > 1] == []


def test_every_decision_that_is_cited_exists():
    sources = [path for path in ROOT.rglob("*.py") if not OUTSIDE & set(path.relative_to(ROOT).parts)]
    cited = {
        number for path in sources for number in re.findall(r"docs/decisions/([0-9]{4})", path.read_text())
    }

    assert cited <= numbers().keys()
