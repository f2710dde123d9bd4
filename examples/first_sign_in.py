"""The first sign-in, with the current official SDK: pip install workos (10.x)."""

import os

import jwt
from workos import WorkOSClient
from workos.organization_membership import RoleSingle
from workos.organizations.models import OrganizationDomainData
from workos.user_management import PasswordPlaintext

workos = WorkOSClient(base_url=os.environ.get("WORKOS_BASE_URL", "http://localhost:8000"))
users, password = workos.user_management, "correct horse battery staple"

domain = OrganizationDomainData(domain="acme.test", state="verified")
acme = workos.organizations.create_organization(name="Acme", domain_data=[domain])
ada = users.create_user(
    email=f"ada+{acme.id.lower()}@acme.test",
    password=PasswordPlaintext(password=password),
    email_verified=True,
)
workos.organization_membership.create_organization_membership(
    user_id=ada.id, organization_id=acme.id, role=RoleSingle(role_slug="admin")
)

signed_in = users.authenticate_with_password(email=ada.email, password=password)
key = jwt.PyJWKClient(users.get_jwks_url()).get_signing_key_from_jwt(signed_in.access_token)
claims = jwt.decode(signed_in.access_token, key, algorithms=["RS256"])
print("signed in:", claims["sub"], "of", claims["org_id"], "as", claims["role"])

refreshed = users.authenticate_with_refresh_token(refresh_token=signed_in.refresh_token)
print("refreshed:", refreshed.access_token != signed_in.access_token)
print("sessions:", [session.id for session in users.list_sessions(ada.id).data])
print("log out in the browser at:", users.get_logout_url(session_id=claims["sid"]))
users.revoke_session(session_id=claims["sid"])
print("signed out")
