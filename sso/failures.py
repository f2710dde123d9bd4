"""The refusals that no protocol knows of, with a sentence for an IT admin each."""

from collections.abc import Mapping
from enum import StrEnum


class ExchangeFailure(StrEnum):
    """A check of an exchange, whatever its protocol; the value stands in the trail."""

    CONNECTION_UNLINKED = "connection_unlinked"
    NOT_BEGUN = "exchange_not_begun"
    OTHER_CONNECTION = "answer_of_another_connection"
    OTHER_BROWSER = "answer_in_another_browser"
    REPLAYED = "answer_replayed"
    SUBJECT_MISSING = "subject_missing"
    SUBJECT_TOO_LONG = "subject_too_long"
    EMAIL_MISSING = "email_missing"
    OUTSIDE_ORGANIZATION = "profile_not_allowed_outside_organization"
    TEST_IDP_IN_PRODUCTION = "test_idp_in_production"
    UNANSWERED = "unanswered"
    NEVER_LEFT = "never_left"
    NO_PROVIDER_LOGOUT = "no_logout_at_the_provider"
    LOGOUT_INCOMPLETE = "logout_incomplete"


EXCHANGE_SENTENCES: Mapping[ExchangeFailure, str] = {
    ExchangeFailure.CONNECTION_UNLINKED: (
        "The connection is switched off, or its settings are not complete. Complete them, or switch it on."
    ),
    ExchangeFailure.NOT_BEGUN: (
        "An answer came before the browser had been sent to the identity provider. The person should begin again."
    ),
    ExchangeFailure.OTHER_CONNECTION: (
        "The answer came to this installation under the address of another connection. Check at the identity provider "
        "that the ACS URL or redirect URI is the one that this connection shows."
    ),
    ExchangeFailure.OTHER_BROWSER: (
        "The answer came from a browser other than the one that was sent to the identity provider, or that browser "
        "keeps no cookies. If it happens often, check that people do not copy sign-in links from one browser into "
        "another."
    ),
    ExchangeFailure.REPLAYED: (
        "This very answer was used before; each one counts once. The person should sign in again, rather than reload "
        "the page or go back."
    ),
    ExchangeFailure.SUBJECT_MISSING: (
        "The answer does not say who signed in. Let the identity provider send a stable id of the person, or name in "
        "the attribute mapping which attribute holds it (idp_id)."
    ),
    ExchangeFailure.SUBJECT_TOO_LONG: "The id of the person has more than 512 characters. Map a shorter one.",
    ExchangeFailure.EMAIL_MISSING: (
        "The answer holds no e-mail address that could be read. Let the identity provider send one, or name in the "
        "attribute mapping which attribute holds it (email)."
    ),
    ExchangeFailure.OUTSIDE_ORGANIZATION: (
        "{email} is outside the verified domains of {organization} that this connection serves. Add and verify the "
        "missing domain, add it to the connection if that names its domains, or let the organization allow profiles "
        "from outside."
    ),
    ExchangeFailure.TEST_IDP_IN_PRODUCTION: (
        "This connection leads to the test identity provider of a sandbox, where anybody can be anybody. Nobody signs in "
        "to a production environment by it: set the connection up with the customer's own identity provider."
    ),
    ExchangeFailure.UNANSWERED: (
        "The browser was sent to the identity provider and did not come back in time. If it happens to everybody, open "
        "the sign-in URL of the connection in a browser: the identity provider may show an error of its own, or send its "
        "answers to another address than the one that this connection shows."
    ),
    ExchangeFailure.NEVER_LEFT: (
        "A sign-in was prepared, and the browser never went to the identity provider: the application may not follow "
        "the redirect, or a program asked instead of a person."
    ),
    ExchangeFailure.NO_PROVIDER_LOGOUT: (
        "The person was signed out here, and stays signed in at the identity provider: it has no logout address that "
        "is known here, or told nothing at the sign-in that its logout could be asked with. Add its logout address, or "
        "switch single logout off."
    ),
    ExchangeFailure.LOGOUT_INCOMPLETE: (
        "The person was signed out here. The identity provider says that it did not sign them out everywhere: {status}. "
        "Look into its own log for the application that did not answer."
    ),
}
