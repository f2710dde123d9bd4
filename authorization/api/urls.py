from django.urls import path

from authorization.api import views

_OF_ORGANIZATION = "authorization/organizations/<str:organization_id>/roles"

urlpatterns = [
    path("authorization/permissions", views.PermissionCollection.as_view()),
    path("authorization/permissions/<str:slug>", views.PermissionItem.as_view()),
    path("authorization/roles", views.RoleCollection.as_view()),
    path("authorization/roles/<str:slug>", views.RoleItem.as_view()),
    path("authorization/roles/<str:slug>/permissions", views.RolePermissions.as_view()),
    path(_OF_ORGANIZATION, views.OrganizationRoleCollection.as_view()),
    path(f"{_OF_ORGANIZATION}/<str:slug>", views.OrganizationRoleItem.as_view()),
    path(f"{_OF_ORGANIZATION}/<str:slug>/permissions", views.OrganizationRolePermissions.as_view()),
    path(
        f"{_OF_ORGANIZATION}/<str:slug>/permissions/<str:permission_slug>",
        views.OrganizationRolePermissionItem.as_view(),
    ),
    path("organizations/<str:organization_id>/roles", views.OrganizationRoles.as_view()),
]
