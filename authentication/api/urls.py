from django.urls import path

from authentication.api import views

urlpatterns = [
    path("user_management/authenticate", views.Authenticate.as_view()),
    path("user_management/authorize", views.Authorize.as_view()),
    path("user_management/sessions/logout", views.Logout.as_view()),
    path("user_management/sessions/revoke", views.RevokeSession.as_view()),
    path("user_management/users/<str:user_id>/sessions", views.UserSessions.as_view()),
    path("user_management/jwt_template", views.JWTTemplate.as_view()),
]
