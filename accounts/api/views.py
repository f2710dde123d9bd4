"""Views of users, their identities, and the proof and change of their addresses."""

from django.http import HttpRequest, HttpResponse

from accounts import services
from accounts.api.serializers import (
    EmailChangeInput,
    OneTimeCodeInput,
    UserChangesInput,
    UserInput,
    UserListParameters,
)
from accounts.email_addresses import is_valid_email, normalize_email
from accounts.models import EmailVerification, Identity, User
from accounts.representations import (
    EmailChangeConfirmationObject,
    EmailChangeObject,
    EmailVerificationObject,
    IdentityObject,
    UserEnvelope,
    UserObject,
    represent_email_change,
    represent_email_verification,
    represent_identity,
    represent_user,
)
from authentication import services as authentication
from environments.api import limits
from environments.api.schema import describe
from environments.api.views import UserManagementView, no_content, reply
from foundation.errors import NotFound


class UserView(UserManagementView):
    """A view that begins with a user of the caller's environment."""

    def user(self, user_id: str) -> User:
        """Return the user; raises NotFound."""
        return User.objects.in_environment(self.environment).require(user_id)


class UserCollection(UserManagementView):
    """GET, POST /user_management/users."""

    @describe("List users", query=UserListParameters, response=UserObject, paged=True)
    def get(self, _request: HttpRequest) -> HttpResponse:
        parameters = self.read_query(UserListParameters)
        users = User.objects.in_environment(self.environment)
        if email := parameters.get("email"):
            users = users.filter(email=normalize_email(email)) if is_valid_email(email) else users.none()
        # A user stands once in an organization, so the join repeats nobody.
        if organization_id := parameters.get("organization_id") or parameters.get("organization"):
            users = users.filter(memberships__organization_id=organization_id)
        return self.page(users, represent_user, parameters)

    @describe("Create a user", request=UserInput, response=UserObject, status=201, refusals=(400,))
    def post(self, _request: HttpRequest) -> HttpResponse:
        user = services.create_user(environment=self.environment, actor=self.actor, **self.read(UserInput))
        return reply(represent_user(user), 201)


class UserItem(UserView):
    """GET, PUT, DELETE /user_management/users/{id}."""

    @describe("Get a user", response=UserObject, refusals=(404,))
    def get(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        return reply(represent_user(self.user(user_id)))

    @describe("Update a user", request=UserChangesInput, response=UserObject, refusals=(400, 404))
    def put(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = services.update_user(user=self.user(user_id), actor=self.actor, **self.read(UserChangesInput))
        return reply(represent_user(user))

    @describe("Delete a user", refusals=(404,))
    def delete(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        authentication.delete_user(user=self.user(user_id), actor=self.actor)
        return no_content(200)


class UserByExternalId(UserManagementView):
    """GET /user_management/users/external_id/{external_id}."""

    @describe("Get a user by external ID", response=UserObject, refusals=(404,))
    def get(self, _request: HttpRequest, external_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).filter(external_id=external_id).first()
        if user is None:
            raise NotFound.of("User", external_id)
        return reply(represent_user(user))


class UserIdentities(UserView):
    """GET /user_management/users/{id}/identities: a bare array (workos-behaviour (b))."""

    @describe("List a user's identities", response=list[IdentityObject], refusals=(404,))
    def get(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        identities = Identity.objects.in_environment(self.environment).filter(user=self.user(user_id))
        return reply([represent_identity(identity) for identity in identities.order_by("id")])


class SendEmailVerification(UserView):
    """POST /user_management/users/{id}/email_verification/send."""

    @describe("Send a verification code", response=UserEnvelope, refusals=(400, 404, 429))
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = self.user(user_id)
        self.count(limits.EMAIL_VERIFICATION_SENDS, user.id)
        services.create_email_verification(user=user, actor=self.actor)
        return reply({"user": represent_user(user)})


class ConfirmEmailVerification(UserView):
    """POST /user_management/users/{id}/email_verification/confirm."""

    @describe("Verify an email", request=OneTimeCodeInput, response=UserEnvelope, refusals=(400, 404, 429))
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = services.use_email_verification_code(
            user=self.user(user_id), one_time_code=self.read(OneTimeCodeInput)["code"], actor=self.actor
        )
        return reply({"user": represent_user(user)})


class EmailVerificationItem(UserManagementView):
    """GET /user_management/email_verification/{id}."""

    @describe("Get an email verification", response=EmailVerificationObject, refusals=(404,))
    def get(self, _request: HttpRequest, email_verification_id: str) -> HttpResponse:
        verifications = EmailVerification.objects.in_environment(self.environment)
        return reply(represent_email_verification(verifications.require(email_verification_id)))


class SendEmailChange(UserView):
    """POST /user_management/users/{id}/email_change/send."""

    @describe(
        "Send an email change code",
        request=EmailChangeInput,
        response=EmailChangeObject,
        refusals=(404, 409, 429),
    )
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = self.user(user_id)
        fields = self.read(EmailChangeInput)
        self.count(limits.EMAIL_CHANGE_SENDS, user.id)
        change = services.send_email_change(user=user, **fields)
        return reply(represent_email_change(change, user))


class ConfirmEmailChange(UserView):
    """POST /user_management/users/{id}/email_change/confirm."""

    @describe(
        "Confirm an email change",
        request=OneTimeCodeInput,
        response=EmailChangeConfirmationObject,
        refusals=(400, 404, 409, 429),
    )
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = services.confirm_email_change(
            user=self.user(user_id), one_time_code=self.read(OneTimeCodeInput)["code"], actor=self.actor
        )
        return reply({"object": "email_change_confirmation", "user": represent_user(user)})
