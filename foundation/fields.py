"""Model fields of the house: prefixed ids, and text that is encrypted at rest."""

from functools import partial
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from foundation import encryption
from foundation.ids import new_id


class PrefixedIDField(models.CharField):  # type: ignore[type-arg]  # Django's field classes take no arguments at run time
    """The primary key: a prefixed ULID (``org_01J…``), made when the object is."""

    def __init__(self, *, prefix: str = "", **options: Any) -> None:
        self.prefix = prefix
        options.setdefault("max_length", 80)
        options.setdefault("primary_key", True)
        options.setdefault("editable", False)
        options["default"] = partial(new_id, prefix)
        super().__init__(**options)

    def deconstruct(self) -> Any:
        """Describe the field for migrations by its prefix; the default follows from it."""
        name, path, args, options = super().deconstruct()
        options.pop("default", None)
        options["prefix"] = self.prefix
        return name, path, args, options

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        """Compare ids byte by byte: keyset paging needs the order of ASCII, not of a locale."""
        parameters = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]  # Django's field classes take no arguments at run time
    """Text that is encrypted at rest (AES-256-GCM, bound to its table, column and row).

    It reads and writes as ``str``. It can be saved only through an instance: the row's id is part of what
    the cipher authenticates, so that a ciphertext copied into another row does not open there.
    """

    def contribute_to_class(self, cls: type[models.Model], name: str, private_only: bool = False) -> None:
        """Put the attribute that opens the ciphertext on first use on the model."""
        super().contribute_to_class(cls, name, private_only)
        setattr(cls, name, _OpenedOnUse(self))

    def from_db_value(self, value: str | None, _expression: Any, _connection: Any) -> "_Sealed | None":
        """Keep the ciphertext closed until someone reads the attribute."""
        return None if value is None else _Sealed(value)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Seal plaintext; leave what was never opened as it is."""
        value = model_instance.__dict__.get(self.attname)
        if value is None or isinstance(value, _Sealed):
            return value
        return _Sealed(encryption.seal(str(value), self.associated_data(model_instance)))

    def get_prep_value(self, value: Any) -> Any:
        """Refuse plaintext: it could only come from a query that bypasses the instance."""
        if value is None:
            return None
        if isinstance(value, _Sealed):
            return value.ciphertext
        message = f"{self.model.__name__}.{self.name} is encrypted: save it through an instance."
        raise TypeError(message)

    def is_sealed_with_current_key(self, instance: models.Model) -> bool:
        """Tell whether the column, as it was read, is sealed with today's key; an empty one has nothing to seal."""
        value = instance.__dict__.get(self.attname)
        if value is None:
            return True
        return isinstance(value, _Sealed) and encryption.is_sealed_with_current_key(value.ciphertext)

    def associated_data(self, instance: models.Model) -> str:
        """What the cipher binds the text to."""
        return f"{self.model._meta.db_table}.{self.column}:{instance.pk}"


class _Sealed:
    """A ciphertext as it lies in the column."""

    __slots__ = ("ciphertext",)

    def __init__(self, ciphertext: str) -> None:
        self.ciphertext = ciphertext


class _OpenedOnUse:
    """Descriptor of an encrypted attribute: decrypts at the first read and keeps the plaintext."""

    def __init__(self, field: EncryptedTextField) -> None:
        self.field = field

    def __get__(self, instance: models.Model | None, _owner: type | None = None) -> Any:
        if instance is None:
            return self
        values = instance.__dict__
        if self.field.attname not in values:
            instance.refresh_from_db(fields=[self.field.attname])
        value = values[self.field.attname]
        if isinstance(value, _Sealed):
            value = encryption.unseal(value.ciphertext, self.field.associated_data(instance))
            values[self.field.attname] = value
        return value

    def __set__(self, instance: models.Model, value: Any) -> None:
        instance.__dict__[self.field.attname] = value
