"""Celery tasks of organizations: each calls one service and may run twice."""

from foundation.jobs import task
from organizations import services
from organizations.models import OrganizationDomain


@task("organizations.tasks.check_domain")
def check_domain(environment_id: str, domain_id: str) -> None:
    """Ask the DNS for the proof of one domain, if it still waits for one."""
    domain = OrganizationDomain.objects.in_environment(environment_id).find(domain_id)
    if domain is not None:
        services.check_domain(domain)


@task("organizations.tasks.check_pending_domains")
def check_pending_domains() -> None:
    """Hand out the domains whose next look-up is due."""
    services.enqueue_due_checks()
