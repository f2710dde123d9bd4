"""Leaving for an identity provider: the authentication request (SAML core 3.4, profiles 4.1)."""

from lxml import etree

from sso.exchanges import Departure
from sso.saml import writing
from sso.saml.names import POST_BINDING, SAML, SAMLP
from sso.saml.parties import IdentityProvider, SAMLOptions, ServiceProvider


def begin_sign_in(
    sp: ServiceProvider,
    idp: IdentityProvider,
    options: SAMLOptions,
    relay_state: str,
    login_hint: str | None = None,
) -> Departure:
    """Return the way to an identity provider, by the binding that it wants.

    The memory holds ``request_id``, which the response has to name. ``login_hint`` goes as a parameter beside the
    message, as Entra ID and Okta read it; leave it out for others.
    """
    message = writing.new_message("AuthnRequest", sp, idp.sso_url)
    message.set("ProtocolBinding", POST_BINDING)
    message.set("AssertionConsumerServiceURL", sp.acs_url)
    if options.force_authn:
        message.set("ForceAuthn", "true")
    # No format: each provider is set up to send what suits it, and many refuse a format that they are not set to.
    writing.add(message, SAMLP, "NameIDPolicy", AllowCreate="true")
    if options.requested_authn_context:
        context = writing.add(message, SAMLP, "RequestedAuthnContext", Comparison="exact")
        writing.add(context, SAML, "AuthnContextClassRef", options.requested_authn_context)
    request_id = str(message.get("ID"))
    url, form = idp.sso_url.partition("#")[0], None
    if idp.sso_binding == "post":
        form = writing.post_form("SAMLRequest", message, relay_state, sp, sign=options.sign_requests)
    else:
        url = writing.redirect_url(url, "SAMLRequest", message, relay_state, sp, sign=options.sign_requests)
    if login_hint:
        url = writing.with_query(url, writing.encode_query({"login_hint": login_hint}))
    return Departure(
        url=url,
        form=form,
        memory={"request_id": request_id},
        sent={
            "request_id": request_id,
            "binding": idp.sso_binding,
            "destination": idp.sso_url,
            "is_signed": options.sign_requests,
            "document": shown_request(message),
        },
    )


def shown_request(message: etree._Element) -> str:  # The public name is a factory function.
    """Return a message of ours as the trail shows it."""
    return etree.tostring(message, encoding="unicode", pretty_print=True)
