from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test module under the project's own conftest, in a process of its own."""
    pytester.makeconftest((ROOT / "conftest.py").read_text())

    def run_module(source, *, ci, arguments=()):
        monkeypatch.setenv("CI", "true" if ci else "")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        pytester.makepyfile(source)
        plugins = ["-p", "pytest_django.plugin", "-p", "xdist.plugin"]
        return pytester.runpytest_subprocess(*plugins, "--ds=config.settings", *arguments)

    return run_module


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_skipped_test_fails_the_run_in_ci_and_says_why(run, processes):
    result = run(
        """
        import pytest

        @pytest.mark.skip(reason="no network")
        def test_by_mark(): ...

        def test_in_the_body():
            pytest.skip("not today")

        @pytest.mark.xfail(reason="known bug")
        def test_expected_to_fail():
            raise AssertionError

        def test_that_runs(): ...
        """,
        ci=True,
        arguments=["-n", processes],
    )

    result.assert_outcomes(passed=1, failed=2, errors=1)
    for reason in ("no network", "not today", "known bug"):
        result.stdout.fnmatch_lines([f"*{reason}*a skipped test is a failure*"])


def test_a_module_that_skips_itself_fails_the_run_in_ci(run):
    result = run('import pytest; pytest.importorskip("no_such_package")', ci=True)

    assert result.ret != 0
    result.stdout.fnmatch_lines(["*no_such_package*a skip is a failure*"])


def test_a_skipped_test_is_only_reported_elsewhere(run):
    result = run('import pytest\ndef test_it(): pytest.skip("not today")', ci=False)

    result.assert_outcomes(skipped=1)
    assert result.ret == 0


def test_tests_that_need_postgresql_are_deselected_on_sqlite(run, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    result = run(
        """
        import pytest

        @pytest.mark.postgres
        def test_locks(): raise AssertionError

        def test_rows(): ...
        """,
        ci=True,
    )

    result.assert_outcomes(passed=1, deselected=1)
