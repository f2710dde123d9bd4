"""The operations that are served, each with the status of its success, as the vendor documents them.

The table is written out rather than derived: a status that changes by accident must disagree with something.
"""

import re

from drf_spectacular.generators import SchemaGenerator

# Placeholders are named by what stands before them, so they are compared by place alone.
OPERATIONS = """
POST   /auth/challenges/{id}/verify 201
POST   /auth/factors/enroll 201
GET    /auth/factors/{id} 200
DELETE /auth/factors/{id} 204
POST   /auth/factors/{id}/challenge 201
POST   /user_management/authenticate 200
GET    /user_management/authorize 302
POST   /user_management/authorize/device 200
GET    /user_management/email_verification/{id} 200
POST   /user_management/magic_auth 201
POST   /user_management/magic_auth/send 200
GET    /user_management/magic_auth/{id} 200
POST   /user_management/password_reset 201
POST   /user_management/password_reset/confirm 200
POST   /user_management/password_reset/send 201
GET    /user_management/password_reset/{id} 200
GET    /user_management/sessions/logout 302
POST   /user_management/sessions/revoke 200
GET    /user_management/users 200
POST   /user_management/users 201
GET    /user_management/users/external_id/{external_id} 200
GET    /user_management/users/{id} 200
PUT    /user_management/users/{id} 200
DELETE /user_management/users/{id} 200
POST   /user_management/users/{id}/email_change/confirm 200
POST   /user_management/users/{id}/email_change/send 200
POST   /user_management/users/{id}/email_verification/confirm 200
POST   /user_management/users/{id}/email_verification/send 200
GET    /user_management/users/{id}/identities 200
GET    /user_management/users/{id}/sessions 200
GET    /user_management/users/{userId}/auth_factors 200
POST   /user_management/users/{userId}/auth_factors 201
POST   /organization_domains 201
GET    /organization_domains/{id} 200
DELETE /organization_domains/{id} 204
POST   /organization_domains/{id}/verify 201
GET    /organizations 200
POST   /organizations 201
GET    /organizations/external_id/{external_id} 200
GET    /organizations/{id} 200
PUT    /organizations/{id} 200
DELETE /organizations/{id} 202
GET    /organizations/{organizationId}/groups 200
POST   /organizations/{organizationId}/groups 201
GET    /organizations/{organizationId}/groups/{groupId} 200
PATCH  /organizations/{organizationId}/groups/{groupId} 200
DELETE /organizations/{organizationId}/groups/{groupId} 204
GET    /organizations/{organizationId}/groups/{groupId}/organization-memberships 200
POST   /organizations/{organizationId}/groups/{groupId}/organization-memberships 200
DELETE /organizations/{organizationId}/groups/{groupId}/organization-memberships/{omId} 204
GET    /user_management/invitations 200
POST   /user_management/invitations 201
GET    /user_management/invitations/by_token/{token} 200
GET    /user_management/invitations/{id} 200
POST   /user_management/invitations/{id}/accept 200
POST   /user_management/invitations/{id}/resend 200
POST   /user_management/invitations/{id}/revoke 200
GET    /user_management/organization_memberships 200
POST   /user_management/organization_memberships 201
GET    /user_management/organization_memberships/{id} 200
PUT    /user_management/organization_memberships/{id} 200
DELETE /user_management/organization_memberships/{id} 200
PUT    /user_management/organization_memberships/{id}/deactivate 200
PUT    /user_management/organization_memberships/{id}/reactivate 200
GET    /user_management/organization_memberships/{omId}/groups 200
GET    /events 200
GET    /authorization/organizations/{organizationId}/roles 200
POST   /authorization/organizations/{organizationId}/roles 201
GET    /authorization/organizations/{organizationId}/roles/{slug} 200
PATCH  /authorization/organizations/{organizationId}/roles/{slug} 200
DELETE /authorization/organizations/{organizationId}/roles/{slug} 204
POST   /authorization/organizations/{organizationId}/roles/{slug}/permissions 200
PUT    /authorization/organizations/{organizationId}/roles/{slug}/permissions 200
DELETE /authorization/organizations/{organizationId}/roles/{slug}/permissions/{permissionSlug} 200
GET    /authorization/permissions 200
POST   /authorization/permissions 201
GET    /authorization/permissions/{slug} 200
PATCH  /authorization/permissions/{slug} 200
DELETE /authorization/permissions/{slug} 204
GET    /authorization/roles 200
POST   /authorization/roles 201
GET    /authorization/roles/{slug} 200
PATCH  /authorization/roles/{slug} 200
POST   /authorization/roles/{slug}/permissions 200
PUT    /authorization/roles/{slug}/permissions 200
GET    /organizations/{organization_id}/roles 200
POST   /api_keys/validations 200
DELETE /api_keys/{id} 204
POST   /api_keys/{id}/expire 200
GET    /organizations/{organizationId}/api_keys 200
POST   /organizations/{organizationId}/api_keys 201
GET    /connections 200
GET    /connections/{id} 200
DELETE /connections/{id} 204
GET    /sso/authorize 302
GET    /sso/jwks/{clientId} 200
GET    /sso/logout 302
POST   /sso/logout/authorize 200
GET    /sso/profile 200
POST   /passwordless/sessions 201
POST   /passwordless/sessions/{id}/send 201
POST   /sso/token 200
GET    /user_management/cors_origins 200
POST   /user_management/cors_origins 201
GET    /user_management/jwt_template 200
PUT    /user_management/jwt_template 200
GET    /user_management/redirect_uris 200
POST   /user_management/redirect_uris 201
DELETE /user_management/redirect_uris/{id} 204
GET    /user_management/users/{userId}/api_keys 200
POST   /user_management/users/{userId}/api_keys 201
"""


def documented() -> dict[tuple[str, str], str]:
    table = {}
    for line in OPERATIONS.strip().splitlines():
        method, path, status = line.split()
        table[method, re.sub(r"{\w+}", "{}", path)] = status
    return table


def served() -> dict[tuple[str, str], set[str]]:
    schema = SchemaGenerator().get_schema(public=True)
    return {
        (method.upper(), re.sub(r"{\w+}", "{}", path)): {
            status for status in operation["responses"] if status < "400"
        }
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    }


def test_every_documented_operation_is_served_with_its_documented_status():
    found = served()

    assert {operation: found.get(operation) for operation in documented()} == {
        operation: {status} for operation, status in documented().items()
    }
