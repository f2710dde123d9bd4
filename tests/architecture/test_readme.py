from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_readme_shows_the_example_that_the_suite_runs():
    example = (ROOT / "examples" / "first_sign_in.py").read_text()
    shown = (ROOT / "README.md").read_text().split("```python\n", 1)[1].split("```", 1)[0]

    assert shown == example.split('"""\n\n', 1)[1]


def test_every_file_that_the_readme_points_at_exists():
    targets = [
        part.partition(")")[0]
        for part in (ROOT / "README.md").read_text().split("](")[1:]
        if not part.startswith("http")
    ]

    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
