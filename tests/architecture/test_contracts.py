import configparser
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Packages beside the house: they may look at everything, and nothing looks at them.
OUTSIDE = {"bench", "scripts", "tests"}


def contracts():
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    return parser


def packages_of_the_house():
    return {path.parent.name for path in ROOT.glob("*/__init__.py")} - OUTSIDE


def test_every_package_of_the_house_is_watched_by_the_import_contracts():
    watched = set(contracts()["importlinter"]["root_packages"].split())

    assert watched == packages_of_the_house()


def test_every_package_of_the_house_stands_on_a_floor():
    layers = contracts()["importlinter:contract:apps"]["layers"]
    floors = {name.strip(" ()") for line in layers.splitlines() for name in line.split("|")}

    assert packages_of_the_house() <= floors
