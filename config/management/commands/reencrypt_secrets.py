"""``manage.py reencrypt_secrets``: the second half of rotating an encryption key."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import models, transaction

from foundation.fields import EncryptedTextField

_BATCH = 200


class Command(BaseCommand):
    """Seal every encrypted column again with the first of GATEHOUSE_ENCRYPTION_KEYS."""

    help = (
        "After a new key was put first into GATEHOUSE_ENCRYPTION_KEYS: seal everything again with it. The old key may "
        "leave the variable a day later, when the last stored answer to an idempotent request is gone."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        for model in apps.get_models():
            fields = [field for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)]
            if fields:
                resealed = _reseal(model, fields)
                self.stdout.write(f"{model._meta.label}: {resealed} row(s) sealed again")


def _reseal(model: type[models.Model], fields: list[EncryptedTextField]) -> int:
    total = 0
    rows = model._base_manager.order_by("pk").values_list("pk", flat=True)
    ids = list(rows[:_BATCH])
    while ids:
        total += sum(_reseal_row(model, fields, row_id) for row_id in ids)
        ids = list(rows.filter(pk__gt=ids[-1])[:_BATCH])
    return total


@transaction.atomic
def _reseal_row(model: type[models.Model], fields: list[EncryptedTextField], row_id: Any) -> bool:
    # One row a transaction, under its lock: the service goes on writing while this runs.
    row = model._base_manager.select_for_update().filter(pk=row_id).first()
    if row is None:
        return False
    stale = [field.attname for field in fields if not field.is_sealed_with_current_key(row)]
    for name in stale:
        setattr(row, name, getattr(row, name))
    if stale:
        row.save(update_fields=stale)
    return bool(stale)
