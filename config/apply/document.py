"""What a setup file may say. Unknown keys are refused: a typo must not pass for an absent setting."""

import base64
import os
import re
from collections.abc import Mapping
from typing import Any

import yaml
from rest_framework import serializers

from accounts.models import User
from config.apply.connections import ConnectionSection
from config.apply.strict import SetupFileError, Strict
from environments.models import AuthenticationSettings, EnvironmentKind
from organizations.models import DomainState
from organizations.policy_fields import PolicyFields
from sso.oauth.catalogue import PROVIDERS

_MAXIMUM_BYTES = 5 * 1024 * 1024
# Of the file, in an error of the parser; single characters and its own words (<stream end>) may be told.
_LONGER_QUOTE = re.compile(r"'[^'<][^']+'")
_SETTINGS = [
    field.name
    for field in AuthenticationSettings._meta.concrete_fields
    if field.name not in {"environment", "updated_at"}
]

_POLICY = [field.name for field in PolicyFields._meta.get_fields() if field.name != "updated_at"]


class EnvironmentSection(Strict):
    """Which environment: found by client id, else by name; made where it is missing."""

    id = serializers.CharField(required=False, max_length=80)
    name = serializers.CharField(required=False, max_length=100)
    kind = serializers.ChoiceField(choices=EnvironmentKind.values, required=False)
    client_id = serializers.CharField(required=False, max_length=80)
    api_key = serializers.CharField(required=False, min_length=12, max_length=200)


class URISection(Strict):
    """An allowed redirect or logout URI; a bare text is one too."""

    id = serializers.CharField(required=False, max_length=80)
    uri = serializers.CharField()
    default = serializers.BooleanField(default=False)

    def to_internal_value(self, data: Any) -> Any:
        """Read a bare text as its URI."""
        return super().to_internal_value({"uri": data} if isinstance(data, str) else data)


class PermissionSection(Strict):
    """A permission, found by slug."""

    slug = serializers.CharField(max_length=48)
    name = serializers.CharField(max_length=48)
    description = serializers.CharField(max_length=150, required=False, allow_null=True)


class RoleSection(Strict):
    """A role, found by slug; the order of roles in the file is their priority."""

    slug = serializers.CharField(max_length=48)
    name = serializers.CharField(max_length=48)
    description = serializers.CharField(max_length=150, required=False, allow_null=True)
    permissions = serializers.ListField(child=serializers.CharField(), required=False)


class DomainSection(Strict):
    """A domain of an organization; a bare text is a verified one."""

    domain = serializers.CharField(max_length=253)
    state = serializers.ChoiceField(
        choices=[DomainState.PENDING, DomainState.VERIFIED], default=DomainState.VERIFIED
    )

    def to_internal_value(self, data: Any) -> Any:
        """Read a bare text as its domain."""
        return super().to_internal_value({"domain": data} if isinstance(data, str) else data)


class PolicySection(Strict):
    """An organization's policy by field name; bounds are checked where it is stored."""

    def get_fields(self) -> dict[str, Any]:
        """Take every field as it stands in the file."""
        return {name: serializers.JSONField(required=False, allow_null=True) for name in _POLICY}


class BrandingSection(Strict):
    """How something looks, by field name; ``logo`` is a picture in base64, or empty for none."""

    product_name = serializers.CharField(required=False, allow_blank=True)
    accent_color = serializers.CharField(required=False, allow_blank=True)
    background_color = serializers.CharField(required=False, allow_blank=True)
    logo = serializers.CharField(required=False, allow_blank=True)
    terms_url = serializers.CharField(required=False, allow_blank=True)
    privacy_url = serializers.CharField(required=False, allow_blank=True)
    support_url = serializers.CharField(required=False, allow_blank=True)

    def validate_logo(self, text: str) -> bytes | None:
        """Read the picture; what kind of one it is, the service looks at."""
        try:
            return base64.b64decode(text, validate=True) or None
        except ValueError:
            raise serializers.ValidationError("A logo is a picture in base64.") from None


class OrganizationSection(Strict):
    """An organization, found by id, else by external id, else by name."""

    id = serializers.CharField(required=False, max_length=80)
    name = serializers.CharField(max_length=255)
    external_id = serializers.CharField(required=False, max_length=128)
    metadata = serializers.DictField(child=serializers.CharField(allow_null=True), required=False)
    allow_profiles_outside_organization = serializers.BooleanField(required=False)
    domains = DomainSection(many=True, required=False)
    roles = RoleSection(many=True, required=False)
    policy = PolicySection(required=False)
    branding = BrandingSection(required=False)
    connections = ConnectionSection(many=True, required=False)


class MembershipSection(Strict):
    """A membership of the user it stands under; the organization is named by id, external id or name."""

    organization = serializers.CharField()
    roles = serializers.ListField(child=serializers.CharField(), default=list)


class UserSection(Strict):
    """A user, found by id, else by e-mail. The password is set only when the user is created."""

    id = serializers.CharField(required=False, max_length=80)
    email = serializers.CharField(max_length=320)
    password = serializers.CharField(required=False, trim_whitespace=False)
    email_verified = serializers.BooleanField(required=False)
    first_name = serializers.CharField(
        required=False, max_length=User._meta.get_field("first_name").max_length
    )
    last_name = serializers.CharField(required=False, max_length=User._meta.get_field("last_name").max_length)
    external_id = serializers.CharField(required=False, max_length=128)
    metadata = serializers.DictField(child=serializers.CharField(allow_null=True), required=False)
    locale = serializers.CharField(required=False, max_length=35)
    memberships = MembershipSection(many=True, required=False)


class SettingsSection(Strict):
    """Authentication settings by field name; their bounds are checked where they are stored."""

    def get_fields(self) -> dict[str, Any]:
        """Take every setting as it stands in the file."""
        return {name: serializers.JSONField(required=False, allow_null=True) for name in _SETTINGS}


class MailSection(Strict):
    """From whom mail comes, in which language, and who sends it."""

    sender_name = serializers.CharField(required=False, allow_blank=True)
    sender_address = serializers.CharField(required=False, allow_blank=True)
    default_language = serializers.CharField(required=False, allow_blank=True)
    is_sent_by_gatehouse = serializers.BooleanField(required=False)
    kinds_left_to_application = serializers.ListField(child=serializers.CharField(), required=False)

    def validate_kinds_left_to_application(self, kinds: list[str]) -> list[str]:
        """Put them in the order in which they are kept, so that another order is no change."""
        return sorted(set(kinds))


class SocialProviderSection(Strict):
    """The environment's client at a social provider, found by its type; what is not named stays as it is."""

    id = serializers.CharField(required=False, max_length=80)
    type = serializers.ChoiceField(choices=[kind.value for kind in PROVIDERS])
    client_id = serializers.CharField(max_length=500)
    client_secret = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    key = serializers.CharField(required=False, allow_blank=True, max_length=20_000)
    scopes = serializers.CharField(required=False, allow_blank=True, max_length=1000)
    provider_settings = serializers.DictField(required=False)
    enabled = serializers.BooleanField(required=False)


class SetupDocument(Strict):
    """A whole setup file."""

    environment = EnvironmentSection(required=False)
    settings = SettingsSection(required=False)
    branding = BrandingSection(required=False)
    mail = MailSection(required=False)
    redirect_uris = URISection(many=True, required=False)
    logout_uris = URISection(many=True, required=False)
    cors_origins = serializers.ListField(child=serializers.CharField(), required=False)
    social_providers = SocialProviderSection(many=True, required=False)
    permissions = PermissionSection(many=True, required=False)
    roles = RoleSection(many=True, required=False)
    organizations = OrganizationSection(many=True, required=False)
    users = UserSection(many=True, required=False)


class _Loader(yaml.SafeLoader):
    """Reads ``!env NAME`` as the text of an environment variable, so that no secret has to stand in the file."""


def _from_environment(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    name = str(loader.construct_scalar(node)) if isinstance(node, yaml.ScalarNode) else ""
    line = node.start_mark.line + 1
    if not name:
        raise SetupFileError(f"Line {line}: !env takes the name of an environment variable.")
    value = os.environ.get(name, "")
    if not value:
        raise SetupFileError(f"Line {line}: the environment variable {name} is not set.")
    return value


_Loader.add_constructor("!env", _from_environment)


def read_document(text: str) -> dict[str, Any]:
    """Return the validated content of a setup file; raises SetupFileError."""
    if len(text.encode()) > _MAXIMUM_BYTES:
        raise SetupFileError("The file is larger than 5 MiB.")
    try:
        content = yaml.load(text, _Loader)  # noqa: S506 -- the safe loader, with one tag more
    except yaml.MarkedYAMLError as error:
        # Not the error itself, which repeats the line: a secret may stand there.
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        problem = _LONGER_QUOTE.sub("what stands there", error.problem or "")
        raise SetupFileError(f"The file is not YAML: line {line}: {problem}") from None
    except yaml.YAMLError as error:
        raise SetupFileError(f"The file is not YAML: {error}") from error
    if not isinstance(content, Mapping):
        raise SetupFileError("The file must hold a mapping: environment, roles, organizations, users, …")
    serializer = SetupDocument(data=content)
    if not serializer.is_valid():
        raise SetupFileError("\n".join(_sentences(serializer.errors)))
    return dict(serializer.validated_data)


def _sentences(errors: Any, path: str = "") -> list[str]:
    if isinstance(errors, Mapping):
        return [line for key, inner in errors.items() for line in _sentences(inner, _path(path, key))]
    if isinstance(errors, list):
        return [
            line
            for index, inner in enumerate(errors)
            for line in _sentences(inner, path if isinstance(inner, str) else _path(path, index))
        ]
    return [f"{path}: {errors}"]


def _path(path: str, key: str | int) -> str:
    return f"{path}[{key}]" if isinstance(key, int) else f"{path}.{key}".strip(".")
