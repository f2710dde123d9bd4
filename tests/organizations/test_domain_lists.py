import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.actors import SYSTEM
from organizations import services
from organizations.models import OrganizationDomain
from organizations.representations import represent_domain
from organizations.services import DomainClaim
from tests.factories.organizations import make_organization

claims = st.builds(
    DomainClaim,
    st.sampled_from(["foo.com", "FOO.com", "bar.com", "bar.com.", "bücher.de", "xn--bcher-kva.de"]),
    st.sampled_from(["pending", "verified"]),
)
lists_of_claims = st.lists(claims, max_size=6)
CANONICAL = {"FOO.com": "foo.com", "bar.com.": "bar.com", "bücher.de": "xn--bcher-kva.de"}


@pytest.fixture
def organization(environment):
    return make_organization(environment)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(lists=st.lists(lists_of_claims, min_size=1, max_size=4))
def test_whatever_came_before_the_last_list_is_what_the_organization_has(organization, lists):
    for asked in lists:
        updated = services.update_organization(
            organization=organization, actor=SYSTEM, changes={"domains": asked}
        )

    wanted = {CANONICAL.get(claim.domain, claim.domain): claim.state for claim in lists[-1]}
    rows = OrganizationDomain.objects.in_environment(organization.environment).filter(
        organization=organization
    )
    assert {row.domain: row.state for row in rows} == wanted
    for row in rows:
        shown = represent_domain(row)
        waits = row.state == "pending"
        assert ("verification_token" in shown) == waits
        assert (row.next_check_at is not None) == (row.verification_deadline is not None) == waits
    assert {domain.id for domain in updated.domains.all()} == {row.id for row in rows}
