from django.urls import path

from authentication.pages import (
    another_way,
    devices,
    identity_providers,
    invitations,
    looks,
    mailbox,
    passkeys,
    provider_logouts,
    second_factor,
    sign_in,
)
from authentication.pages.account import email, identities, overview, password, profile, second_steps
from authentication.pages.account import passkeys as account_passkeys

urlpatterns = [
    path("sign-in", sign_in.SignIn.as_view(), name="sign-in"),
    path("sign-in/password", sign_in.Password.as_view(), name="sign-in-password"),
    path("sign-in/code", mailbox.SignInCode.as_view(), name="sign-in-code"),
    path("sign-in/passkey", passkeys.Passkey.as_view(), name="sign-in-passkey"),
    path("sign-in/passkey/options", passkeys.PasskeyOptions.as_view(), name="sign-in-passkey-options"),
    path("sign-in/passkey-offer", passkeys.PasskeyOffer.as_view(), name="sign-in-passkey-offer"),
    path(
        "sign-in/passkey-offer/options",
        passkeys.PasskeyOfferOptions.as_view(),
        name="sign-in-passkey-offer-options",
    ),
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
    path("account/email", email.Email.as_view(), name="account-email"),
    path("account/email/code", email.EmailCode.as_view(), name="account-email-code"),
    path("account/password", password.Password.as_view(), name="account-password"),
    path(
        "account/authenticators/add",
        second_steps.AddAuthenticator.as_view(),
        name="account-add-authenticator",
    ),
    path(
        "account/authenticators/<str:factor_id>/remove",
        second_steps.RemoveFactor.as_view(),
        name="account-remove-factor",
    ),
    path("account/recovery-codes", second_steps.RecoveryCodes.as_view(), name="account-recovery-codes"),
    path("account/passkeys/add", account_passkeys.AddPasskey.as_view(), name="account-add-passkey"),
    path(
        "account/passkeys/options", account_passkeys.PasskeyOptions.as_view(), name="account-passkey-options"
    ),
    path("account/passkeys/<str:passkey_id>", account_passkeys.PasskeyItem.as_view(), name="account-passkey"),
    path(
        "account/passkeys/<str:passkey_id>/remove",
        account_passkeys.RemovePasskey.as_view(),
        name="account-remove-passkey",
    ),
    path(
        "account/linked/<str:identity_id>/unlink", identities.UnlinkIdentity.as_view(), name="account-unlink"
    ),
    path("account/sessions/others/end", overview.EndOthers.as_view(), name="account-end-others"),
    path("account/sessions/<str:session_id>/end", overview.EndSession.as_view(), name="account-end-session"),
    path("sign-in/refused", looks.SignInRefused.as_view(), name="sign-in-refused"),
    path("device", devices.Device.as_view(), name="device"),
    path("device/confirm", devices.ConfirmDevice.as_view(), name="device-confirm"),
    path("device/done", devices.DeviceDone.as_view(), name="device-done"),
    path("invite", invitations.Invite.as_view(), name="invite"),
    path("invite/joined", invitations.Joined.as_view(), name="invite-joined"),
    path("sign-in/through/<str:connection_id>", identity_providers.Through.as_view(), name="sign-in-through"),
    path("sso/start", identity_providers.Start.as_view(), name="sso-start"),
    path("sso/saml/<str:connection_id>/acs", identity_providers.SAMLCallback.as_view()),
    path("sso/saml/<str:connection_id>/slo", provider_logouts.SAMLLogout.as_view()),
    path("sso/oidc/<str:connection_id>/logout-callback", provider_logouts.OIDCLogoutCallback.as_view()),
    path("sso/oidc/<str:connection_id>/backchannel-logout", provider_logouts.BackchannelLogout.as_view()),
    path("passwordless/<str:token>/confirm", identity_providers.PasswordlessLink.as_view()),
    path("sso/saml/<str:connection_id>/metadata", identity_providers.SAMLMetadata.as_view()),
    path("sso/oidc/<str:connection_id>/callback", identity_providers.OIDCCallback.as_view()),
    path("sso/oauth/<str:connection_id>/callback", identity_providers.OAuthCallback.as_view()),
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
