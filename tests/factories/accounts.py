"""Users and what belongs to them."""

from itertools import count
from typing import Unpack

from accounts import services
from accounts.models import AuthenticationFactor, EmailVerification, Identity, Passkey, User
from accounts.services import UserChanges
from environments.models import Environment
from foundation.actors import SYSTEM
from tests.software_authenticator import SoftwareAuthenticator

PASSWORD = "correct horse battery staple 42"

_number = count(1)


def make_user(environment: Environment, **fields: Unpack[UserChanges]) -> User:
    fields.setdefault("email", f"person{next(_number)}@example.com")
    return services.create_user(environment=environment, actor=SYSTEM, **fields)


def make_identity(
    user: User, provider: str = "GoogleOAuth", idp_id: str = "", email: str | None = None
) -> Identity:
    return services.ensure_identity(
        user=user,
        provider=provider,
        idp_id=idp_id or f"subject-{next(_number)}",
        email=user.email if email is None else email,
    )


def make_email_verification(user: User) -> EmailVerification:
    return services.create_email_verification(user=user, actor=SYSTEM)


def make_totp_factor(user: User, secret: str = "") -> AuthenticationFactor:
    return services.enroll_totp_factor(environment=user.environment, user=user, secret=secret).factor


def make_passkey(user: User, authenticator: SoftwareAuthenticator | None = None) -> Passkey:
    authenticator = authenticator or SoftwareAuthenticator()
    options = services.begin_passkey_registration(user=user, product_name="Acme", browser_secret="browser")
    return services.register_passkey(
        user=user,
        browser_secret="browser",
        answer=authenticator.create(options),
        device="Chrome on Linux",
        actor=SYSTEM,
    )


def make_sms_factor(user: User, phone_number: str = "+15005550006") -> AuthenticationFactor:
    return services.enroll_sms_factor(
        environment=user.environment, user=user, phone_number=phone_number
    ).factor
