"""Which connections somebody can sign in through."""

from django.db.models import Exists, OuterRef, Q

from environments.models import Environment
from foundation.dns_names import to_ascii_domain
from foundation.scoping import EnvironmentQuerySet
from organizations.models import VERIFIED_STATES, Organization, OrganizationDomain
from sso.models import Connection, ConnectionDomain
from sso.representations import LINKED_STATES
from sso.services.connections import connections_with_relations


def usable_connections(
    environment: Environment, *, organization: Organization | str | None = None, domain: str | None = None
) -> list[Connection]:
    """Return the connections of an organization, or of a mail domain, that people can sign in through, oldest first.

    They are active, or validating and waiting for the first sign-in. A domain counts only where its organization has
    proven it: whoever merely claims one must not be sent its owner's people. Give one of the two.
    """
    if (organization is None) == (domain is None):
        message = "Name an organization or a domain."
        raise TypeError(message)
    rows = Connection.objects.in_environment(environment).filter(state__in=LINKED_STATES)
    rows = rows.select_related("organization")
    if organization is not None:
        return list(rows.filter(organization=organization).order_by("id"))
    try:
        name = to_ascii_domain(domain or "")
    except ValueError:
        return []
    return list(_serving(environment, rows, name, verified_only=True).order_by("id"))


def connections_of_domain(environment: Environment, domain: str) -> EnvironmentQuerySet[Connection]:
    """Return the connections that name a domain, or whose organization does, proven or not."""
    try:
        name = to_ascii_domain(domain)
    except ValueError:
        name = domain  # It matches nothing, as it should.
    return _serving(environment, connections_with_relations(environment), name, verified_only=False)


def _serving(
    environment: Environment, rows: EnvironmentQuerySet[Connection], domain: str, *, verified_only: bool
) -> EnvironmentQuerySet[Connection]:
    """Narrow connections to those that serve a domain: they name it, or none and it is their organization's."""
    own = ConnectionDomain.objects.in_environment(environment).filter(connection=OuterRef("pk"))
    claims = OrganizationDomain.objects.in_environment(environment).filter(
        organization=OuterRef("organization_id"), domain=domain
    )
    if verified_only:
        claims = claims.filter(state__in=VERIFIED_STATES)
        return rows.filter(Exists(claims) & (Exists(own.filter(domain=domain)) | ~Exists(own)))
    return rows.filter(Q(Exists(own.filter(domain=domain))) | (~Q(Exists(own)) & Q(Exists(claims))))
