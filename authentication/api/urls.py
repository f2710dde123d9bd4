from django.urls import path

from authentication.api import mailbox_views, views

urlpatterns = [
    path("user_management/authenticate", views.Authenticate.as_view()),
    path("user_management/authorize", views.Authorize.as_view()),
    path("user_management/authorize/device", views.AuthorizeDevice.as_view()),
    path("user_management/magic_auth", mailbox_views.MagicAuthCollection.as_view()),
    path("user_management/magic_auth/send", mailbox_views.SendMagicAuth.as_view()),
    path("user_management/magic_auth/<str:magic_auth_id>", mailbox_views.MagicAuthItem.as_view()),
    path("user_management/password_reset", mailbox_views.PasswordResetCollection.as_view()),
    path("user_management/password_reset/send", mailbox_views.SendPasswordReset.as_view()),
    path("user_management/password_reset/confirm", mailbox_views.ConfirmPasswordReset.as_view()),
    path("user_management/password_reset/<str:password_reset_id>", mailbox_views.PasswordResetItem.as_view()),
    path("user_management/sessions/logout", views.Logout.as_view()),
    path("user_management/sessions/revoke", views.RevokeSession.as_view()),
    path("user_management/users/<str:user_id>/sessions", views.UserSessions.as_view()),
    path("user_management/jwt_template", views.JWTTemplate.as_view()),
]
