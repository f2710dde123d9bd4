import pytest
from django.core.checks import run_checks
from django.utils import translation

from foundation.places import place_of
from tests.places_file import write_places_file

MUNICH = {
    "city": {"names": {"en": "Munich", "de": "München"}},
    "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}},
}


@pytest.fixture
def places(settings, tmp_path):
    path = write_places_file(
        tmp_path / "places.mmdb",
        {
            "203.0.113.0/24": MUNICH,
            "2001:db8::/32": {"country": {"names": {"en": "Iceland"}}},
            "198.51.100.0/24": {"country": "Japan", "city": "Osaka"},
            "192.0.2.0/24": {"continent": {"names": {"en": "Europe"}}},
        },
    )
    settings.GEOIP_FILE = str(path)
    return path


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("203.0.113.9", "Munich, Germany"),
        ("2001:db8::1", "Iceland"),
        ("2001:db8::1%eth0", "Iceland"),
        ("198.51.100.7", "Osaka, Japan"),
        ("192.0.2.1", None),
        ("8.8.8.8", None),
        ("", None),
        ("not an address", None),
    ],
)
def test_an_address_has_the_place_that_the_file_gives_it(places, address, place):
    assert place_of(address) == place


def test_a_place_is_told_in_the_readers_language_where_the_file_knows_it(places):
    with translation.override("de"):
        assert place_of("203.0.113.9") == "München, Deutschland"
    with translation.override("ja"):
        assert place_of("203.0.113.9") == "Munich, Germany"


def test_without_a_file_no_address_has_a_place(settings):
    settings.GEOIP_FILE = ""
    assert place_of("203.0.113.9") is None


def test_a_file_that_is_replaced_is_read_anew(places, tmp_path):
    assert place_of("203.0.113.9") == "Munich, Germany"
    fresh = write_places_file(tmp_path / "fresh.mmdb", {"203.0.113.0/24": {"country": "Austria"}})
    fresh.replace(places)

    assert place_of("203.0.113.9") == "Austria"


def test_a_file_that_went_away_costs_the_place_and_nothing_else(places):
    places.unlink()
    assert place_of("203.0.113.9") is None


@pytest.mark.parametrize("content", [None, b"", b"no database at all"])
def test_a_file_that_cannot_be_read_stops_the_start(settings, tmp_path, content):
    path = tmp_path / "places.mmdb"
    if content is not None:
        path.write_bytes(content)
    settings.GEOIP_FILE = str(path)

    [error] = [error for error in run_checks() if error.id == "environments.E003"]
    assert "GATEHOUSE_GEOIP_FILE" in error.msg
