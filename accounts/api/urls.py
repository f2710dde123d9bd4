from django.urls import path

from accounts.api import factor_views, views

urlpatterns = [
    path("user_management/users", views.UserCollection.as_view()),
    # The product chooses external ids; they may hold slashes.
    path("user_management/users/external_id/<path:external_id>", views.UserByExternalId.as_view()),
    path("user_management/users/<str:user_id>", views.UserItem.as_view()),
    path("user_management/users/<str:user_id>/identities", views.UserIdentities.as_view()),
    path(
        "user_management/users/<str:user_id>/email_verification/send", views.SendEmailVerification.as_view()
    ),
    path(
        "user_management/users/<str:user_id>/email_verification/confirm",
        views.ConfirmEmailVerification.as_view(),
    ),
    path("user_management/users/<str:user_id>/email_change/send", views.SendEmailChange.as_view()),
    path("user_management/users/<str:user_id>/email_change/confirm", views.ConfirmEmailChange.as_view()),
    path(
        "user_management/email_verification/<str:email_verification_id>",
        views.EmailVerificationItem.as_view(),
    ),
    path("auth/factors/enroll", factor_views.EnrollFactor.as_view()),
    path("auth/factors/verify", factor_views.VerifyNamedChallenge.as_view()),
    path("auth/factors/<str:factor_id>", factor_views.FactorItem.as_view()),
    path("auth/factors/<str:factor_id>/challenge", factor_views.ChallengeFactor.as_view()),
    path("auth/challenges/<str:challenge_id>/verify", factor_views.VerifyChallenge.as_view()),
    path("user_management/users/<str:user_id>/auth_factors", factor_views.UserFactors.as_view()),
    path("user_management/users/<str:user_id>/recovery_codes", factor_views.UserRecoveryCodes.as_view()),
]
