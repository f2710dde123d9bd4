"""From a verified answer to the profile that it is about."""

from collections.abc import Mapping

from sso.attribute_presets import map_profile, plain
from sso.exchanges import ReceivedProfile
from sso.saml.failures import SAMLFailure, refused
from sso.saml.names import FORMAT_TRANSIENT
from sso.saml.parties import SAMLAnswer


def received_profile(
    answer: SAMLAnswer, connection_type: str, attribute_map: Mapping[str, str]
) -> ReceivedProfile:
    """Return the profile in an answer, by the type's preset and the connection's map.

    Raises ExchangeRefused where nothing in it tells this person from others for good. The address counts as verified
    where the caller trusts the provider with its domain; SAML has no word for it.
    """
    is_transient = answer.name_id_format == FORMAT_TRANSIENT
    raw = {name: plain(values) for name, values in answer.attributes.items()}
    mapped = map_profile(
        connection_type,
        attribute_map,
        raw,
        name_id="" if is_transient else answer.name_id,
        name_id_format=answer.name_id_format,
    )
    if mapped.idp_id is None:
        failure = SAMLFailure.SUBJECT_NOT_STABLE if is_transient else SAMLFailure.SUBJECT_MISSING
        refusal = refused(failure)
        refusal.received = answer.received
        raise refusal
    return ReceivedProfile(
        idp_id=mapped.idp_id,
        email=mapped.email,
        first_name=mapped.first_name,
        last_name=mapped.last_name,
        name=mapped.name,
        groups=mapped.groups,
        raw_attributes=raw,
        memory=answer.logout_memory,
        received=answer.received,
    )
