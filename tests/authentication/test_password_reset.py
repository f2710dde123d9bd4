from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine

from accounts.models import PasswordReset, User
from accounts.services import update_user
from authentication import services
from authentication.errors import PasswordAuthenticationDisabled
from authentication.models import HostedSession
from environments.services import update_authentication_settings
from events.models import Mail
from foundation import clock
from foundation.actors import SYSTEM
from tests.authentication.browser import Browser
from tests.factories.accounts import PASSWORD, make_user
from tests.factories.environments import make_environment

PATH = "/user_management/password_reset"
EMAIL = "ada@example.com"
NEW = "a quite different passphrase 9"


def ask(api, email=EMAIL):
    answer = api.post(PATH, {"email": email})
    assert answer.status_code == 201, answer.content
    return answer.json()


def confirm(api, token, password=NEW):
    return api.post(f"{PATH}/confirm", {"token": token, "new_password": password})


def not_found(answer, token):
    assert answer.status_code == 404
    return answer.json() == {
        "code": "password_reset_token_not_found",
        "message": f"Could not locate user with provided token: '{token}'.",
    }


def mails(environment):
    return list(Mail.objects.in_environment(environment).order_by("id"))


def test_a_link_is_made_shown_and_mailed(api, environment, user, last_event, settings):
    body = ask(api)

    row = PasswordReset.objects.in_environment(environment).get()
    token = body["password_reset_token"]
    assert body == {
        "object": "password_reset",
        "id": row.id,
        "user_id": user.id,
        "email": EMAIL,
        "password_reset_token": token,
        "password_reset_url": f"{settings.BASE_URL}/reset-password?token={token}",
        "expires_at": clock.iso(row.expires_at),
        "created_at": clock.iso(row.created_at),
    }
    assert len(token) == 25
    assert row.expires_at - row.created_at == timedelta(hours=1)
    secrets = {"password_reset_token", "password_reset_url"}
    assert last_event("password_reset.created")["data"] == {
        name: value for name, value in body.items() if name not in secrets
    }
    (mail,) = mails(environment)
    assert (mail.recipient, mail.kind) == (EMAIL, "password_reset")
    assert body["password_reset_url"] in mail.text
    assert body["password_reset_url"] in mail.html


def test_the_link_comes_from_the_settings_whatever_host_is_named(api, environment, user, settings):
    settings.ALLOWED_HOSTS = ["*"]
    body = api.post(
        PATH, {"email": EMAIL}, headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    ).json()

    assert body["password_reset_url"].startswith(settings.BASE_URL + "/")
    assert "evil" not in mails(environment)[0].text + mails(environment)[0].html


def test_the_link_leads_to_the_page_of_the_environment(api, environment, user):
    update_authentication_settings(
        environment=environment, changes={"password_reset_url": "https://app.example.com/reset?lang=en#form"}
    )

    body = ask(api)

    assert body["password_reset_url"] == (
        f"https://app.example.com/reset?lang=en&token={body['password_reset_token']}#form"
    )


def test_a_link_is_shown_to_its_environment_alone(api, other_api, user):
    body = ask(api)

    assert api.get(f"{PATH}/{body['id']}").json() == body
    refused = other_api.get(f"{PATH}/{body['id']}")
    assert refused.status_code == 404
    assert refused.json()["message"] == f"Password Reset not found: '{body['id']}'."


def test_a_link_sets_the_password_once(api, client, user, emitted, last_event):
    before = client.sign_in(EMAIL)
    token = ask(api)["password_reset_token"]

    answer = confirm(api, token)

    assert answer.status_code == 200, answer.content
    assert answer.json()["user"]["id"] == user.id
    assert client.password(EMAIL).json()["code"] == "invalid_credentials"
    assert client.password(EMAIL, NEW).status_code == 200
    assert client.refresh(before["refresh_token"]).json()["error"] == "invalid_grant"
    names = emitted()
    start = names.index("password_reset.created")
    assert names[start + 1 : start + 4] == ["user.updated", "password_reset.succeeded", "session.revoked"]
    assert "password_reset_token" not in last_event("password_reset.succeeded")["data"]
    assert not_found(confirm(api, token), token)


def test_the_owner_is_told_that_the_password_changed(api, environment, user):
    confirm(api, ask(api)["password_reset_token"])

    mail = mails(environment)[-1]
    assert (mail.recipient, mail.kind) == (EMAIL, "password_changed")
    assert "was changed" in mail.subject
    assert "http" not in mail.text
    assert NEW not in mail.text + mail.html


def test_a_reset_proves_the_mailbox(api, client, environment):
    make_user(environment, email="grace@example.com", password=PASSWORD)

    answer = confirm(api, ask(api, "grace@example.com")["password_reset_token"])

    assert answer.json()["user"]["email_verified"] is True
    assert client.password("grace@example.com", NEW).status_code == 200


def test_somebody_without_a_password_gets_one(api, client, environment):
    make_user(environment, email="grace@example.com")

    confirm(api, ask(api, "grace@example.com")["password_reset_token"])

    assert client.password("grace@example.com", NEW).status_code == 200


def test_a_link_lives_an_hour(api, user):
    token = ask(api)["password_reset_token"]
    with time_machine.travel(clock.now() + timedelta(minutes=59)):
        assert confirm(api, token, "short").status_code == 400
    with time_machine.travel(clock.now() + timedelta(minutes=61)):
        assert not_found(confirm(api, token), token)


def test_a_link_is_void_once_the_password_changed_by_another_way(api, client, user):
    token = ask(api)["password_reset_token"]
    update_user(user=user, actor=SYSTEM, password="yet another passphrase 11")

    assert not_found(confirm(api, token), token)
    assert client.password(EMAIL, "yet another passphrase 11").status_code == 200


def test_of_several_links_the_first_one_used_makes_the_others_void(api, user):
    tokens = [ask(api)["password_reset_token"] for _ in range(2)]

    assert confirm(api, tokens[0]).status_code == 200
    assert not_found(confirm(api, tokens[1]), tokens[1])


def test_a_link_to_a_former_mailbox_is_void(api, user):
    token = ask(api)["password_reset_token"]
    update_user(user=user, actor=SYSTEM, email="lovelace@example.com")

    assert not_found(confirm(api, token), token)


def test_a_token_of_another_environment_opens_nothing(api, other_api, user):
    token = ask(api)["password_reset_token"]

    assert not_found(confirm(other_api, token), token)
    assert confirm(api, token).status_code == 200


@pytest.mark.parametrize("token", ["unknown", "é", "x" * 200])
def test_an_unknown_token_is_named(api, user, token):
    assert not_found(confirm(api, token), token)


def test_a_weak_password_is_refused_by_each_rule_and_the_link_stays(api, user):
    token = ask(api)["password_reset_token"]

    answer = confirm(api, token, "abc")

    assert answer.status_code == 400
    body = answer.json()
    assert body["code"] == "password_reset_error"
    assert {error["code"] for error in body["errors"]} >= {"password_too_short", "password_too_weak"}
    assert confirm(api, token).status_code == 200


def test_an_old_password_may_not_come_back_where_the_environment_says_so(api, environment, user):
    update_authentication_settings(environment=environment, changes={"password_history_depth": 3})

    answer = confirm(api, ask(api)["password_reset_token"], PASSWORD)

    assert [error["code"] for error in answer.json()["errors"]] == ["password_reused"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"new_password": NEW}, "token_string_required"),
        ({"token": "x"}, "new_password_string_required"),
        ({"token": "x", "new_password": ""}, "new_password_string_required"),
        ({"token": ["x"], "new_password": NEW}, "token_string_required"),
    ],
)
def test_both_fields_must_be_there(api, body, code):
    answer = api.post(f"{PATH}/confirm", body)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == code


def test_where_passwords_are_not_taken_none_is_reset(api, environment, user):
    token = ask(api)["password_reset_token"]
    update_authentication_settings(environment=environment, changes={"password_enabled": False})

    for answer in (api.post(PATH, {"email": EMAIL}), confirm(api, token)):
        assert (answer.status_code, answer.json()["code"]) == (403, "email_password_auth_disabled")


def test_the_holder_of_a_key_is_told_that_nobody_has_the_address(api, environment):
    answer = api.post(PATH, {"email": "nobody@example.com"})

    assert answer.status_code == 404
    assert answer.json()["message"] == "User not found: 'nobody@example.com'."
    assert mails(environment) == []


def test_the_older_form_mails_a_link_to_the_products_page(api, environment, user):
    answer = api.post(
        f"{PATH}/send", {"email": EMAIL, "password_reset_url": "https://app.example.com/reset?a=1"}
    )

    assert (answer.status_code, answer.content) == (201, b"")
    assert "Content-Type" not in answer.headers
    token = PasswordReset.objects.in_environment(environment).get().token
    assert f"https://app.example.com/reset?a=1&token={token}" in mails(environment)[0].text
    assert confirm(api, token).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "/reset",
        "https://user@app.example.com/reset",
        "https://app.example.com/reset#x",
        "https://app.example.com\\@evil.example/",
        "https://app.example.com/\nBcc: eve@example.com",
        "https://*.example.com/reset",
        "ftp://app.example.com/reset",
    ],
)
def test_the_products_page_must_be_an_address_that_a_mail_may_lead_to(api, environment, user, url):
    answer = api.post(f"{PATH}/send", {"email": EMAIL, "password_reset_url": url})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "password_reset_url_invalid"
    assert mails(environment) == []


def test_the_products_page_must_be_named(api, user):
    answer = api.post(f"{PATH}/send", {"email": EMAIL})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["code"] == "password_reset_url_string_required"


def test_a_production_environment_mails_links_to_https_alone(db):
    production = make_environment("Acme", "production")
    user = make_user(production, email=EMAIL)

    with pytest.raises(Exception, match="Validation failed"):
        services.request_password_reset(
            environment=production, actor=SYSTEM, email=user.email, page_url="http://app.example.com/reset"
        )


def test_requests_are_limited_over_both_forms(api, user):
    page = {"password_reset_url": "https://app.example.com/reset"}
    statuses = [
        api.post(PATH, {"email": EMAIL}).status_code,
        api.post(f"{PATH}/send", {"email": "ADA@example.com", **page}).status_code,
        api.post(PATH, {"email": EMAIL}).status_code,
        api.post(PATH, {"email": EMAIL}).status_code,
    ]

    assert statuses == [201, 201, 201, 429]


def test_a_sign_in_that_waits_does_not_survive_a_reset(api, client, environment):
    make_user(environment, email="grace@example.com", password=PASSWORD)
    waiting = client.password("grace@example.com").json()["pending_authentication_token"]
    grace = User.objects.in_environment(environment).get(email="grace@example.com")
    code = grace.email_verifications.get().code

    confirm(api, ask(api, "grace@example.com")["password_reset_token"])

    assert client.verify_email(waiting, code).json()["code"] == "invalid_pending_authentication_token"


def test_a_page_does_not_tell_who_has_an_account(environment, user):
    for email in (EMAIL, "nobody@example.com"):
        assert services.request_password_reset_on_page(environment=environment, email=email) is None

    assert [(mail.kind, mail.recipient) for mail in mails(environment)] == [
        ("password_reset", EMAIL),
        ("unknown_account", "nobody@example.com"),
    ]


def test_a_page_knows_nothing_but_the_link(environment, user, last_event):
    services.request_password_reset_on_page(environment=environment, email=EMAIL)
    link = next(line.strip() for line in mails(environment)[0].text.splitlines() if "token=" in line)
    (token,) = parse_qs(urlsplit(link).query)["token"]

    changed = services.reset_password(environment=None, actor=None, token=token, new_password=NEW)

    assert changed == user
    assert last_event("password_reset.succeeded")["actor"] == ("user", user.id)


def test_a_page_refuses_where_passwords_are_not_taken(environment, user):
    update_authentication_settings(environment=environment, changes={"password_enabled": False})

    for email in (EMAIL, "nobody@example.com"):
        with pytest.raises(PasswordAuthenticationDisabled):
            services.request_password_reset_on_page(environment=environment, email=email)


def test_tokens_are_kept_sealed(api, environment, user):
    token = ask(api)["password_reset_token"]
    row = PasswordReset.objects.in_environment(environment).get()

    assert token not in str(vars(row))
    assert token not in str(vars(mails(environment)[0]))


def test_a_reset_signs_every_browser_out_of_our_pages(api, environment, user):
    browser = Browser(environment)
    request = browser.open_request()
    outcome = browser.sign_in(request)
    services.finish_sign_in(
        request=request,
        pending_authentication_token=outcome.pending_authentication_token,
        former_secret=None,
    )

    assert confirm(api, ask(api)["password_reset_token"]).status_code == 200

    assert HostedSession.objects.in_environment(environment).get().ended_at is not None
