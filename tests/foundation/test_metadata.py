import pytest

from foundation.metadata import InvalidMetadata, merge_metadata, validate_metadata


def test_a_merge_replaces_adds_and_keeps():
    assert merge_metadata({"plan": "free", "team": "a"}, {"plan": "paid", "seats": "3"}) == {
        "plan": "paid",
        "team": "a",
        "seats": "3",
    }


def test_a_null_deletes_its_key_alone():
    assert merge_metadata({"plan": "free", "team": "a"}, {"plan": None, "absent": None}) == {"team": "a"}


@pytest.mark.parametrize("changes", [{}, None])
def test_an_empty_object_clears_everything(changes):
    assert merge_metadata({"plan": "free"}, changes) == {}


def test_a_merge_leaves_its_inputs_as_they_were():
    current = {"plan": "free"}
    merge_metadata(current, {"plan": None, "team": "a"})
    assert current == {"plan": "free"}


def test_the_limits_are_inclusive():
    validate_metadata({f"{n:040}": "v" * 600 for n in range(50)})


@pytest.mark.parametrize(
    "metadata",
    [
        {str(n): "v" for n in range(51)},
        {"k" * 41: "v"},
        {"": "v"},
        {"k": "v" * 601},
        {"k": 1},
        {"k": True},
        {"k": ["v"]},
        {"k": {"nested": "v"}},
    ],
)
def test_what_is_beyond_the_limits_is_refused(metadata):
    with pytest.raises(InvalidMetadata) as refusal:
        validate_metadata(metadata)
    assert refusal.value.code == "invalid_metadata"


def test_the_result_of_a_merge_counts_and_not_its_parts():
    current = {str(n): "v" for n in range(50)}
    with pytest.raises(InvalidMetadata):
        merge_metadata(current, {"new": "v"})
    assert len(merge_metadata(current, {"new": "v", "0": None})) == 50
