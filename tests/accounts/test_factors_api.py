import base64
import struct
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from django.db import connection

from accounts.models import AuthenticationFactor, RecoveryCode
from events.models import Mail
from tests.api_client import ApiClient
from tests.factories.accounts import make_sms_factor, make_totp_factor, make_user
from tests.factories.environments import make_api_key, make_environment

TOTP = {"type": "totp", "totp_issuer": "Foo Corp", "totp_user": "alan.turing@example.com"}


@pytest.fixture
def user(environment):
    return make_user(environment, email="ada@example.com")


def enroll(api, **fields):
    answer = api.post("/auth/factors/enroll", {**TOTP, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def field_codes(answer):
    assert answer.status_code == 422, answer.content
    return [error["code"] for error in answer.json()["errors"]]


def test_an_authenticator_app_is_enrolled_with_all_that_it_needs(api):
    factor = enroll(api)

    assert factor["object"] == "authentication_factor"
    assert factor["id"].startswith("auth_factor_")
    assert factor["type"] == "totp"
    assert factor.keys() == {"object", "id", "type", "totp", "created_at", "updated_at"}
    totp = factor["totp"]
    assert totp.keys() == {"issuer", "user", "secret", "qr_code", "uri"}
    assert (totp["issuer"], totp["user"]) == ("Foo Corp", "alan.turing@example.com")
    assert len(base64.b32decode(totp["secret"])) == 20
    assert totp["uri"] == (
        f"otpauth://totp/Foo%20Corp:alan.turing@example.com?secret={totp['secret']}"
        "&issuer=Foo%20Corp&algorithm=SHA1&digits=6&period=30"
    )


def test_the_form_of_the_reference_is_understood(api):
    answer = api.post(
        "/auth/factors/enroll",
        form='type="totp"&totp_issuer="Foo Corp"&totp_user="alan.turing@example.com"',
    )

    assert answer.status_code == 201
    assert answer.json()["totp"]["issuer"] == "Foo Corp"


def test_nulls_of_other_types_count_as_absent(api):
    assert enroll(api, phone_number=None, user_id=None)["type"] == "totp"


def test_the_qr_code_is_a_png_image(api):
    header, _, encoded = enroll(api)["totp"]["qr_code"].partition(",")

    assert header == "data:image/png;base64"
    image = base64.b64decode(encoded, validate=True)
    assert image.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", image[16:24])
    assert width == height > 100


@pytest.mark.parametrize(
    ("issuer", "account"),
    [
        ("Foo&secret=AAAAAAAAAAAAAAAA", "ada@example.com"),
        ("Foo", "ada?secret=AAAAAAAAAAAAAAAA&x=#"),
        ("Foo/Bar", "ada%26secret=AAAA"),
        ("Foo:Bank", "Bank:ada"),
        ("Фирма & Söhne", "ада@пример.рф"),
        ("Foo\r\nBar", "ada\tbeta"),
    ],
)
def test_names_in_the_uri_add_no_parameter_and_no_other_issuer(api, issuer, account):
    totp = enroll(api, totp_issuer=issuer, totp_user=account)["totp"]

    parts = urlsplit(totp["uri"])
    assert (parts.scheme, parts.netloc, parts.fragment) == ("otpauth", "totp", "")
    parameters = parse_qs(parts.query, strict_parsing=True)
    assert parameters["secret"] == [totp["secret"]]
    assert parameters.keys() == {"secret", "issuer", "algorithm", "digits", "period"}
    label = unquote(parts.path.removeprefix("/"))
    shown_issuer, separator, shown_account = label.partition(":")
    assert separator
    assert parameters["issuer"] == [shown_issuer]
    assert ":" not in shown_account
    assert "\n" not in label
    # What was sent is what is shown again.
    assert (totp["issuer"], totp["user"]) == (issuer, account)


def test_names_as_long_as_they_may_be_still_fit_into_a_qr_code(api):
    totp = enroll(api, totp_issuer="🏢" * 200, totp_user="🙂" * 320)["totp"]

    assert totp["qr_code"].startswith("data:image/png;base64,")


def test_each_type_says_which_fields_it_needs(api):
    assert field_codes(api.post("/auth/factors/enroll", {"type": "totp"})) == [
        "totp_issuer must be a string",
        "totp_user must be a string",
    ]
    assert field_codes(api.post("/auth/factors/enroll", {"type": "sms"})) == ["phone_number must be a string"]
    assert field_codes(api.post("/auth/factors/enroll", {"type": "webauthn"})) == [
        "type must be a valid enum value"
    ]
    assert field_codes(api.post("/auth/factors/enroll", {})) == ["type must be a string"]
    assert field_codes(api.post("/auth/factors/enroll", {**TOTP, "totp_user": 7})) == [
        "totp_user must be a string"
    ]


def test_a_factor_can_be_enrolled_for_a_user(api, user):
    assert enroll(api, user_id=user.id)["user_id"] == user.id


def test_another_environments_user_gets_no_factor(api, other_environment):
    stranger = make_user(other_environment)

    answer = api.post("/auth/factors/enroll", {**TOTP, "user_id": stranger.id})

    assert answer.status_code == 404
    assert answer.json()["message"] == f"User not found: '{stranger.id}'."
    assert not AuthenticationFactor.objects.in_environment(other_environment).exists()


@pytest.mark.parametrize("number", ["+15005550006", "15005550006", "+1 (500) 555-0006", "1.500.555.0006"])
def test_a_phone_number_is_kept_in_one_form(api, number):
    answer = api.post("/auth/factors/enroll", {"type": "sms", "phone_number": number})

    assert answer.status_code == 201
    factor = answer.json()
    assert factor["sms"] == {"phone_number": "+15005550006"}
    assert "totp" not in factor


@pytest.mark.parametrize(
    "number",
    [
        "+0500555000",
        "+1",
        "12345",
        "+1500555000612345",
        "phone",
        "+1500ABC0006",
        "++15005550006",
        "+١٥٠٠٥٥٥٠٠٠٦",
    ],
)
def test_what_is_no_phone_number_is_refused(api, number):
    answer = api.post("/auth/factors/enroll", {"type": "sms", "phone_number": number})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_phone_number"


def test_a_production_environment_without_a_sender_takes_no_phone_numbers(db):
    environment = make_environment(kind="production")

    answer = ApiClient(make_api_key(environment)).post(
        "/auth/factors/enroll", {"type": "sms", "phone_number": "+15005550006"}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "sms_sender_not_configured"
    assert not AuthenticationFactor.objects.in_environment(environment).exists()


def test_a_factor_is_shown_with_its_secret_and_deleted(api):
    factor = enroll(api)

    shown = api.get(f"/auth/factors/{factor['id']}")
    assert shown.status_code == 200
    assert shown.json() == factor

    deleted = api.delete(f"/auth/factors/{factor['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    for answer in (
        api.get(f"/auth/factors/{factor['id']}"),
        api.delete(f"/auth/factors/{factor['id']}"),
        api.post(f"/auth/factors/{factor['id']}/challenge"),
    ):
        assert answer.status_code == 404
        assert answer.json() == {
            "code": "entity_not_found",
            "entity_id": factor["id"],
            "message": f"Authentication Factor not found: '{factor['id']}'.",
        }


def test_another_environments_factor_is_not_found(api, other_api):
    factor = enroll(other_api)
    challenge = other_api.post(f"/auth/factors/{factor['id']}/challenge").json()

    assert api.get(f"/auth/factors/{factor['id']}").status_code == 404
    assert api.delete(f"/auth/factors/{factor['id']}").status_code == 404
    assert api.post(f"/auth/factors/{factor['id']}/challenge").status_code == 404
    verified = api.post(f"/auth/challenges/{challenge['id']}/verify", {"code": "123456"})
    assert verified.status_code == 404
    assert verified.json()["message"] == f"Authentication Challenge not found: '{challenge['id']}'."
    assert other_api.get(f"/auth/factors/{factor['id']}").status_code == 200


def test_a_user_is_enrolled_with_a_challenge_and_recovery_codes(api, user):
    answer = api.post(f"/user_management/users/{user.id}/auth_factors", {"type": "totp"})

    assert answer.status_code == 201
    body = answer.json()
    factor = body["authentication_factor"]
    assert factor["user_id"] == user.id
    assert (factor["totp"]["issuer"], factor["totp"]["user"]) == (user.environment.name, "ada@example.com")
    assert {"secret", "qr_code", "uri"} <= factor["totp"].keys()
    challenge = body["authentication_challenge"]
    assert challenge["authentication_factor_id"] == factor["id"]
    assert "code" not in challenge
    assert len(set(body["recovery_codes"])) == 10


def test_names_and_secret_of_a_users_factor_can_be_given(api, user):
    answer = api.post(
        f"/user_management/users/{user.id}/auth_factors",
        {
            "type": "totp",
            "totp_issuer": "Foo Corp",
            "totp_user": "bob@example.com",
            "totp_secret": "jbsw y3dp-ehpk 3pxp",
        },
    )

    totp = answer.json()["authentication_factor"]["totp"]
    assert (totp["issuer"], totp["user"], totp["secret"]) == (
        "Foo Corp",
        "bob@example.com",
        "JBSWY3DPEHPK3PXP",
    )


@pytest.mark.parametrize(
    "secret", ["JBSWY3DP", "01189998819991197253", "JBSWY3DPEHPK3PX!", "A" * 200, "JBSWY3DPEHPK3PXPé"]
)
def test_what_is_no_secret_is_refused_and_not_repeated(api, user, secret):
    answer = api.post(
        f"/user_management/users/{user.id}/auth_factors", {"type": "totp", "totp_secret": secret}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_totp_secret"
    assert secret not in answer.content.decode()


def test_users_enroll_authenticator_apps_alone_at_their_own_address(api, user):
    answer = api.post(f"/user_management/users/{user.id}/auth_factors", {"type": "sms"})

    assert field_codes(answer) == ["type_invalid"]


def test_a_users_factors_are_listed_without_secrets(api, user, django_assert_num_queries):
    totp, sms = make_totp_factor(user), make_sms_factor(user)
    make_totp_factor(make_user(user.environment))
    # The first request of a key also notes that the key was used.
    api.get("/user_management/users")

    with django_assert_num_queries(3):
        answer = api.get(f"/user_management/users/{user.id}/auth_factors")

    assert answer.status_code == 200
    body = answer.json()
    assert body["object"] == "list"
    assert body["list_metadata"] == {"before": None, "after": None}
    assert [row["id"] for row in body["data"]] == [sms.id, totp.id]
    assert body["data"][0]["sms"] == {"phone_number": "+15005550006"}
    assert body["data"][1]["totp"] == {"issuer": user.environment.name, "user": "ada@example.com"}
    assert totp.totp_secret not in answer.content.decode()


def test_another_environments_user_shows_no_factors(other_api, user):
    make_totp_factor(user)

    assert other_api.get(f"/user_management/users/{user.id}/auth_factors").status_code == 404
    assert (
        other_api.post(f"/user_management/users/{user.id}/auth_factors", {"type": "totp"}).status_code == 404
    )
    assert other_api.post(f"/user_management/users/{user.id}/recovery_codes").status_code == 404


def test_a_secret_is_encrypted_at_rest_and_in_no_event(api, user):
    secret = enroll(api, user_id=user.id)["totp"]["secret"]

    with connection.cursor() as cursor:
        cursor.execute("SELECT totp_secret FROM accounts_authenticationfactor")
        assert secret not in cursor.fetchone()[0]
    assert secret not in api.get("/events", {"limit": 100}).content.decode()


def test_the_second_factor_brings_no_second_set_of_recovery_codes(api, user):
    path = f"/user_management/users/{user.id}/auth_factors"
    assert "recovery_codes" in api.post(path, {"type": "totp"}).json()
    assert "recovery_codes" not in api.post(path, {"type": "totp"}).json()


def test_recovery_codes_are_replaced_whole_and_kept_as_digests(api, user):
    first = api.post(f"/user_management/users/{user.id}/auth_factors", {"type": "totp"}).json()
    answer = api.post(f"/user_management/users/{user.id}/recovery_codes")

    assert answer.status_code == 201
    body = answer.json()
    assert (body["object"], body["user_id"]) == ("recovery_codes", user.id)
    assert len(body["codes"]) == 10
    assert not set(body["codes"]) & set(first["recovery_codes"])
    rows = RecoveryCode.objects.in_environment(user.environment)
    assert rows.count() == 10
    assert not {row.digest for row in rows} & {*body["codes"]}


def test_recovery_codes_go_with_the_last_factor(api, user):
    path = f"/user_management/users/{user.id}/auth_factors"
    ids = [api.post(path, {"type": "totp"}).json()["authentication_factor"]["id"] for _ in range(2)]
    codes = RecoveryCode.objects.in_environment(user.environment)

    api.delete(f"/auth/factors/{ids[0]}")
    assert codes.count() == 10
    api.delete(f"/auth/factors/{ids[1]}")
    assert codes.count() == 0


def test_a_user_is_told_by_mail_of_each_factor_that_comes_or_goes(api, user):
    factor = enroll(api, user_id=user.id, totp_issuer="Click evil.example")
    api.delete(f"/auth/factors/{factor['id']}")

    removed, added = Mail.objects.in_environment(user.environment).filter(kind="mfa_changed").order_by("-id")
    assert added.recipient == removed.recipient == "ada@example.com"
    assert added.subject == "A second step was added to your Acme sandbox account"
    assert "authenticator app was added" in added.text
    assert removed.subject == "A second step was removed from your Acme sandbox account"
    assert "authenticator app was removed" in removed.html
    for mail in (added, removed):
        assert "evil.example" not in mail.text + mail.html
        assert factor["totp"]["secret"] not in mail.text + mail.html


def test_a_factor_without_a_user_tells_nobody(api, environment):
    api.delete(f"/auth/factors/{enroll(api)['id']}")

    assert not Mail.objects.in_environment(environment).exists()


def test_factors_go_with_their_user(api, user):
    factor = make_totp_factor(user)

    assert api.delete(f"/user_management/users/{user.id}").status_code == 200

    assert api.get(f"/auth/factors/{factor.id}").status_code == 404


def test_factors_are_for_holders_of_a_key(anonymous):
    assert anonymous.post("/auth/factors/enroll", TOTP).status_code == 401
    assert anonymous.get("/auth/factors/auth_factor_x").status_code == 401
    assert anonymous.post("/auth/challenges/auth_challenge_x/verify", {"code": "1"}).status_code == 401
