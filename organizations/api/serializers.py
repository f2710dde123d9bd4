"""What the endpoints of organizations take."""

from typing import Any

from rest_framework import serializers

from environments.api.pagination import ListParameters
from environments.api.validation import FlagField, MomentField, TextField
from organizations.models import DomainState, MembershipStatus
from organizations.services.invitations import DEFAULT_DAYS, LONGEST_DAYS, SHORTEST_DAYS

LONGEST_NAME = 255
LONGEST_ID = 80


class ExternalIDField(TextField):
    """The product's own id of an object: 1 to 128 characters of ASCII; null clears it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, max_length=128, **options)

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is not ASCII."""
        value = super().to_internal_value(data)
        if not value.isascii():
            message = "Must contain ASCII characters only."
            raise serializers.ValidationError(message, code="invalid")
        return value


class MetadataField(serializers.DictField):
    """A dictionary whose content the service judges: its refusals have a code of their own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(required=False, allow_null=True, **options)


class DomainDataInput(serializers.Serializer[Any]):
    """A domain with the state that it is to have."""

    domain = TextField(max_length=1000)
    state = serializers.ChoiceField(
        choices=[DomainState.PENDING.value, DomainState.VERIFIED.value],
        default=DomainState.PENDING.value,
        help_text="`verified` takes the domain at your word; `pending` awaits a DNS record.",
    )


class OrganizationInput(serializers.Serializer[Any]):
    """A new organization."""

    name = TextField(max_length=LONGEST_NAME)
    allow_profiles_outside_organization = FlagField(required=False)
    domain_data = serializers.ListField(child=DomainDataInput(), required=False, max_length=200)
    domains = serializers.ListField(
        child=TextField(max_length=1000),
        required=False,
        max_length=200,
        help_text="Deprecated: verified domains.",
    )
    metadata = MetadataField()
    external_id = ExternalIDField()
    stripe_customer_id = TextField(required=False, allow_null=True, max_length=255)


class OrganizationUpdateInput(OrganizationInput):
    """Changes to an organization; what is not named stays."""

    name = TextField(max_length=LONGEST_NAME, required=False)


class OrganizationParameters(ListParameters):
    """Filters of the organizations list."""

    domains = serializers.ListField(
        child=serializers.CharField(max_length=1000),
        required=False,
        max_length=100,
        help_text="Any organization with one of these domains.",
    )
    search = serializers.CharField(required=False, max_length=LONGEST_NAME, help_text="A part of the name.")


class OrganizationDomainInput(serializers.Serializer[Any]):
    """A domain to add to an organization."""

    organization_id = TextField(max_length=LONGEST_ID)
    domain = TextField(max_length=1000)


class RoleSlugsInput(serializers.Serializer[Any]):
    """One role or several, by slug."""

    role_slug = TextField(required=False, max_length=100)
    role_slugs = serializers.ListField(
        child=TextField(max_length=100), required=False, max_length=100, help_text="Instead of role_slug."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The two would contradict each other."""
        if "role_slug" in attrs and "role_slugs" in attrs:
            raise serializers.ValidationError(
                {"role_slugs": "Give either role_slug or role_slugs."},
                code="role_slug_and_role_slugs_are_exclusive",
            )
        return attrs


class MembershipInput(RoleSlugsInput):
    """A new membership."""

    user_id = TextField(max_length=LONGEST_ID)
    organization_id = TextField(max_length=LONGEST_ID)


class MembershipParameters(ListParameters):
    """Filters of the memberships list."""

    user_id = serializers.CharField(required=False, max_length=LONGEST_ID)
    organization_id = serializers.CharField(required=False, max_length=LONGEST_ID)
    statuses = serializers.ListField(
        child=serializers.ChoiceField(choices=MembershipStatus.values),
        required=False,
        help_text="Active memberships alone, unless said otherwise.",
    )


class GroupInput(serializers.Serializer[Any]):
    """A new group."""

    name = TextField(max_length=256)
    description = TextField(required=False, allow_null=True, max_length=150)


class GroupUpdateInput(serializers.Serializer[Any]):
    """Changes to a group; what is not named stays."""

    name = TextField(required=False, max_length=256)
    description = TextField(required=False, allow_null=True, max_length=150)


class GroupMemberInput(serializers.Serializer[Any]):
    """A membership to put into a group."""

    organization_membership_id = TextField(max_length=LONGEST_ID)


class APIKeyInput(serializers.Serializer[Any]):
    """A new API key of an organization."""

    name = TextField(max_length=LONGEST_NAME)
    permissions = serializers.ListField(
        child=TextField(), required=False, max_length=1000, help_text="Slugs of permissions."
    )
    expires_at = MomentField(
        required=False, help_text="A future moment; without one the key does not expire."
    )


class UserAPIKeyInput(APIKeyInput):
    """A new API key of a user, for one organization."""

    organization_id = TextField(max_length=LONGEST_ID)


class UserAPIKeyParameters(ListParameters):
    """Filters of the list of a user's API keys."""

    organization_id = serializers.CharField(required=False, max_length=LONGEST_ID)


class APIKeyValueInput(serializers.Serializer[Any]):
    """A value that somebody presented as an API key."""

    value = TextField(allow_blank=True, trim_whitespace=False)


class APIKeyExpiryInput(serializers.Serializer[Any]):
    """When a key is to expire: at once if nothing is said, never if null."""

    expires_at = MomentField(required=False, allow_null=True)


# The languages that the spec lets a caller ask for; a mail without a translation comes in the installation's.
_LOCALES = (
    "af am ar bg bn bs ca cs da de de-DE el en en-AU en-CA en-GB en-US es es-419 es-ES es-US et fa fi fil fr fr-BE "
    "fr-CA fr-FR fy gl gu ha he hi hr hu hy id is it it-IT ja jv ka kk km kn ko lt lv mk ml mn mr ms my nb ne nl "
    "nl-BE nl-NL nn no pa pl pt pt-BR pt-PT ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi zh zh-CN zh-HK zh-TW zu"
)


class InvitationLocaleInput(serializers.Serializer[Any]):
    """In which language the mail is written."""

    locale = serializers.ChoiceField(choices=_LOCALES.split(), required=False)


class InvitationInput(InvitationLocaleInput):
    """Whom to invite, and into what (spec ``CreateUserlandUserInviteOptionsDto``)."""

    email = TextField(max_length=1000)
    organization_id = TextField(required=False, max_length=LONGEST_ID)
    role_slug = TextField(required=False, max_length=100)
    # Its bounds are the service's: they have refusals of their own.
    expires_in_days = serializers.IntegerField(
        default=DEFAULT_DAYS, help_text=f"From {SHORTEST_DAYS} to {LONGEST_DAYS}."
    )
    inviter_user_id = TextField(
        required=False, max_length=LONGEST_ID, help_text="The mail names this user as the one who invites."
    )


class InvitationParameters(ListParameters):
    """Filters of the invitations list."""

    organization_id = serializers.CharField(required=False, max_length=LONGEST_ID)
    email = TextField(
        required=False, max_length=1000, help_text="Invitations of this email, in whatever case."
    )
