"""Views of passwordless sessions, which later versions of the contract have left behind."""

from django.http import HttpRequest, HttpResponse

from environments.api import limits
from environments.api.schema import describe
from environments.api.views import ApiView, reply
from sso import services
from sso.api.serializers import PasswordlessInput
from sso.models import PasswordlessSession
from sso.representations import (
    PasswordlessSentObject,
    PasswordlessSessionObject,
    represent_passwordless_session,
)


class PasswordlessSessions(ApiView):
    """POST /passwordless/sessions."""

    @describe(
        "Create a passwordless session",
        request=PasswordlessInput,
        response=PasswordlessSessionObject,
        status=201,
        refusals=(400,),
    )
    def post(self, _request: HttpRequest) -> HttpResponse:
        fields = self.read(PasswordlessInput)
        session = services.create_passwordless_session(
            environment=self.environment,
            email=fields["email"],
            redirect_uri=fields.get("redirect_uri", ""),
            state=fields.get("state"),
            expires_in=fields["expires_in"],
        )
        return reply(represent_passwordless_session(session), 201)


class SendPasswordlessSession(ApiView):
    """POST /passwordless/sessions/{id}/send."""

    @describe("Send a passwordless session", response=PasswordlessSentObject, status=201, refusals=(422, 429))
    def post(self, _request: HttpRequest, session_id: str) -> HttpResponse:
        rows = PasswordlessSession.objects.in_environment(self.environment).filter(pk=session_id)
        email = rows.values_list("email", flat=True).first()
        self.count(limits.PASSWORDLESS_SENDS, self.environment.id, email or session_id)
        services.send_passwordless_session(environment=self.environment, session_id=session_id)
        answer: PasswordlessSentObject = {"success": True}
        return reply(answer, 201)
