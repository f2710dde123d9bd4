from django.urls import path

from organizations.api.views import api_keys, domains, groups, invitations, memberships, organizations

_GROUP = "organizations/<str:organization_id>/groups/<str:group_id>"
_MEMBERSHIP = "user_management/organization_memberships/<str:membership_id>"
_INVITATION = "user_management/invitations/<str:invitation_id>"

urlpatterns = [
    path("organizations", organizations.OrganizationCollection.as_view()),
    # An external id is any ASCII text, a slash included.
    path("organizations/external_id/<path:external_id>", organizations.OrganizationByExternalID.as_view()),
    path("organizations/<str:organization_id>", organizations.OrganizationItem.as_view()),
    path("organizations/<str:organization_id>/groups", groups.GroupCollection.as_view()),
    path(_GROUP, groups.GroupItem.as_view()),
    path(f"{_GROUP}/organization-memberships", groups.GroupMemberCollection.as_view()),
    path(f"{_GROUP}/organization-memberships/<str:membership_id>", groups.GroupMemberItem.as_view()),
    path("organization_domains", domains.OrganizationDomainCollection.as_view()),
    path("organization_domains/<str:domain_id>", domains.OrganizationDomainItem.as_view()),
    path("organization_domains/<str:domain_id>/verify", domains.VerifyOrganizationDomain.as_view()),
    # The spelling of a later reference.
    path("organization-domains", domains.OrganizationDomainCollection.as_view()),
    path("organization-domains/<str:domain_id>", domains.OrganizationDomainItem.as_view()),
    path("organization-domains/<str:domain_id>/verify", domains.VerifyOrganizationDomain.as_view()),
    path("user_management/organization_memberships", memberships.MembershipCollection.as_view()),
    path(_MEMBERSHIP, memberships.MembershipItem.as_view()),
    path(f"{_MEMBERSHIP}/deactivate", memberships.DeactivateMembership.as_view()),
    path(f"{_MEMBERSHIP}/reactivate", memberships.ReactivateMembership.as_view()),
    path(f"{_MEMBERSHIP}/groups", memberships.MembershipGroups.as_view()),
    path("organizations/<str:organization_id>/api_keys", api_keys.OrganizationAPIKeyCollection.as_view()),
    path("user_management/users/<str:user_id>/api_keys", api_keys.UserAPIKeyCollection.as_view()),
    path("api_keys/validations", api_keys.APIKeyValidation.as_view()),
    path("api_keys/<str:api_key_id>", api_keys.APIKeyItem.as_view()),
    path("api_keys/<str:api_key_id>/expire", api_keys.ExpireAPIKey.as_view()),
    path("user_management/invitations", invitations.InvitationCollection.as_view()),
    path(
        "user_management/invitations/by_token/<str:invitation_token>",
        invitations.InvitationByToken.as_view(),
    ),
    path(_INVITATION, invitations.InvitationItem.as_view()),
    path(f"{_INVITATION}/accept", invitations.AcceptInvitation.as_view()),
    path(f"{_INVITATION}/resend", invitations.ResendInvitation.as_view()),
    path(f"{_INVITATION}/revoke", invitations.RevokeInvitation.as_view()),
]
