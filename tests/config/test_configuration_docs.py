from pathlib import Path

import yaml

from config.apply.document import read_document

PAGE = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text()


def test_the_documented_setup_file_can_be_read():
    example = PAGE.split("```yaml\n", 1)[1].split("```", 1)[0]
    document = read_document(example)
    assert set(document) == set(yaml.safe_load(example))
