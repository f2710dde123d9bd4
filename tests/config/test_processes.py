import subprocess
import sys

import pytest

from tests.live import ROOT, clean_environment


@pytest.mark.parametrize(
    "start", ["import config.wsgi", "import config.celery", "import django; django.setup()"]
)
def test_every_process_hands_its_work_to_the_broker_of_the_settings(tmp_path, start):
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{start}; from celery import current_app; print(current_app.conf.broker_url)",
        ],
        cwd=ROOT,
        env=clean_environment(
            DJANGO_SETTINGS_MODULE="config.settings",
            GATEHOUSE_DATA_DIR=str(tmp_path),
            REDIS_URL="redis://broker.example:6379/3",
        ),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert result.stdout.strip() == "redis://broker.example:6379/3"
