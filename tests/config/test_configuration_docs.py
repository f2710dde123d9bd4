from pathlib import Path

import pytest
import yaml

from config import env
from config.apply.document import read_document

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize("variable", sorted(env.VARIABLES))
def test_every_variable_is_documented(variable):
    assert f"| `{variable}` | {env.VARIABLES[variable]} |" in PAGE


def test_the_documented_setup_file_can_be_read():
    example = PAGE.split("```yaml\n", 1)[1].split("```", 1)[0]
    document = read_document(example)
    assert set(document) == set(yaml.safe_load(example))
