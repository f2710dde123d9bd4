import json

import pytest

from accounts.services import update_user
from foundation.actors import SYSTEM
from tests.factories.organizations import make_membership, make_organization

PATH = "/user_management/jwt_template"
CONTENT = '{"urn:app:name": "{{ user.first_name || \'Someone\' }}", "urn:app:org": {{ organization.name }}}'


def test_no_template_was_set_yet(api):
    answer = api.get(PATH)

    assert answer.status_code == 404
    assert answer.json() == {"message": "JWT template not found."}


def test_a_template_is_set_read_and_replaced(api):
    created = api.put(PATH, {"content": CONTENT})
    assert created.status_code == 200
    assert created.json()["object"] == "jwt_template"
    assert created.json()["content"] == CONTENT
    assert api.get(PATH).json() == created.json()

    replaced = api.put(PATH, {"content": '{"a": 1}'}).json()

    assert replaced["content"] == '{"a": 1}'
    assert replaced["created_at"] == created.json()["created_at"]


def test_its_claims_stand_in_the_tokens_from_then_on(api, client, user):
    make_membership(make_organization(client.environment), user)
    before = client.sign_in("ada@example.com")
    api.put(PATH, {"content": CONTENT})
    update_user(user=user, actor=SYSTEM, first_name="Ada")

    claims = client.claims(client.refresh(before["refresh_token"]).json()["access_token"])

    assert claims["urn:app:name"] == "Ada"
    assert claims["urn:app:org"] == "Foo Corp"
    assert claims["sub"] == user.id


def test_a_value_of_a_user_adds_no_claim(api, client, user):
    api.put(PATH, {"content": '{"name": "{{ user.first_name }}"}'})
    update_user(user=user, actor=SYSTEM, first_name='", "role": "admin", "x": "{{ user.email }}')

    claims = client.claims(client.sign_in("ada@example.com")["access_token"])

    assert "role" not in claims
    assert claims["name"] == '", "role": "admin", "x": "{{ user.email }}'


def test_what_the_house_states_is_not_for_a_template_to_say(api, client, user):
    make_membership(make_organization(client.environment), user)
    content = '{"org_id": "org_other", "role": "admin", "roles": ["admin"], "client_id": "x", "auth_time": 1}'
    assert api.put(PATH, {"content": content}).status_code == 200

    body = client.sign_in("ada@example.com")

    claims = client.claims(body["access_token"])
    assert claims["org_id"] == body["organization_id"]
    assert claims["role"] == "member"
    assert claims["client_id"] == client.environment.client_id
    assert claims["auth_time"] > 1


@pytest.mark.parametrize("claim", ["iss", "sub", "exp", "iat", "nbf", "jti", "sid", "act"])
def test_a_reserved_claim_is_refused_and_the_former_template_stays(api, claim):
    api.put(PATH, {"content": '{"a": 1}'})

    answer = api.put(PATH, {"content": json.dumps({claim: "forged"})})

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request_parameters"
    assert answer.json()["errors"][0]["field"] == "content"
    assert api.get(PATH).json()["content"] == '{"a": 1}'


@pytest.mark.parametrize("content", ["", "[]", "{", '{"a": {{ secrets.key }}}', None, 7])
def test_what_is_no_template_is_refused(api, content):
    answer = api.put(PATH, {"content": content})

    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert api.get(PATH).status_code == 404


def test_claims_that_do_not_fit_are_refused_in_oauths_form_and_nobody_is_signed_in(
    api, client, user, emitted
):
    api.put(PATH, {"content": '{"all": {{ user.metadata }}}'})
    update_user(user=user, actor=SYSTEM, metadata={f"key{number}": "x" * 600 for number in range(10)})

    answer = client.password("ada@example.com")

    assert answer.status_code == 400
    assert answer.json()["error"] == "token_too_big"
    assert "session.created" not in emitted()


def test_each_environment_has_its_own(api, other_api):
    api.put(PATH, {"content": '{"a": 1}'})

    assert other_api.get(PATH).status_code == 404
