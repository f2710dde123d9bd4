from datetime import timedelta

import pytest

from environments.staff import dashboard
from foundation import clock


def test_the_tallest_bar_reaches_no_higher_than_the_scale():
    today = clock.now().date()
    chart = dashboard.draw({today: 57, today - timedelta(days=3): 1})

    assert len(chart.bars) == 30
    assert chart.total == 58
    assert [label for _y, label in chart.ticks] == ["0", "30", "60"]
    assert min(bar.y for bar in chart.bars) >= chart.ticks[-1][0]
    assert all(bar.x + chart.bar_width <= chart.width for bar in chart.bars)
    assert chart.bars[26].height >= 2


def test_days_without_sign_ins_have_no_bar_and_the_words_say_so():
    chart = dashboard.draw({})

    assert {bar.height for bar in chart.bars} == {0}
    assert chart.description.startswith("0 sign-ins from")


@pytest.mark.parametrize(
    ("highest", "ceiling"),
    [(0, 4), (4, 4), (5, 6), (7, 10), (11, 20), (55, 60), (61, 100), (1_001, 2_000), (999_999, 1_000_000)],
)
def test_the_scale_ends_at_a_round_number(highest, ceiling):
    assert dashboard._nice_ceiling(highest) == ceiling
