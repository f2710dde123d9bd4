"""The pages from an e-mail address to an authorization code."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from accounts.email_addresses import normalize_email
from accounts.errors import EmailAlreadyVerified
from authentication import services
from authentication.engine import Step
from authentication.errors import (
    AuthenticationMethodNotAllowed,
    InvalidCredentials,
    InvalidOneTimeCode,
    InvalidOrganizationChoice,
    OneTimeCodeExpired,
    OneTimeCodePreviouslyUsed,
    OneTimeCodeTooManyAttempts,
    PasswordAuthenticationDisabled,
    ReauthenticationRequired,
)
from authentication.models import SignInEnding
from authentication.pages import cookies, limits
from authentication.pages.bot_check import looks_like_a_bot, show_with_check
from authentication.pages.cookies import Progress
from authentication.pages.forms import EmailForm, OneTimeCodeForm, OrganizationForm, PasswordForm
from authentication.pages.plumbing import SignInPage
from authentication.services import Authenticated, FirstProof, Outcome, StepRequired, WaitingSignIn
from environments.models import AuthenticationSettings
from organizations.models import Invitation
from sso.connection_types import ConnectionType
from sso.models import Connection
from sso.oauth.catalogue import PROVIDERS

# Which page asks for what the engine wants next.
PAGE_OF_STEP = {
    Step.SSO: "sign-in-another-way",
    Step.ALLOWED_METHOD: "sign-in-another-way",
    Step.EMAIL_VERIFICATION: "sign-in-verify-email",
    Step.ORGANIZATION_SELECTION: "sign-in-organization",
    Step.MFA_CHALLENGE: "sign-in-second-factor",
    Step.MFA_ENROLLMENT: "sign-in-enroll",
}

# Where these are what comes first, an address would lead nowhere.
_TAKE_NO_EMAIL = {FirstProof.NOTHING_ALLOWED, FirstProof.PASSKEY}

# What a complete sign-in alone does not settle: it is put to its use by a page that comes after.
_ASKS_MORE = {SignInEnding.DEVICE, SignInEnding.INVITATION}


def follow(page: SignInPage, outcome: Outcome) -> HttpResponse:
    """Send the browser where the engine says."""
    name, token = place_of(outcome)
    return page.go_to(name, Progress(page.progress.email, token))


def place_of(outcome: Outcome) -> tuple[str, str]:
    """Return the name of the page where a sign-in goes on, and its token."""
    if not isinstance(outcome, StepRequired | Authenticated):
        message = "A sign-in on the pages ends in a code, not in tokens."
        raise TypeError(message)
    name = PAGE_OF_STEP[outcome.step] if isinstance(outcome, StepRequired) else "sign-in-continue"
    return name, outcome.pending_authentication_token


def leave_for(page: SignInPage, connection: Connection, progress: Progress) -> HttpResponse:
    """Send the browser to an identity provider, by a page that goes on by itself.

    Chromium holds form-action against every redirect that follows a form, the one to the provider among them.
    """
    url = services.leave_for_connection(
        page.authorization, page.handle, connection, login_hint=progress.email
    )
    response = page.show("to_provider.html", {"target": url, "connection": connection})
    cookies.write_progress(response, page.handle, progress)
    return response


def send_magic_auth(page: SignInPage, email: str, **parameters: str) -> HttpResponse:
    """Mail a sign-in code, and send the browser where it is asked for."""
    limits.count_code_request(page.request, page.environment, email)
    invitation = page.invitation()
    try:
        services.request_magic_auth_on_page(
            environment=page.environment,
            email=email,
            invitation_token=None if invitation is None else invitation.token,
            look=page.look(),
        )
    except AuthenticationMethodNotAllowed:
        return page.go_to("sign-in")
    return page.go_to("sign-in-code", Progress(email), **parameters)


class SignIn(SignInPage):
    """GET, POST /sign-in: who is it? A browser that is signed in already is not asked."""

    def get(self, request: HttpRequest) -> HttpResponse:
        answer = None if request.GET.get("account") == "other" else self._by_hosted_session()
        if answer is not None:
            return answer
        invitation = self.invitation()
        invited = "" if invitation is None else invitation.email
        hint = self.progress.email or self.authorization.login_hint or invited
        return self._show(EmailForm(initial={"email": hint}), notice=request.GET.get("notice", ""))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = EmailForm(request.POST)
        is_refused = form.is_valid() and looks_like_a_bot(self)
        if is_refused or not form.is_valid():
            return self._show(form, status=422, is_refused=is_refused)
        email = form.cleaned_data["email"]
        invitation = self.invitation()
        if invitation is not None and not invitation.is_for(normalize_email(email)):
            form.refuse("email", words_for_other_email(invitation.email))
            return self._show(form, status=422)
        connection = services.connection_for_email(self.environment, email)
        if connection is not None:
            limits.count_sso_sign_in(request, email)
            return leave_for(self, connection, Progress(email))
        return self._ask_for_proof(email, invitation)

    def _ask_for_proof(self, email: str, invitation: Invitation | None) -> HttpResponse:
        """Send the browser where the first proof is asked for."""
        proof = services.first_proof(self.settings(), invitation=invitation, email=email)
        if self._is_sign_up():
            # New or known, the mailbox is what is proven: the page tells nobody who has an account.
            proof = services.sign_up_proof(self.settings()) or proof
        return self._ask_for(proof, email)

    def _ask_for(self, proof: FirstProof, email: str) -> HttpResponse:
        if proof is FirstProof.NOTHING_ALLOWED:
            return self._nothing_allowed()
        if proof is FirstProof.PASSKEY:
            return self.go_to("sign-in-passkey")
        if proof is FirstProof.MAGIC_AUTH:
            return send_magic_auth(self, email)
        if proof is FirstProof.FIRST_PASSWORD:
            return self._send_first_password(email)
        return self.go_to("sign-in-password", Progress(email))

    def _is_sign_up(self) -> bool:
        settings = self.settings()
        wanted = self.request.GET.get("screen", self.authorization.screen_hint)
        return wanted == "sign-up" and _takes_sign_ups(settings)

    def _send_first_password(self, email: str) -> HttpResponse:
        limits.count_code_request(self.request, self.environment, email)
        # A link that leads on into an application would end there in the wrong browser, if the mail is read elsewhere.
        goes_on = self.authorization.ending == SignInEnding.INVITATION
        services.request_first_password_on_page(
            environment=self.environment,
            email=email,
            handle=self.handle if goes_on else "",
            invitation_token=self.authorization.invitation_token or None,
            look=self.look(),
        )
        return self.show("forgot_sent.html", {"email": email})

    def _by_hosted_session(self) -> HttpResponse | None:
        hosted_session = self.hosted_session()
        if hosted_session is None:
            return None
        outcome = services.sign_in_by_hosted_session(
            request=self.authorization, hosted_session=hosted_session, origin=self.origin
        )
        if outcome is None:
            return None
        if isinstance(outcome, Authenticated) and self.authorization.ending not in _ASKS_MORE:
            # Nothing was asked: straight on. No form was sent, so form-action has no say in this redirect.
            finished = services.finish_sign_in(
                request=self.authorization,
                pending_authentication_token=outcome.pending_authentication_token,
                former_secret=None,
            )
            return HttpResponseRedirect(finished.url)
        return follow(self, outcome)

    def _show(
        self, form: EmailForm, *, notice: str = "", status: int = 200, is_refused: bool = False
    ) -> HttpResponse:
        proof = services.first_proof(self.settings())
        providers = self._providers()
        if proof is FirstProof.NOTHING_ALLOWED and not providers:
            return self._nothing_allowed()
        notices = {
            "expired": _("That took too long, or was finished in another tab. Please sign in again."),
            "again": _("For your security, please sign in again."),
        }
        is_once_more = services.is_once_more(self.authorization)
        settings, is_sign_up = self.settings(), self._is_sign_up()
        may_sign_up = _takes_sign_ups(settings) and not is_once_more
        takes_passkeys = services.are_passkeys_on(settings) and not is_sign_up
        if takes_passkeys:
            # Browsers offer passkeys among what they fill in here (WebAuthn, "conditional mediation").
            form.fields["email"].widget.attrs["autocomplete"] = "username webauthn"
        context = {
            "ending": self.authorization.ending,
            "invitation": self.invitation(),
            "takes_email": proof not in _TAKE_NO_EMAIL,
            "providers": providers,
            "takes_passkeys": takes_passkeys,
            "passkey_url": self.url_of("sign-in-passkey"),
            "passkey_options_url": self.url_of("sign-in-passkey-options"),
            "is_sign_up": is_sign_up,
            "sign_in_url": self.url_of("sign-in", screen="sign-in"),
            "sign_up_url": self.url_of("sign-in", screen="sign-up") if may_sign_up else "",
            "form": form,
            "is_once_more": is_once_more,
            "notice": notices.get(notice, ""),
            "cancel_url": self.url_of("sign-in-cancel"),
        }
        return show_with_check(self, "sign_in.html", context, status, is_refused=is_refused)

    def _providers(self) -> list[tuple[str, str]]:
        """Return the social providers by name, and where each of their buttons leads."""
        if services.is_once_more(self.authorization):
            # Whoever is signed in there is not asked again, and has then proven nothing now.
            return []
        handle = urlencode({"request": self.handle})
        return [
            (
                PROVIDERS[ConnectionType(row.connection_type)].label,
                f"{reverse('sign-in-through', args=[row.id])}?{handle}",
            )
            for row in services.list_social_connections(self.settings())
        ]

    def _nothing_allowed(self) -> HttpResponse:
        return self.refusal_page(
            _("Signing in is not possible here"),
            _("No way to sign in is switched on. Ask the people who run this application for help."),
            status=403,
        )


def _takes_sign_ups(settings: AuthenticationSettings) -> bool:
    return settings.sign_up_enabled and services.sign_up_proof(settings) is not None


class Password(SignInPage):
    """GET, POST /sign-in/password."""

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        return None if self.progress.email else self.go_to("sign-in")

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(PasswordForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = PasswordForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        email = self.progress.email
        limits.count_sign_in(request, self.environment, email)
        try:
            outcome = services.sign_in_with_password(
                environment=self.environment,
                actor=self.actor,
                origin=self.origin,
                email=email,
                password=form.cleaned_data["password"],
            )
        except InvalidCredentials:
            limits.count_failed_sign_in(request, self.environment)
            # The same words whoever it is, and whatever was wrong.
            form.refuse("password", _("The email address or the password is not right. Try again."))
            return self._show(form, status=422)
        except PasswordAuthenticationDisabled:
            return self.go_to("sign-in")
        limits.forget_sign_ins(request, self.environment, email)
        response = follow(self, outcome)
        if request.POST.get("makes_passkeys") == "1":
            cookies.note_makes_passkeys(response)
        cookies.remember_address(request, response, self.environment, email)
        return response

    def _show(self, form: PasswordForm, status: int = 200) -> HttpResponse:
        context = {
            "form": form,
            "forgot_url": self.url_of("sign-in-forgot"),
            "code_url": self.url_of("sign-in-code") if self.settings().magic_auth_enabled else "",
            "takes_passkeys": services.are_passkeys_on(self.settings()),
        }
        return self.show("password.html", context, status)


class StepPage(SignInPage):
    """A page that asks for one step; a browser that is at another one is sent there (back button, second tab)."""

    step: Step
    waiting: WaitingSignIn

    def prepare(self, request: HttpRequest) -> HttpResponseBase | None:
        super().prepare(request)
        self.waiting = services.require_waiting_sign_in(
            environment=self.environment,
            pending_authentication_token=self.progress.pending_authentication_token,
        )
        if self.waiting.step is self.step:
            return None
        name = "sign-in-continue" if self.waiting.step is None else PAGE_OF_STEP[self.waiting.step]
        return self.go_to(name)


class VerifyEmail(StepPage):
    """GET, POST /sign-in/verify-email: the code that was mailed to whoever has the password."""

    step = Step.EMAIL_VERIFICATION

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._show(OneTimeCodeForm(), was_sent="sent" in request.GET)

    def post(self, request: HttpRequest) -> HttpResponse:
        if "resend" in request.POST:
            return self._send_another(request)
        form = OneTimeCodeForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        limits.count_code_entry(request, self.progress.pending_authentication_token)
        try:
            outcome = services.sign_in_with_email_verification(
                environment=self.environment,
                actor=self.actor,
                origin=self.origin,
                one_time_code=form.cleaned_data["code"],
                pending_authentication_token=self.progress.pending_authentication_token,
            )
        except (
            InvalidOneTimeCode,
            OneTimeCodeExpired,
            OneTimeCodePreviouslyUsed,
            OneTimeCodeTooManyAttempts,
        ) as refusal:
            form.refuse("code", words_for_code(refusal))
            return self._show(form, status=422)
        return follow(self, outcome)

    def _send_another(self, request: HttpRequest) -> HttpResponse:
        limits.count_code_request(request, self.environment, self.waiting.user.email)
        try:
            services.send_another_verification_code(
                environment=self.environment,
                pending_authentication_token=self.progress.pending_authentication_token,
            )
        except EmailAlreadyVerified:
            return self.go_to("sign-in-verify-email")
        return self.go_to("sign-in-verify-email", sent="1")

    def _show(self, form: OneTimeCodeForm, *, was_sent: bool = False, status: int = 200) -> HttpResponse:
        context = {"form": form, "was_sent": was_sent, "email": self.waiting.user.email}
        return self.show("verify_email.html", context, status)


def words_for_other_email(invited: str) -> str:
    """Say whose invitation it is to whoever wants to use it with another address."""
    return _(
        "This invitation is for %(email)s. Continue with that address, or ask for an invitation to yours."
    ) % {"email": invited}


def words_for_code(refusal: Exception) -> str:
    """Say what is wrong with a one-time code, and what helps."""
    words: dict[type[Exception], str] = {
        OneTimeCodeExpired: _("This code has expired. Ask for a new one below."),
        OneTimeCodePreviouslyUsed: _("This code was used before. Ask for a new one below."),
        OneTimeCodeTooManyAttempts: _("Too many wrong codes were tried. Ask for a new one below."),
    }
    return words.get(type(refusal), _("This code is not right. Check it and try again."))


class ChooseOrganization(StepPage):
    """GET, POST /sign-in/organization: which of the organizations that the person belongs to."""

    step = Step.ORGANIZATION_SELECTION

    def get(self, _request: HttpRequest) -> HttpResponse:
        return self._show(OrganizationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = OrganizationForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=422)
        try:
            outcome = services.sign_in_with_organization(
                environment=self.environment,
                organization_id=form.cleaned_data["organization_id"],
                pending_authentication_token=self.progress.pending_authentication_token,
            )
        except InvalidOrganizationChoice:
            form.refuse("organization_id", _("You cannot sign in to this organization. Choose another one."))
            return self._show(form, status=422)
        return follow(self, outcome)

    def _show(self, form: OrganizationForm, status: int = 200) -> HttpResponse:
        organizations = [membership.organization for membership in self.waiting.memberships]
        return self.show("organization.html", {"form": form, "organizations": organizations}, status)


class Continue(SignInPage):
    """GET /sign-in/continue: nothing is missing any more, and the sign-in is put to its use."""

    def get(self, request: HttpRequest) -> HttpResponse:
        token = self.progress.pending_authentication_token
        waiting = services.require_waiting_sign_in(
            environment=self.environment, pending_authentication_token=token
        )
        if waiting.step is not None:
            return self.go_to(PAGE_OF_STEP[waiting.step])
        # Only to browsers that can make one: to the others it would be a page in their way.
        if cookies.makes_passkeys(request) and services.offers_passkey(
            request=self.authorization, pending_authentication_token=token
        ):
            return self.go_to("sign-in-passkey-offer")
        if self.authorization.ending == SignInEnding.DEVICE:
            return self.go_to("device-confirm")
        if self.authorization.ending == SignInEnding.INVITATION:
            return self._join(request, token)
        return self._back_to_the_application(request, token)

    def _back_to_the_application(self, request: HttpRequest, token: str) -> HttpResponse:
        """Show a page that goes on by itself with the code.

        Not a redirect: Chromium holds the policy's form-action against every redirect that follows a form, those of
        the application's own callback among them.
        """
        try:
            finished = services.finish_sign_in(
                request=self.authorization,
                pending_authentication_token=token,
                former_secret=cookies.read_hosted_secret(request, self.environment),
            )
        except ReauthenticationRequired:
            return self.go_to("sign-in", Progress(self.progress.email), notice="again")
        response = self.show("continue.html", {"target": finished.url})
        if finished.hosted_secret is not None:
            cookies.write_hosted_secret(response, self.environment, finished.hosted_secret)
        return response

    def _join(self, request: HttpRequest, token: str) -> HttpResponse:
        secret = services.join_by_invitation(
            request=self.authorization,
            pending_authentication_token=token,
            former_secret=cookies.read_hosted_secret(request, self.environment),
        )
        response = self.go_to("invite-joined")
        if secret is not None:
            cookies.write_hosted_secret(response, self.environment, secret)
        return response


class Cancel(SignInPage):
    """GET /sign-in/cancel: back to where the person came from, without having signed in."""

    def get(self, _request: HttpRequest) -> HttpResponse:
        if self.authorization.ending == SignInEnding.DEVICE:
            return HttpResponseRedirect(reverse("device"))
        if self.authorization.ending == SignInEnding.INVITATION:
            query = urlencode({"invitation_token": self.authorization.invitation_token})
            return HttpResponseRedirect(f"{reverse('invite')}?{query}")
        return HttpResponseRedirect(services.decline_authorization_request(self.authorization))
