"""One of everything that the admin shows."""

from typing import Any

from accounts.services import ensure_identity
from authentication.models import Session
from authentication.services import Origin, set_jwt_template, sign_in_with_password
from authorization.models import Role
from authorization.services import create_permission, create_role
from environments import services as environments
from environments.models import APIKey, Environment, RedirectURI, SigningKey
from events.models import Event
from events.services import queue_mail
from foundation.actors import SYSTEM
from organizations import services as organizations
from sso.models import IdPCertificate, KeyPairUse, OAuthProvider, SandboxIdentityProvider
from sso.test_idp.services import ensure_test_idp
from tests.factories.accounts import make_passkey, make_totp_factor, make_user
from tests.factories.organizations import (
    make_domain,
    make_group,
    make_invitation,
    make_membership,
    make_organization,
    set_policy,
)
from tests.factories.sso import make_oauth_connection, make_profile, make_saml_connection, make_sso_session

USER_PASSWORD = "correct horse 9 battery staple"


def one_of_everything(environment: Environment, tag: str) -> dict[str, Any]:
    """Return a row of each model by its place in the admin; ``tag`` keeps the names of two worlds apart."""
    organization = make_organization(environment, f"Organization {tag}")
    user = make_user(environment, email=f"{tag}@example.com", password=USER_PASSWORD, email_verified=True)
    membership = make_membership(organization, user)
    group = make_group(organization, f"Group {tag}")
    organizations.add_group_member(group=group, actor=SYSTEM, membership_id=membership.pk)
    permission = create_permission(
        environment=environment, actor=SYSTEM, slug=f"{tag}:read", name=f"Read {tag}"
    )
    issued = organizations.create_organization_api_key(
        organization=organization, actor=SYSTEM, name=f"Key {tag}", permissions=[permission.slug]
    )
    environments.create_api_key(environment=environment, name=f"Server {tag}")
    sign_in_with_password(
        environment=environment,
        actor=SYSTEM,
        origin=Origin("203.0.113.7", "Test"),
        email=user.email,
        password=USER_PASSWORD,
    )
    mail = queue_mail(
        environment=environment,
        kind="magic_auth",
        recipient=user.email,
        sender="Gatehouse <no-reply@gatehouse.test>",
        subject=f"Subject {tag}",
        text=f"Text {tag}",
        html=f"<p>Text {tag}</p>",
    )
    connection = make_saml_connection(organization, name=f"Connection {tag}")
    profile = make_profile(connection, f"{tag}@example.com")
    ensure_test_idp(environment)
    # An environment has one connection of a kind, and this may be its second world.
    social_rows = OAuthProvider.objects.in_environment(environment)
    social = social_rows.first() or make_oauth_connection(environment).oauth_provider
    return {
        "accounts/user": user,
        "accounts/identity": ensure_identity(user=user, provider="GoogleOAuth", idp_id=f"subject-{tag}"),
        "accounts/authenticationfactor": make_totp_factor(user),
        "accounts/passkey": make_passkey(user),
        "authentication/session": Session.objects.in_environment(environment).get(user=user),
        "authentication/jwttemplate": set_jwt_template(
            environment=environment, content='{"claim": "{{ user.email }}"}'
        ),
        "authorization/permission": permission,
        "authorization/role": create_role(
            environment=environment, actor=SYSTEM, name=f"Role {tag}", organization=organization
        ),
        "environments/apikey": APIKey.objects.in_environment(environment).get(name=f"Server {tag}"),
        "environments/authenticationsettings": environment.authentication_settings,
        "environments/branding": environment.branding,
        "environments/mailsettings": environment.mail_settings,
        "environments/corsorigin": environments.add_cors_origin(
            environment=environment, origin=f"https://{tag}.example.com"
        ),
        "environments/redirecturi": RedirectURI.objects.in_environment(environment).get(),
        "environments/signingkey": SigningKey.objects.in_environment(environment).get(),
        "events/event": Event.objects.in_environment(environment)
        .filter(name="user.created")
        .get(object_id=user.pk),
        "events/mail": mail,
        "organizations/customerapikey": issued.api_key,
        "organizations/group": group,
        "organizations/invitation": make_invitation(environment, f"invitee@{tag}.example.com", organization),
        "organizations/organization": organization,
        "organizations/organizationbranding": organizations.update_organization_branding(
            organization=organization, changes={"product_name": f"Portal {tag}"}
        ),
        "organizations/organizationdomain": make_domain(organization, f"{tag}.com"),
        "organizations/organizationmembership": membership,
        "sso/connection": connection,
        "sso/idpcertificate": IdPCertificate.objects.in_environment(environment).get(connection=connection),
        "sso/oauthprovider": social,
        "sso/spkeypair": connection.own_key_pairs(KeyPairUse.SIGNING)[0],
        "sso/profile": profile,
        "sso/sandboxidentityprovider": SandboxIdentityProvider.objects.in_environment(environment).get(),
        "sso/ssosession": make_sso_session(profile),
        "organizations/organizationpolicy": set_policy(organization, session_maximum_seconds=86_400),
    }


def environment_roles(environment: Environment) -> dict[str, Role]:
    """Return the roles of an environment by slug."""
    return {role.slug: role for role in Role.objects.in_environment(environment).filter(organization=None)}
