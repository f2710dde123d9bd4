"""Views of authentication factors: the product's own (``/auth``), and those of users."""

from django.http import HttpRequest, HttpResponse

from accounts import services
from accounts.api.serializers import (
    ChallengeVerificationInput,
    FactorChallengeInput,
    FactorInput,
    NamedChallengeVerificationInput,
    UserFactorInput,
)
from accounts.models import AuthenticationChallenge, AuthenticationFactor, FactorType, User
from accounts.representations import (
    AuthenticationChallengeObject,
    AuthenticationChallengeVerificationObject,
    AuthenticationFactorObject,
    FactorEnrollmentObject,
    RecoveryCodesObject,
    represent_challenge,
    represent_factor,
    represent_factor_with_secret,
)
from environments.api import limits
from environments.api.schema import describe
from environments.api.views import ApiView, UserManagementView, no_content, reply


class EnrollFactor(ApiView):
    """POST /auth/factors/enroll."""

    @describe(
        "Enroll a factor",
        request=FactorInput,
        response=AuthenticationFactorObject,
        status=201,
        refusals=(404,),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(FactorInput)
        user = None
        if user_id := fields.get("user_id"):
            user = User.objects.in_environment(self.environment).require(user_id)
        if fields["type"] == FactorType.TOTP:
            enrollment = services.enroll_totp_factor(
                environment=self.environment,
                user=user,
                issuer=fields["totp_issuer"],
                account_name=fields["totp_user"],
            )
        elif fields["type"] == FactorType.SMS:
            enrollment = services.enroll_sms_factor(
                environment=self.environment, user=user, phone_number=fields["phone_number"]
            )
        else:
            enrollment = services.enroll_generic_otp_factor(environment=self.environment, user=user)
        return reply(represent_factor_with_secret(enrollment.factor), 201)


class FactorItem(ApiView):
    """GET, DELETE /auth/factors/{id}."""

    @describe("Get a factor", response=AuthenticationFactorObject, refusals=(404,))
    def get(self, _request: HttpRequest, factor_id: str) -> HttpResponse:
        factors = AuthenticationFactor.objects.in_environment(self.environment)
        return reply(represent_factor_with_secret(factors.require(factor_id)))

    @describe("Delete a factor", status=204, refusals=(404,))
    def delete(self, _request: HttpRequest, factor_id: str) -> HttpResponse:
        services.remove_factor(
            AuthenticationFactor.objects.in_environment(self.environment).require(factor_id)
        )
        return no_content()


class ChallengeFactor(ApiView):
    """POST /auth/factors/{id}/challenge."""

    @describe(
        "Challenge a factor",
        request=FactorChallengeInput,
        response=AuthenticationChallengeObject,
        status=201,
        refusals=(404, 429),
    )
    def post(self, _request: HttpRequest, factor_id: str) -> HttpResponse:
        factor = AuthenticationFactor.objects.in_environment(self.environment).require(factor_id)
        fields = self.read(FactorChallengeInput)
        if factor.type == FactorType.SMS:
            self.count(limits.SMS_SENDS, self.environment.id, factor.phone_number)
        challenge = services.challenge_factor(factor=factor, **fields)
        return reply(represent_challenge(challenge, factor), 201)


class ChallengeView(ApiView):
    """A view that answers a challenge."""

    def verify(self, challenge_id: str, one_time_code: str) -> HttpResponse:
        """Answer 201 whether the code is right or wrong: ``valid`` tells. Raises NotFound and refusals."""
        challenges = AuthenticationChallenge.objects.in_environment(self.environment)
        verification = services.verify_challenge(
            challenge=challenges.require(challenge_id), one_time_code=one_time_code
        )
        challenge = represent_challenge(verification.challenge, verification.factor)
        return reply({"challenge": challenge, "valid": verification.valid}, 201)


class VerifyChallenge(ChallengeView):
    """POST /auth/challenges/{id}/verify."""

    @describe(
        "Verify a challenge",
        request=ChallengeVerificationInput,
        response=AuthenticationChallengeVerificationObject,
        status=201,
        refusals=(400, 404, 429),
    )
    def post(self, _request: HttpRequest, challenge_id: str) -> HttpResponse:
        return self.verify(challenge_id, self.read(ChallengeVerificationInput)["code"])


class VerifyNamedChallenge(ChallengeView):
    """POST /auth/factors/verify: the form of the oldest SDKs."""

    @describe(
        "Verify a challenge that the body names",
        request=NamedChallengeVerificationInput,
        response=AuthenticationChallengeVerificationObject,
        status=201,
        refusals=(400, 404, 429),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(NamedChallengeVerificationInput)
        return self.verify(fields["authentication_challenge_id"], fields["code"])


class UserFactors(UserManagementView):
    """GET, POST /user_management/users/{id}/auth_factors."""

    @describe("List a user's factors", response=AuthenticationFactorObject, paged=True, refusals=(404,))
    def get(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).require(user_id)
        factors = AuthenticationFactor.objects.in_environment(self.environment).filter(user=user)
        return self.page(factors, represent_factor)

    @describe(
        "Enroll a user in a factor",
        request=UserFactorInput,
        response=FactorEnrollmentObject,
        status=201,
        refusals=(404,),
    )
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).require(user_id)
        fields = self.read(UserFactorInput)
        enrollment = services.enroll_totp_factor(
            environment=self.environment,
            user=user,
            issuer=fields.get("totp_issuer", ""),
            account_name=fields.get("totp_user", ""),
            secret=fields.get("totp_secret", ""),
        )
        challenge = services.challenge_factor(factor=enrollment.factor)
        answer: FactorEnrollmentObject = {
            "authentication_factor": represent_factor_with_secret(enrollment.factor),
            "authentication_challenge": represent_challenge(challenge, enrollment.factor),
        }
        if enrollment.recovery_codes:
            answer["recovery_codes"] = enrollment.recovery_codes
        return reply(answer, 201)


class UserRecoveryCodes(UserManagementView):
    """POST /user_management/users/{id}/recovery_codes."""

    @describe("Replace a user's recovery codes", response=RecoveryCodesObject, status=201, refusals=(404,))
    def post(self, _request: HttpRequest, user_id: str) -> HttpResponse:
        user = User.objects.in_environment(self.environment).require(user_id)
        codes = services.regenerate_recovery_codes(user=user)
        return reply({"object": "recovery_codes", "user_id": user.id, "codes": codes}, 201)
