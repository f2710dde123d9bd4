"""Moves the key pair of each SAML connection into the table of key pairs, once for either use.

The columns stay as they are: processes of the release before go on reading them. A row that they write afterwards has
no digest yet, or another one, and is moved when somebody next touches its pairs. Runs in batches, and may run again.
"""

import hashlib
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from django.apps.registry import Apps
from django.db import migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_BATCH: Final = 200
_USES: Final = ("signing", "encryption")


def move(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    rows = apps.get_model("sso", "SAMLSettings").unscoped.filter(moved_certificate_digest="")
    last = ""
    while True:
        with transaction.atomic():
            batch = list(rows.select_for_update().filter(pk__gt=last).order_by("pk")[:_BATCH])
            for row in batch:
                _move(apps, row)
        if not batch:
            return
        last = batch[-1].pk


def _move(apps: Apps, row: Any) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(row.sp_certificate.encode())
    except ValueError:
        # Nobody can have signed in with it. It stays where it is.
        return
    pairs = apps.get_model("sso", "SPKeyPair").unscoped
    for use in _USES:
        pairs.create(
            environment_id=row.environment_id,
            connection_id=row.connection_id,
            use=use,
            private_key=row.sp_private_key,
            certificate=row.sp_certificate,
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
    row.moved_certificate_digest = hashlib.sha256(row.sp_certificate.encode()).hexdigest()
    row.save(update_fields=["moved_certificate_digest"])


def move_back(apps: Apps, _schema_editor: BaseDatabaseSchemaEditor) -> None:
    """The columns hold the pair that signs; pairs that were made for encryption since are lost."""
    apps.get_model("sso", "SPKeyPair").unscoped.all().delete()
    apps.get_model("sso", "SAMLSettings").unscoped.update(moved_certificate_digest="")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("sso", "0008_key_pairs_of_our_own")]

    operations = [migrations.RunPython(move, move_back, elidable=True)]
