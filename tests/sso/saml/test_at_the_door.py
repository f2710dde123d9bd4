"""What the ACS door makes of attacks: nobody is signed in, and the trail has the name of the check."""

from dataclasses import replace

from sso import services
from sso.models import ExchangeState, Profile, SSOSession
from sso.saml.keys import bare_base64
from tests.factories.organizations import make_organization
from tests.factories.sso import make_saml_connection
from tests.odd_keys import unreadable_name
from tests.sso.browser import CALLBACK, SSOBrowser, pending_request_id, query_of, saml_answer
from tests.sso.saml.attacks import ATTACKS
from tests.sso.saml.identity_provider import one
from tests.sso.saml.identity_provider import post as post_of


def connect(organization, idp):
    return make_saml_connection(
        organization,
        saml={
            "idp_entity_id": idp.entity_id,
            "idp_sso_url": idp.sso_url,
            "idp_certificates": [idp.certificate_pem],
        },
    )


def last_exchange(connection) -> SSOSession:
    return connection.sso_sessions.order_by("-id").first()


def test_an_attack_signs_nobody_in_and_is_named_in_the_trail(
    environment, browser, saml_connection, company_idp
):
    sp = services.service_provider_of(services.require_connection(environment.id, saml_connection.id))
    attacks = {name: attack for name, attack in ATTACKS.items() if not attack.options}
    found = {}
    for name, attack in attacks.items():
        left = browser.leave(connection=saml_connection.id)
        relay_state = query_of(left["Location"])["RelayState"]
        evil = attack.make(company_idp, sp, pending_request_id(saml_connection))

        answer = browser.post_answer(saml_connection, evil, relay_state)

        trail = last_exchange(saml_connection)
        found[name] = trail.failure
        assert answer["Location"].startswith(CALLBACK)
        assert "code" not in query_of(answer["Location"])
        assert trail.state == ExchangeState.FAILED
        assert trail.sentence

    assert found == {name: attack.failure.value for name, attack in attacks.items()}
    assert not Profile.objects.in_environment(environment).exists()


def test_a_response_for_another_connection_of_the_same_provider_is_refused(
    environment, browser, saml_connection, company_idp
):
    sibling = connect(make_organization(environment, name="Sibling"), company_idp)
    left = browser.leave(connection=saml_connection.id)
    relay_state = query_of(left["Location"])["RelayState"]
    answer = saml_answer(sibling, company_idp, request_id=pending_request_id(saml_connection))

    browser.post_answer(saml_connection, answer, relay_state)

    assert last_exchange(saml_connection).failure == "wrong_destination"
    assert not Profile.objects.in_environment(environment).exists()


def test_a_response_for_another_environment_of_the_same_provider_is_refused(
    environment, other_environment, browser, saml_connection, company_idp
):
    foreign = connect(make_organization(other_environment, name="Elsewhere"), company_idp)
    left = browser.leave(connection=saml_connection.id)
    relay_state = query_of(left["Location"])["RelayState"]
    answer = saml_answer(foreign, company_idp, request_id=pending_request_id(saml_connection))

    browser.post_answer(saml_connection, answer, relay_state)
    browser.post_answer(foreign, answer, relay_state)

    assert last_exchange(saml_connection).failure == "wrong_destination"
    assert not Profile.objects.in_environment(environment).exists()
    assert not Profile.objects.in_environment(other_environment).exists()


def test_the_handle_of_another_environment_opens_nothing_here(
    environment, other_environment, saml_connection, company_idp
):
    foreign = connect(make_organization(other_environment, name="Elsewhere"), company_idp)
    browser = SSOBrowser(other_environment)
    left = browser.leave(connection=foreign.id)
    relay_state = query_of(left["Location"])["RelayState"]
    answer = saml_answer(saml_connection, company_idp, request_id=pending_request_id(foreign))

    browser.post_answer(saml_connection, answer, relay_state)

    assert last_exchange(foreign).failure == "answer_of_another_connection"
    assert not Profile.objects.in_environment(environment).exists()


def test_an_assertion_counts_once_in_a_new_response_around_it_too(
    environment, browser, saml_connection, company_idp
):
    connection = services.require_connection(environment.id, saml_connection.id)
    connection.saml_settings.allow_idp_initiated = True
    connection.saml_settings.save(update_fields=["allow_idp_initiated"])
    sp = services.service_provider_of(connection)
    document = company_idp.response(sp, None)
    first = browser.post_answer(saml_connection, post_of(document), "")
    document.set("ID", "_a_new_one")

    second = browser.post_answer(saml_connection, post_of(document), "")

    assert "code" in query_of(first["Location"])
    assert second.status_code == 403
    assert last_exchange(saml_connection).failure == "answer_replayed"


def test_a_sign_in_that_begins_at_the_provider_is_refused_where_it_is_not_allowed(
    environment, browser, saml_connection, company_idp
):
    answer = saml_answer(saml_connection, company_idp, request_id=None)

    response = browser.post_answer(saml_connection, answer, "")

    assert response.status_code == 403
    assert last_exchange(saml_connection).failure == "idp_initiated_refused"


def test_the_key_of_another_organizations_provider_counts_for_nothing_here(
    environment, browser, saml_connection, company_idp
):
    neighbour = replace(company_idp, name="neighbour.example.com")
    connect(make_organization(environment, name="Neighbour"), neighbour)

    browser.sign_in_by_saml(saml_connection, neighbour)

    assert last_exchange(saml_connection).failure == "unknown_certificate"


def test_a_certificate_in_a_message_that_cannot_be_read_is_no_error_of_ours(
    environment, browser, saml_connection, company_idp
):
    left = browser.leave(connection=saml_connection.id)
    relay_state = query_of(left["Location"])["RelayState"]
    sp = services.service_provider_of(services.require_connection(environment.id, saml_connection.id))
    response = replace(company_idp, name="stranger").response(sp, pending_request_id(saml_connection))
    # In a signature that holds nothing, a stranger may name whatever certificate they like.
    one(response, "X509Certificate").text = bare_base64(unreadable_name())

    answer = browser.post_answer(saml_connection, post_of(response), relay_state)

    assert "code" not in query_of(answer["Location"])
    assert last_exchange(saml_connection).failure == "invalid_signature"
