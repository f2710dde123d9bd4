"""Creating, reading, changing, listing and deleting users over HTTP."""

import pytest

from accounts import services
from accounts.models import EmailVerification, Identity, User
from foundation.actors import SYSTEM
from foundation.errors import NotFound
from organizations.models import Organization, OrganizationMembership
from tests.factories.accounts import make_email_verification, make_identity, make_user

USERS = "/user_management/users"

EVERY_KEY = {
    "object",
    "id",
    "email",
    "email_verified",
    "first_name",
    "last_name",
    "name",
    "profile_picture_url",
    "locale",
    "external_id",
    "metadata",
    "last_sign_in_at",
    "created_at",
    "updated_at",
}


@pytest.fixture
def ada(environment):
    return make_user(environment, email="ada@example.com", first_name="Ada")


def refusals(answer):
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request_parameters"
    return [error["code"] for error in answer.json()["errors"]]


# --- creating ---------------------------------------------------------------------------------------------


def test_a_user_with_an_email_alone_has_every_key_of_the_shape(api, emitted, last_event):
    answer = api.post(USERS, {"email": "ada@example.com"})
    assert answer.status_code == 201
    user = answer.json()
    assert user.keys() == EVERY_KEY
    assert user["object"] == "user"
    assert user["id"].startswith("user_")
    assert user["email_verified"] is False
    assert user["metadata"] == {}
    assert user["created_at"] == user["updated_at"]
    assert {key for key, value in user.items() if value is None} == {
        "first_name",
        "last_name",
        "name",
        "profile_picture_url",
        "locale",
        "external_id",
        "last_sign_in_at",
    }
    assert emitted() == ["user.created"]
    assert last_event("user.created")["data"] == user


def test_a_user_keeps_all_that_was_sent(api):
    sent = {
        "email": "ada@example.com",
        "first_name": "Ada",
        "last_name": "Lovelace",
        "name": "Ada King",
        "email_verified": True,
        "locale": "en-GB",
        "external_id": "f1ffa2b2/c20b",
        "metadata": {"plan": "gold"},
    }
    created = api.post(USERS, sent).json()
    assert {key: created[key] for key in sent} == sent
    assert api.get(f"{USERS}/{created['id']}").json() == created


def test_nulls_count_as_absent_on_creation(api):
    answer = api.post(
        USERS,
        {
            "email": "ada@example.com",
            "first_name": None,
            "last_name": None,
            "name": None,
            "email_verified": None,
            "external_id": None,
            "metadata": None,
            "password": None,
            "password_hash": None,
            "ip_address": None,
        },
    )
    assert answer.status_code == 201
    assert answer.json()["email_verified"] is False


def test_a_form_creates_a_user_too(api):
    answer = api.post(
        USERS, form="email=ada%2Btag%40example.com&email_verified=true&metadata%5Bplan%5D=gold&first_name=Ada"
    )
    assert answer.status_code == 201
    assert answer.json()["email"] == "ada+tag@example.com"
    assert answer.json()["email_verified"] is True
    assert answer.json()["metadata"] == {"plan": "gold"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "email_string_required"),
        ({"email": ""}, "email_string_required"),
        ({"email": "   "}, "email_string_required"),
        ({"email": None}, "email_string_required"),
        ({"email": 5}, "email_string_required"),
        ({"email": ["ada@example.com"]}, "email_string_required"),
        ({"email": "a@example.com", "first_name": {"x": 1}}, "first_name_string_required"),
        ({"email": "a@example.com", "first_name": "x" * 201}, "first_name_invalid"),
        ({"email": "a@example.com", "email_verified": "perhaps"}, "email_verified_invalid"),
        ({"email": "a@example.com", "metadata": "plan"}, "metadata_invalid"),
        ({"email": "a@example.com", "external_id": "x" * 129}, "external_id_invalid"),
        ({"email": "a@example.com", "external_id": "käthe"}, "external_id_invalid"),
        ({"email": "a@example.com", "password": 12345678}, "password_string_required"),
        (
            {"email": "a@example.com", "password_hash": "x", "password_hash_type": "md5"},
            "password_hash_type_invalid",
        ),
    ],
)
def test_a_field_of_a_wrong_shape_is_refused_by_name(api, body, code):
    assert refusals(api.post(USERS, body)) == [code]


def test_the_words_of_a_missing_email_are_those_that_the_service_was_recorded_with(api):
    answer = api.post(USERS, {})
    assert answer.json() == {
        "code": "invalid_request_parameters",
        "message": "Validation failed",
        "errors": [
            {
                "field": "email",
                "code": "email_string_required",
                "message": "Email should be a non-empty string.",
            }
        ],
    }


@pytest.mark.parametrize(
    "email",
    [
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@@example.com",
        "a" * 10_000 + "@example.com",
        "ada@" + "e" * 10_000 + ".com",
        "ada@example.com\r\nBcc: everybody@example.com",
        "ada@example.com,eve@example.com",
        '"ada"@example.com',
        "Ada <ada@example.com>",
        "ada@[127.0.0.1]",
        "ada@exa mple.com",
    ],
)
def test_what_is_no_address_makes_no_user(api, environment, emitted, email):
    answer = api.post(USERS, {"email": email})
    assert answer.status_code == 400
    assert answer.json() == {
        "code": "user_creation_error",
        "message": "Could not create user.",
        "errors": [{"code": "invalid_email", "message": "Email is invalid."}],
    }
    assert emitted() == []


def test_an_address_is_stored_in_one_form(api):
    assert (
        api.post(USERS, {"email": "  Ada.Lovelace@EXAMPLE.com "}).json()["email"]
        == "ada.lovelace@example.com"
    )
    assert api.post(USERS, {"email": "ada@bücher.example"}).json()["email"] == "ada@xn--bcher-kva.example"


def test_the_same_address_in_another_case_is_taken(api, ada, environment):
    answer = api.post(USERS, {"email": "ADA@Example.COM"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "user_creation_error"
    assert answer.json()["errors"] == [
        {"code": "email_not_available", "message": "This email is not available."}
    ]
    assert User.objects.in_environment(environment).count() == 1


def test_an_address_that_merely_looks_alike_is_another_one(api, ada):
    cyrillic = api.post(USERS, {"email": "\u0430da@example.com"})  # the first letter is Cyrillic
    assert cyrillic.status_code == 201
    assert cyrillic.json()["email"] != "ada@example.com"
    full_width = api.post(USERS, {"email": "\uff41da@example.com"})  # would become ASCII when normalized
    assert full_width.status_code == 400


def test_two_environments_may_know_the_same_person(api, other_api, ada):
    assert other_api.post(USERS, {"email": "ada@example.com", "external_id": "1"}).status_code == 201
    assert api.put(f"{USERS}/{ada.id}", {"external_id": "1"}).status_code == 200


def test_an_external_id_is_anothers(api, environment):
    make_user(environment, external_id="one")
    answer = api.post(USERS, {"email": "eve@example.com", "external_id": "one"})
    assert answer.status_code == 400
    assert answer.json()["code"] == "external_id_already_used"


def test_nobody_can_write_what_is_not_theirs_to_write(api, environment, other_environment):
    answer = api.post(
        USERS,
        {
            "email": "eve@example.com",
            "id": "user_mine",
            "object": "operator",
            "environment": other_environment.id,
            "environment_id": other_environment.id,
            "is_staff": True,
            "is_superuser": True,
            "role": "owner",
            "password_changed_at": "2020-01-01T00:00:00Z",
            "last_sign_in_at": "2020-01-01T00:00:00Z",
            "created_at": "2020-01-01T00:00:00Z",
            "profile_picture_url": "https://evil.example/track.gif",
        },
    )
    assert answer.status_code == 201
    user = User.objects.in_environment(environment).get()
    assert user.id != "user_mine"
    assert user.last_sign_in_at is None
    assert user.password == ""
    assert user.created_at.year > 2020
    assert user.profile_picture_url is None

    changed = api.put(
        f"{USERS}/{user.id}", {"id": "user_mine", "environment_id": other_environment.id, "is_staff": True}
    )
    assert changed.json() == answer.json()
    assert User.objects.in_environment(other_environment).count() == 0


def test_a_service_refuses_a_field_that_it_does_not_know(environment):
    with pytest.raises(TypeError):
        make_user(environment, environment_id="environment_x")  # type: ignore[call-arg]  # the wrong call is the test
    with pytest.raises(TypeError):
        make_user(environment, is_staff=True)  # type: ignore[call-arg]  # the wrong call is the test


# --- reading ----------------------------------------------------------------------------------------------


def test_a_foreign_user_and_no_user_are_answered_alike(api, other_api, ada):
    for method, path in [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/identities"),
        ("POST", "/email_verification/send"),
        ("POST", "/email_verification/confirm"),
        ("POST", "/email_change/send"),
        ("POST", "/email_change/confirm"),
    ]:
        body = {"code": "123456", "new_email": "x@example.com"}
        foreign = other_api.request(method, f"{USERS}/{ada.id}{path}", body)
        absent = api.request(method, f"{USERS}/user_absent{path}", body)
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json() == {
            "message": f"User not found: '{ada.id}'.",
            "code": "entity_not_found",
            "entity_id": ada.id,
        }
    assert api.get(f"{USERS}/{ada.id}").json()["first_name"] == "Ada"


def test_without_a_key_nothing_is_told(anonymous, ada):
    assert anonymous.get(f"{USERS}/{ada.id}").status_code == 401
    assert anonymous.get(USERS).json() == {"message": "Unauthorized"}


@pytest.mark.parametrize("external_id", ["42", "a/b/c", "with space", "50%", "q?x=1#y"])
def test_a_user_is_found_by_external_id(api, other_api, environment, external_id):
    user = make_user(environment, external_id=external_id)
    path = f"{USERS}/external_id/" + "".join(f"%{byte:02X}" for byte in external_id.encode())
    assert api.get(path).json()["id"] == user.id
    assert other_api.get(path).status_code == 404
    assert api.get(f"{USERS}/external_id/none").json()["message"] == "User not found: 'none'."


def test_a_path_with_a_nul_is_not_found(api, ada):
    assert api.get(f"{USERS}/user%00").status_code == 404
    assert api.get(f"{USERS}/external_id/%00").status_code == 404


def test_reading_a_user_takes_one_query_beside_the_key(api, ada, django_assert_num_queries):
    api.get(USERS)  # the key's last use is written once a minute
    with django_assert_num_queries(2):
        api.get(f"{USERS}/{ada.id}")
    with django_assert_num_queries(2):
        api.get(f"{USERS}/external_id/none")


# --- listing ----------------------------------------------------------------------------------------------


def test_users_are_listed_newest_first_in_pages(api, environment):
    ids = [make_user(environment).id for _ in range(3)]
    first = api.get(USERS, {"limit": 2}).json()
    assert first["object"] == "list"
    assert [user["id"] for user in first["data"]] == [ids[2], ids[1]]
    assert first["list_metadata"] == {"before": None, "after": ids[1]}
    last = api.get(USERS, {"limit": 2, "after": ids[1]}).json()
    assert [user["id"] for user in last["data"]] == [ids[0]]
    assert last["list_metadata"] == {"before": ids[0], "after": None}


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", " ada@example.com "])
def test_users_are_filtered_by_email_in_any_case(api, environment, ada, email):
    make_user(environment)
    assert [user["id"] for user in api.get(USERS, {"email": email}).json()["data"]] == [ada.id]


def test_a_filter_that_is_no_address_finds_nobody(api, ada):
    answer = api.get(USERS, {"email": "ada"})
    assert answer.status_code == 200
    assert answer.json() == {"object": "list", "data": [], "list_metadata": {"before": None, "after": None}}


def test_users_are_filtered_by_organization_under_both_names(
    api, other_api, environment, ada, django_assert_num_queries
):
    organization = Organization.objects.create(environment=environment, name="Acme")
    elsewhere = Organization.objects.create(environment=environment, name="Echo")
    members = [make_user(environment) for _ in range(3)]
    for user in [*members, ada]:
        OrganizationMembership.objects.create(environment=environment, user=user, organization=elsewhere)
    for user in members:
        OrganizationMembership.objects.create(environment=environment, user=user, organization=organization)
    for name in ("organization_id", "organization"):
        with django_assert_num_queries(3 if name == "organization_id" else 2):
            listed = api.get(USERS, {name: organization.id, "limit": 2}).json()
        assert [user["id"] for user in listed["data"]] == [members[2].id, members[1].id]
        rest = api.get(USERS, {name: organization.id, "after": listed["list_metadata"]["after"]}).json()
        assert [user["id"] for user in rest["data"]] == [members[0].id]
        assert other_api.get(USERS, {name: organization.id}).json()["data"] == []
    both = {"organization_id": organization.id, "email": ada.email}
    assert api.get(USERS, both).json()["data"] == []


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 101}, {"order": "random"}, {"after": "'; --"}])
def test_a_page_that_cannot_be_is_refused(api, query):
    assert api.get(USERS, query).status_code == 422


def test_a_list_of_any_length_takes_one_query(api, environment, django_assert_num_queries):
    api.get(USERS)
    for _ in range(5):
        make_user(environment, metadata={"plan": "gold"})
    with django_assert_num_queries(2):
        assert len(api.get(USERS).json()["data"]) == 5


# --- changing ---------------------------------------------------------------------------------------------


def test_what_is_left_out_of_a_change_stays(api, environment, last_event):
    user = make_user(environment, first_name="Ada", last_name="Byron", external_id="1", metadata={"a": "1"})
    before = api.get(f"{USERS}/{user.id}").json()
    answer = api.put(f"{USERS}/{user.id}", {"last_name": "Lovelace"})
    assert answer.status_code == 200
    after = answer.json()
    assert after["updated_at"] >= before["updated_at"]
    assert {**after, "updated_at": None} == {**before, "last_name": "Lovelace", "updated_at": None}
    event = last_event("user.updated")
    assert event["data"] == after
    assert event["context"]["previous_attributes"] == {"last_name": "Byron"}
    assert event["actor"][0] == "api_key"


def test_a_change_that_changes_nothing_is_no_event(api, environment, emitted):
    user = make_user(environment, email="ada@example.com", first_name="Ada", metadata={"a": "1"})
    before = api.get(f"{USERS}/{user.id}").json()
    same = {
        "email": "ADA@example.com",
        "first_name": "Ada",
        "email_verified": False,
        "metadata": {"a": "1", "b": None},
        "locale": None,
        "external_id": None,
    }
    assert api.put(f"{USERS}/{user.id}", same).json() == before
    assert api.put(f"{USERS}/{user.id}", {}).json() == before
    assert emitted() == ["user.created"]


def test_null_clears_what_may_be_null_and_leaves_the_rest(api, environment):
    user = make_user(
        environment, first_name="Ada", name="Ada L", locale="en", external_id="1", metadata={"a": "1"}
    )
    cleared = api.put(
        f"{USERS}/{user.id}",
        {"first_name": None, "name": None, "locale": None, "external_id": None, "metadata": None},
    ).json()
    assert (cleared["first_name"], cleared["name"]) == ("Ada", "Ada L")
    assert (cleared["locale"], cleared["external_id"], cleared["metadata"]) == (None, None, {})


def test_an_empty_name_takes_the_name_away(api, environment):
    user = make_user(environment, first_name="Ada", last_name="Lovelace")
    changed = api.put(f"{USERS}/{user.id}", {"first_name": ""}).json()
    assert (changed["first_name"], changed["last_name"]) == (None, "Lovelace")


def test_metadata_merges_and_a_null_deletes_its_key(api, environment):
    user = make_user(environment, metadata={"plan": "free", "team": "a"})
    path = f"{USERS}/{user.id}"
    assert api.put(path, {"metadata": {"plan": "gold", "team": None, "seats": "3"}}).json()["metadata"] == {
        "plan": "gold",
        "seats": "3",
    }
    assert api.put(path, {"first_name": "Ada"}).json()["metadata"] == {"plan": "gold", "seats": "3"}
    assert api.put(path, {"metadata": {}}).json()["metadata"] == {}


@pytest.mark.parametrize(
    "metadata",
    [
        {str(number): "x" for number in range(51)},
        {"k" * 41: "x"},
        {"k": "x" * 601},
        {"k": 1},
        {"k": {"deep": "x"}},
        {"k": ["x"]},
        {"": "x"},
    ],
)
def test_a_metadata_bomb_is_refused_whole(api, ada, emitted, metadata):
    for answer in (
        api.post(USERS, {"email": "eve@example.com", "metadata": metadata}),
        api.put(f"{USERS}/{ada.id}", {"metadata": metadata, "first_name": "Eve"}),
    ):
        assert answer.status_code == 400
        assert answer.json()["code"] == "invalid_metadata"
    assert emitted() == ["user.created"]
    assert api.get(f"{USERS}/{ada.id}").json()["metadata"] == {}


def test_many_small_merges_cannot_grow_metadata_beyond_its_limit(api, ada):
    path = f"{USERS}/{ada.id}"
    assert api.put(path, {"metadata": {str(number): "x" for number in range(50)}}).status_code == 200
    assert api.put(path, {"metadata": {"one more": "x"}}).status_code == 400
    assert len(api.get(path).json()["metadata"]) == 50


@pytest.mark.parametrize("locale", ["en", "en-US", "zh-Hant-TW", "sr-Latn-RS", "es-419"])
def test_a_language_tag_is_a_locale(api, ada, locale):
    assert api.put(f"{USERS}/{ada.id}", {"locale": locale}).json()["locale"] == locale


@pytest.mark.parametrize(
    "locale", ["e", "english language", "en_US", "en-", "<b>", "en-" + "abcdefgh-" * 9 + "x"]
)
def test_what_is_no_language_tag_is_refused(api, ada, locale):
    answer = api.put(f"{USERS}/{ada.id}", {"locale": locale})
    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_locale"


def test_a_new_address_is_unverified_and_unlinks_what_proved_the_old_one(api, environment, last_event):
    user = make_user(environment, email="old@example.com", email_verified=True)
    make_identity(user, "GoogleOAuth", email="old@example.com")
    make_identity(user, "MicrosoftOAuth", email="new@example.com")
    make_identity(user, "GitHubOAuth", email="")
    changed = api.put(f"{USERS}/{user.id}", {"email": "New@Example.com"}).json()
    assert (changed["email"], changed["email_verified"]) == ("new@example.com", False)
    identities = api.get(f"{USERS}/{user.id}/identities").json()
    assert [identity["provider"] for identity in identities] == ["MicrosoftOAuth"]
    assert last_event("user.updated")["context"]["previous_attributes"] == {
        "email": "old@example.com",
        "email_verified": True,
    }


def test_a_new_address_can_be_vouched_for_in_the_same_call(api, ada):
    changed = api.put(f"{USERS}/{ada.id}", {"email": "new@example.com", "email_verified": True}).json()
    assert changed["email_verified"] is True


def test_a_code_for_the_old_address_does_not_verify_the_new_one(api, ada):
    verification = make_email_verification(ada)
    api.put(f"{USERS}/{ada.id}", {"email": "victim@example.com"})
    answer = api.post(f"{USERS}/{ada.id}/email_verification/confirm", {"code": verification.code})
    assert answer.status_code == 400
    # Nor after a change there and back: the code died with the first change.
    api.put(f"{USERS}/{ada.id}", {"email": "ada@example.com"})
    again = api.post(f"{USERS}/{ada.id}/email_verification/confirm", {"code": verification.code})
    assert again.json()["code"] == "email_verification_code_expired"
    assert api.get(f"{USERS}/{ada.id}").json()["email_verified"] is False


def test_an_address_of_somebody_else_changes_nothing(api, environment, ada, emitted):
    user = make_user(environment, email="eve@example.com", email_verified=True, external_id="e")
    make_identity(user)
    make_user(environment, external_id="taken")
    for body, code in [
        ({"email": "ADA@example.com", "first_name": "Eve"}, "email_not_available"),
        ({"email": "not an address", "first_name": "Eve"}, "invalid_email"),
        ({"external_id": "taken", "first_name": "Eve"}, "external_id_already_used"),
    ]:
        answer = api.put(f"{USERS}/{user.id}", body)
        assert answer.status_code == 400
        assert answer.json()["code"] == code
    row = User.objects.in_environment(environment).get(pk=user.id)
    assert (row.email, row.email_verified, row.first_name) == ("eve@example.com", True, None)
    assert Identity.objects.in_environment(environment).count() == 1
    assert "user.updated" not in emitted()


def test_a_refused_change_does_not_repeat_what_was_sent(api, ada):
    answer = api.put(f"{USERS}/{ada.id}", {"email": "<script>" * 1000})
    assert b"script" not in answer.content


# --- identities -------------------------------------------------------------------------------------------


def test_identities_are_a_bare_array(api, ada, django_assert_num_queries):
    assert api.get(f"{USERS}/{ada.id}/identities").json() == []
    make_identity(ada, "GoogleOAuth", "google-subject")
    make_identity(ada, "MicrosoftOAuth", "microsoft-subject")
    with django_assert_num_queries(3):
        answer = api.get(f"{USERS}/{ada.id}/identities")
    assert answer.json() == [
        {"idp_id": "google-subject", "type": "OAuth", "provider": "GoogleOAuth"},
        {"idp_id": "microsoft-subject", "type": "OAuth", "provider": "MicrosoftOAuth"},
    ]


# --- deleting ---------------------------------------------------------------------------------------------


def test_a_deleted_user_is_gone_with_all_that_was_theirs(api, environment, ada, emitted, last_event):
    shown = api.get(f"{USERS}/{ada.id}").json()
    make_identity(ada)
    make_email_verification(ada)
    answer = api.delete(f"{USERS}/{ada.id}")
    assert answer.status_code == 200
    assert answer.content == b""
    assert "Content-Type" not in answer.headers
    assert api.get(f"{USERS}/{ada.id}").status_code == 404
    assert api.delete(f"{USERS}/{ada.id}").status_code == 404
    assert Identity.objects.in_environment(environment).count() == 0
    assert EmailVerification.objects.in_environment(environment).count() == 0
    assert last_event("user.deleted")["data"] == shown
    assert emitted()[-1] == "user.deleted"


def test_an_address_is_free_again_after_its_user_is_deleted(api, ada):
    api.delete(f"{USERS}/{ada.id}")
    assert api.post(USERS, {"email": "ada@example.com"}).status_code == 201


def test_a_service_call_on_a_user_that_is_gone_is_refused(api, ada):
    api.delete(f"{USERS}/{ada.id}")
    with pytest.raises(NotFound):
        services.update_user(user=ada, actor=SYSTEM, first_name="Ghost")
