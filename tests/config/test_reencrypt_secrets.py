import os

import pytest
from django.core.management import call_command
from django.db import connection

from environments.models import SigningKey
from foundation.encryption import UnsealError
from tests.factories.environments import make_environment


def sealed_column(key: SigningKey) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM environments_signingkey WHERE id = %s", [key.pk])
        return str(cursor.fetchone()[0])


def test_a_new_encryption_key_takes_over_every_row_and_the_old_one_may_go(db, settings):
    environment = make_environment()
    key = SigningKey.objects.in_environment(environment).get()
    plaintext = key.private_key
    old_keys = dict(settings.ENCRYPTION_KEYS)
    new_keys = {"fresh": os.urandom(32)}

    settings.ENCRYPTION_KEYS = new_keys | old_keys
    call_command("reencrypt_secrets")

    assert sealed_column(key).startswith("v1.fresh.")
    settings.ENCRYPTION_KEYS = new_keys
    assert SigningKey.objects.in_environment(environment).get().private_key == plaintext


def test_running_it_again_changes_nothing(db, settings, capsys):
    make_environment()
    call_command("reencrypt_secrets")
    assert "SigningKey: 0 row(s)" in capsys.readouterr().out


def test_a_ciphertext_does_not_open_in_another_row(db):
    first, second = make_environment("First"), make_environment("Second")
    source = SigningKey.objects.in_environment(first).get()
    target = SigningKey.objects.in_environment(second).get()
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE environments_signingkey SET private_key = %s WHERE id = %s",
            [sealed_column(source), target.pk],
        )
    with pytest.raises(UnsealError):
        _ = SigningKey.objects.in_environment(second).get().private_key
