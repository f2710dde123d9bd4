"""What the endpoints of users take."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from accounts.models import FactorType
from accounts.passwords import HASH_TYPES
from environments.api.pagination import ListParameters
from environments.api.validation import FlagField, TextField

_ASCII = RegexValidator(r"\A[\x01-\x7F]+\Z", "External ID must have ASCII characters only.")


class _PasswordFields(serializers.Serializer[Any]):
    # Not trimmed, and an empty one is not "absent": both would set another password than the one that was sent.
    password = TextField(required=False, trim_whitespace=False, allow_blank=True)
    password_hash = TextField(required=False, trim_whitespace=False, allow_blank=True)
    password_hash_type = serializers.ChoiceField(choices=HASH_TYPES, required=False)
    password_salt_position = serializers.ChoiceField(choices=["prefix", "suffix"], required=False)


class _ProfileFields(serializers.Serializer[Any]):
    # An empty name takes the name away.
    first_name = TextField(required=False, allow_blank=True, max_length=200)
    last_name = TextField(required=False, allow_blank=True, max_length=200)
    name = TextField(required=False, allow_blank=True, max_length=400)
    email_verified = FlagField(required=False)
    locale = TextField(required=False, allow_null=True)
    external_id = TextField(required=False, allow_null=True, max_length=128, validators=[_ASCII])
    metadata = serializers.DictField(required=False, allow_null=True)


class UserInput(_ProfileFields, _PasswordFields):
    """A user to create (spec ``CreateUserlandUserDto``)."""

    email = TextField()


class UserChangesInput(_ProfileFields, _PasswordFields):
    """What to change on a user; what is left out stays (spec ``UpdateUserlandUserDto``)."""

    email = TextField(required=False)


class UserListParameters(ListParameters):
    """Which users to list."""

    email = TextField(required=False, help_text="Users with this email, in whatever case.")
    organization_id = TextField(required=False, help_text="Users who are members of this organization.")
    organization = TextField(required=False, help_text="The former name of `organization_id`.")


class OneTimeCodeInput(serializers.Serializer[Any]):
    """A code from a mailbox."""

    code = TextField(max_length=100)


class EmailChangeInput(serializers.Serializer[Any]):
    """The address to change to."""

    new_email = TextField()


class FactorInput(serializers.Serializer[Any]):
    """A factor to enrol; what else it needs depends on its type."""

    type = serializers.ChoiceField(choices=[FactorType.TOTP, FactorType.SMS, FactorType.GENERIC_OTP])
    phone_number = TextField(required=False, max_length=40, help_text="Required when type is `sms`.")
    totp_issuer = TextField(required=False, max_length=200, help_text="Required when type is `totp`.")
    totp_user = TextField(required=False, max_length=320, help_text="Required when type is `totp`.")
    user_id = TextField(required=False, max_length=80)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Every type needs its own fields."""
        needed = {FactorType.TOTP: ("totp_issuer", "totp_user"), FactorType.SMS: ("phone_number",)}
        missing = [name for name in needed.get(attrs["type"], ()) if name not in attrs]
        if missing:
            raise serializers.ValidationError(
                {name: f"{name} is required when type is {attrs['type']}." for name in missing},
                code="required",
            )
        return attrs


class UserFactorInput(serializers.Serializer[Any]):
    """An authenticator app to enrol for a user; issuer and account name have defaults."""

    type = serializers.ChoiceField(choices=[FactorType.TOTP])
    totp_issuer = TextField(required=False, max_length=200)
    totp_user = TextField(required=False, max_length=320)
    totp_secret = TextField(required=False, max_length=200, help_text="Base32; generated if not provided.")


class FactorChallengeInput(serializers.Serializer[Any]):
    """How to word the text message."""

    sms_template = TextField(
        required=False, max_length=1000, help_text="Holds `{{code}}`; neither links nor domain names."
    )


class ChallengeVerificationInput(serializers.Serializer[Any]):
    """The answer to a challenge."""

    code = TextField(max_length=100)


class NamedChallengeVerificationInput(ChallengeVerificationInput):
    """The answer to a challenge that the body names, as the oldest SDKs do."""

    authentication_challenge_id = TextField(max_length=80)
