"""Names of people's own choosing, as our mail shows them."""

import pytest

from events.display_names import LONGEST_NAME, name_for_mail


@pytest.mark.parametrize(
    "name",
    [
        "Foo Corp",
        "A/B Testing",
        "AC/DC",
        "O'Neil & Söhne GmbH",
        "Ada: the band",
        "株式会社例",
        "דוגמה בע״מ",
        "a @ b",
        "№ 1!",
    ],
)
def test_an_ordinary_name_stays_readable(name):
    assert name_for_mail(name).replace("No", "№") == name


def test_a_name_that_is_a_host_is_shown_and_is_no_link():
    assert name_for_mail("monday.com") == "monday.\N{WORD JOINER}com"
    assert name_for_mail("St. John Inc.") == "St. John Inc."


@pytest.mark.parametrize("name", [None, "", "   ", "\x00\x1b", "\u202e\u200b"])
def test_nothing_visible_is_nothing(name):
    assert name_for_mail(name) == ""


def test_what_cannot_be_seen_or_turns_the_text_round_is_dropped():
    assert name_for_mail("Foo\u202e\u2066 Corp\u200b\x1b[31m\ue000") == "Foo Corp[31m"


def test_a_long_name_is_cut():
    shown = name_for_mail("Very " * 60)
    assert len(shown) <= LONGEST_NAME
    assert shown.endswith("…")


@pytest.mark.parametrize("name", ["a" * 5000, "a." * 2500, "a+" * 2500, "." * 5000])
def test_no_name_keeps_the_machine_busy(name):
    assert len(name_for_mail(name)) <= 2 * LONGEST_NAME
