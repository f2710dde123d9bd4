"""Views of what goes to a mailbox and comes back as a sign-in: Magic Auth codes and password resets."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse

from accounts.errors import InvalidEmail
from accounts.models import MagicAuth, PasswordReset
from accounts.representations import (
    MagicAuthObject,
    PasswordResetObject,
    UserEnvelope,
    represent_magic_auth,
    represent_password_reset,
    represent_user,
)
from authentication import services
from authentication.api.errors import native_or_oauth_error
from authentication.api.grants import email_challenge
from authentication.api.serializers import (
    EmailInput,
    MagicAuthRequestInput,
    NewPasswordInput,
    PasswordResetPageInput,
)
from environments.api import limits
from environments.api.schema import describe
from environments.api.views import UserManagementView, no_content, reply
from foundation.errors import DomainError, Invalid


class MagicAuthView(UserManagementView):
    """A view that mails codes: it refuses sign-ups in the form of the token endpoint (spec)."""

    render_error: ClassVar[Callable[[DomainError], tuple[int, dict[str, Any]]]] = staticmethod(
        native_or_oauth_error
    )

    def send(self) -> MagicAuth:
        """Mail a code to the address of the body; the old path and the new one share its limit."""
        fields = self.read(MagicAuthRequestInput)
        self.count(limits.MAGIC_AUTH_SENDS, self.environment.id, email_challenge(fields))
        try:
            return services.request_magic_auth(
                environment=self.environment,
                actor=self.actor,
                email=fields["email"],
                invitation_token=fields.get("invitation_token"),
            )
        except InvalidEmail as error:
            raise Invalid.field("email", "email_invalid", error.message) from error


class MagicAuthCollection(MagicAuthView):
    """POST /user_management/magic_auth."""

    @describe(
        "Create a Magic Auth code",
        request=MagicAuthRequestInput,
        response=MagicAuthObject,
        status=201,
        refusals=(400, 429),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        return reply(represent_magic_auth(self.send()), 201)


class SendMagicAuth(MagicAuthView):
    """POST /user_management/magic_auth/send: the older form, which shows no code (workos-legacy 9)."""

    @describe("Send a Magic Auth code", request=MagicAuthRequestInput, refusals=(400, 429))
    def post(self, _request: HttpRequest) -> HttpResponse:
        self.send()
        return no_content(200)


class MagicAuthItem(UserManagementView):
    """GET /user_management/magic_auth/{id}."""

    @describe("Get a Magic Auth code", response=MagicAuthObject, refusals=(404,))
    def get(self, _request: HttpRequest, magic_auth_id: str) -> HttpResponse:
        rows = MagicAuth.objects.in_environment(self.environment)
        return reply(represent_magic_auth(rows.require(magic_auth_id)))


class PasswordResetCollection(UserManagementView):
    """POST /user_management/password_reset."""

    @describe(
        "Create a password reset",
        request=EmailInput,
        response=PasswordResetObject,
        status=201,
        refusals=(403, 404, 429),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(EmailInput)
        self.count(limits.PASSWORD_RESET_SENDS, self.environment.id, email_challenge(fields))
        reset = services.request_password_reset(
            environment=self.environment, actor=self.actor, email=fields["email"]
        )
        return reply(represent_password_reset(reset), 201)


class SendPasswordReset(UserManagementView):
    """POST /user_management/password_reset/send: the older form, in which the product names its page (workos-legacy 9)."""

    @describe("Send a password reset", request=PasswordResetPageInput, status=201, refusals=(403, 404, 429))
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(PasswordResetPageInput)
        self.count(limits.PASSWORD_RESET_SENDS, self.environment.id, email_challenge(fields))
        services.request_password_reset(
            environment=self.environment,
            actor=self.actor,
            email=fields["email"],
            page_url=fields["password_reset_url"],
        )
        return no_content(201)


class ConfirmPasswordReset(UserManagementView):
    """POST /user_management/password_reset/confirm."""

    @describe("Reset a password", request=NewPasswordInput, response=UserEnvelope, refusals=(400, 403, 404))
    def post(self, _request: HttpRequest) -> HttpResponse:
        user = services.reset_password(
            environment=self.environment, actor=self.actor, **self.read(NewPasswordInput)
        )
        return reply({"user": represent_user(user)})


class PasswordResetItem(UserManagementView):
    """GET /user_management/password_reset/{id}."""

    @describe("Get a password reset", response=PasswordResetObject, refusals=(404,))
    def get(self, _request: HttpRequest, password_reset_id: str) -> HttpResponse:
        rows = PasswordReset.objects.in_environment(self.environment)
        return reply(represent_password_reset(rows.require(password_reset_id)))
