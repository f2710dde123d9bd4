from django.urls import path

from authentication.pages import (
    another_way,
    devices,
    invitations,
    looks,
    mailbox,
    passkeys,
    second_factor,
    sign_in,
)
from authentication.pages.account import overview, profile

urlpatterns = [
    path("sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/password", sign_in.Password.as_view(), name="sign-in-password"),
    path("sign-in/code", mailbox.SignInCode.as_view(), name="sign-in-code"),
    path("sign-in/passkey", passkeys.Passkey.as_view(), name="sign-in-passkey"),
    path("sign-in/passkey/options", passkeys.PasskeyOptions.as_view(), name="sign-in-passkey-options"),
    path("sign-in/forgot-password", mailbox.ForgotPassword.as_view(), name="sign-in-forgot"),
    path("reset-password", mailbox.ResetPassword.as_view(), name="reset-password"),
    path("sign-in/verify-email", sign_in.VerifyEmail.as_view(), name="sign-in-verify-email"),
    path("sign-in/organization", sign_in.ChooseOrganization.as_view(), name="sign-in-organization"),
    path("sign-in/second-factor", second_factor.Challenge.as_view(), name="sign-in-second-factor"),
    path("sign-in/enroll", second_factor.Enroll.as_view(), name="sign-in-enroll"),
    path("sign-in/another-way", another_way.AnotherWay.as_view(), name="sign-in-another-way"),
    path("sign-in/continue", sign_in.Continue.as_view(), name="sign-in-continue"),
    path("sign-in/cancel", sign_in.Cancel.as_view(), name="sign-in-cancel"),
    path("account", overview.Account.as_view(), name="account"),
    path("account/profile", profile.Profile.as_view(), name="account-profile"),
    path("account/sessions/others/end", overview.EndOthers.as_view(), name="account-end-others"),
    path("account/sessions/<str:session_id>/end", overview.EndSession.as_view(), name="account-end-session"),
    path("sign-in/refused", looks.SignInRefused.as_view(), name="sign-in-refused"),
    path("device", devices.Device.as_view(), name="device"),
    path("device/confirm", devices.ConfirmDevice.as_view(), name="device-confirm"),
    path("device/done", devices.DeviceDone.as_view(), name="device-done"),
    path("invite", invitations.Invite.as_view(), name="invite"),
    path("invite/joined", invitations.Joined.as_view(), name="invite-joined"),
    path("signed-out", looks.SignedOut.as_view(), name="signed-out"),
    path("branding/<str:client_id>.css", looks.Stylesheet.as_view(), name="branding-stylesheet"),
    path("branding/<str:client_id>/logo", looks.Logo.as_view(), name="branding-logo"),
    path(
        "branding/<str:client_id>/<str:organization_id>.css",
        looks.Stylesheet.as_view(),
        name="organization-stylesheet",
    ),
    path(
        "branding/<str:client_id>/<str:organization_id>/logo",
        looks.Logo.as_view(),
        name="organization-logo",
    ),
]
