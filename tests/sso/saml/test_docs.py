import re
from pathlib import Path

from sso.saml.failures import SENTENCES, SAMLFailure
from tests.sso.saml.attacks import ATTACKS

PAGE = Path(__file__).parents[3] / "docs" / "security" / "saml.md"
ROW = re.compile(r"^\| `(?P<failure>\w+)` \| (?P<stops>[^|]+) \| (?P<attacks>[^|]*) \|$", re.MULTILINE)


def rows() -> dict[str, str]:
    return {row["failure"]: row["attacks"] for row in ROW.finditer(PAGE.read_text())}


def test_the_page_has_every_failure_once():
    assert [row["failure"] for row in ROW.finditer(PAGE.read_text())] == list(dict.fromkeys(rows()))
    assert rows().keys() == {failure.value for failure in SAMLFailure}


def test_the_page_names_every_attack_at_the_failure_that_it_meets():
    named = {
        (attack, failure) for failure, attacks in rows().items() for attack in re.findall(r"`(\w+)`", attacks)
    }

    assert named == {(attack.name, attack.failure.value) for attack in ATTACKS.values()}


def test_each_failure_is_met_by_an_attack_or_in_a_test_that_the_page_names():
    for failure, attacks in rows().items():
        others = re.findall(r"in `(test_\w+\.py)`", attacks)
        assert attacks.strip()
        for other in others:
            assert failure in (Path(__file__).parent / other).read_text()


def test_each_failure_has_a_sentence():
    assert SENTENCES.keys() == set(SAMLFailure)
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())
