"""Claims of domains, and their proof by DNS.

A claim is either somebody's word (strategy ``manual``: the product says so) or waits for a TXT record (strategy
``dns``). What waits is looked up soon after it begins, then less and less often, and fails after 30 days.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from environments.models import Environment
from events.services import emit
from foundation import clock
from foundation.actors import SYSTEM, Actor
from foundation.errors import NotFound
from foundation.ids import new_secret
from foundation.jobs import enqueue
from organizations.dns import DnsLookupFailed, find_txt_records
from organizations.domain_names import is_public_mail_domain, is_reserved_domain, normalize_domain
from organizations.errors import (
    DomainAlreadyExists,
    DomainAlreadyVerified,
    DomainTakenByAnotherOrganization,
    InvalidDomain,
)
from organizations.models import (
    VERIFIED_STATES,
    DomainState,
    Organization,
    OrganizationDomain,
    VerificationStrategy,
)
from organizations.representations import represent_domain
from organizations.services.changes import previous_attributes

# How long a proof may take (workos-behaviour (l)).
VERIFICATION_PERIOD = timedelta(days=30)

# How many earlier tokens still count: whoever presses "verify" twice has not published the newest one yet.
FORMER_TOKENS_KEPT = 5

# A proof's age, and how often the DNS is asked at that age.
CHECK_INTERVALS = (
    (timedelta(hours=1), timedelta(minutes=1)),
    (timedelta(days=1), timedelta(minutes=10)),
)
SLOWEST_CHECK_INTERVAL = timedelta(hours=1)

# Domains that one sweep hands out, and how long it leaves them to the workers before it hands them out again.
CHECK_BATCH = 200
CHECK_LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DomainClaim:
    """A domain that an organization says is its own; ``state`` is ``verified`` or ``pending``.

    A verified one is refused while the domain is verified for another organization (docs/decisions/0046).
    """

    domain: str
    state: str = DomainState.PENDING


@transaction.atomic
def add_domain(
    *, organization: Organization, actor: Actor, domain: str, state: str = DomainState.PENDING
) -> OrganizationDomain:
    """Add a domain to an organization; by default its proof is awaited.

    Raises InvalidDomain, DomainAlreadyExists, DomainTakenByAnotherOrganization.
    """
    organization = lock_organization(organization)
    (claim,) = normalized_claims(organization.environment, [DomainClaim(domain, state)])
    _refuse_taken(organization, [claim])
    try:
        with transaction.atomic():
            return _insert(organization, actor, claim)
    except IntegrityError as error:
        raise DomainAlreadyExists from error


@transaction.atomic
def delete_domain(*, domain: OrganizationDomain, actor: Actor) -> None:
    """Remove a domain from its organization."""
    _delete(_lock_domain(domain), actor)


@transaction.atomic
def start_domain_verification(*, domain: OrganizationDomain, actor: Actor) -> OrganizationDomain:
    """Begin the proof of a domain anew: with a fresh token, for another 30 days.

    The DNS is asked right after commit. Raises DomainAlreadyVerified.
    """
    domain = _lock_domain(domain)
    if domain.is_verified:
        raise DomainAlreadyVerified
    before = represent_domain(domain)
    _await_proof(domain, clock.now())
    _save_proof(domain)
    emit(
        "organization_domain.updated",
        environment=domain.environment,
        actor=actor,
        data=represent_domain(domain),
        previous_attributes=previous_attributes(before, represent_domain(domain)),
    )
    enqueue("organizations.tasks.check_domain", domain.environment_id, domain.id)
    return domain


def check_domain(domain: OrganizationDomain) -> None:
    """Ask the DNS for the proof of a domain that waits for one, and record what follows from the answer.

    The question is put outside any transaction: a stranger's name server decides how long it takes. A server that
    does not answer proves nothing and refutes nothing.
    """
    if domain.state != DomainState.PENDING:
        return
    try:
        records = find_txt_records(domain.domain)
    except DnsLookupFailed:
        records = []
    _record_answer(domain, records)


def enqueue_due_checks() -> int:
    """Hand out the domains whose next look-up is due, oldest first; return how many."""
    moment = clock.now()
    due = OrganizationDomain.unscoped.filter(state=DomainState.PENDING, next_check_at__lte=moment)
    rows = list(due.order_by("next_check_at").values_list("environment_id", "id")[:CHECK_BATCH])
    due.filter(id__in=[domain_id for _, domain_id in rows]).update(next_check_at=moment + CHECK_LEASE)
    for environment_id, domain_id in rows:
        enqueue("organizations.tasks.check_domain", environment_id, domain_id)
    return len(rows)


def normalized_claims(environment: Environment, claims: Sequence[DomainClaim]) -> list[DomainClaim]:
    """Return the claims in their stored form, each domain once: of two, the later one counts.

    Raises InvalidDomain for what no organization can own (docs/decisions/0020).
    """
    by_name = {}
    for claim in claims:
        name = normalize_domain(claim.domain)
        if is_public_mail_domain(name):
            raise InvalidDomain(f"{name} is a public mail provider and cannot belong to an organization.")
        if is_reserved_domain(name) and not environment.is_sandbox:
            raise InvalidDomain(f"{name} is reserved and cannot be used in a production environment.")
        by_name[name] = DomainClaim(name, claim.state)
    return list(by_name.values())


def insert_claims(organization: Organization, actor: Actor, claims: Sequence[DomainClaim]) -> None:
    """Add the normalized claims of a new organization. Raises DomainTakenByAnotherOrganization."""
    _refuse_taken(organization, claims)
    for claim in claims:
        _insert(organization, actor, claim)


def replace_claims(organization: Organization, actor: Actor, claims: Sequence[DomainClaim]) -> bool:
    """Make the normalized claims the domains of a locked organization; tell whether anything changed.

    A domain that its owner has proven by DNS stays verified when it is named as ``pending``: the word of the
    product is withdrawn, the proof is not. Raises DomainTakenByAnotherOrganization.
    """
    _refuse_taken(organization, claims)
    existing = {
        row.domain: row
        for row in OrganizationDomain.objects.in_environment(organization.environment)
        .filter(organization=organization)
        .select_related("environment")
    }
    wanted = {claim.domain for claim in claims}
    changed = False
    for name, row in existing.items():
        if name not in wanted:
            _delete(row, actor)
            changed = True
    for claim in claims:
        if claim.domain not in existing:
            _insert(organization, actor, claim)
            changed = True
        else:
            changed |= _adopt(existing[claim.domain], actor, claim.state)
    return changed


def lock_organization(organization: Organization) -> Organization:
    """Return the organization, locked against deletion until the transaction ends; raises NotFound if it is gone."""
    rows = Organization.objects.in_environment(organization.environment_id)
    rows = rows.select_related("environment", "policy")
    return rows.select_for_update(of=("self",), no_key=True).require(organization.id)


def _insert(organization: Organization, actor: Actor, claim: DomainClaim) -> OrganizationDomain:
    moment = clock.now()
    row = OrganizationDomain(
        environment=organization.environment,
        organization=organization,
        domain=claim.domain,
        created_at=moment,
        updated_at=moment,
    )
    if claim.state == DomainState.VERIFIED:
        _take_at_word(row, moment)
    else:
        _await_proof(row, moment)
    row.save(force_insert=True)
    data = represent_domain(row)
    emit("organization_domain.created", environment=organization.environment, actor=actor, data=data)
    if row.is_verified:
        emit("organization_domain.verified", environment=organization.environment, actor=actor, data=data)
    return row


def _adopt(row: OrganizationDomain, actor: Actor, state: str) -> bool:
    """Bring an existing row to the state that a claim names; tell whether that changed it."""
    before = represent_domain(row)
    if state == DomainState.VERIFIED:
        if row.is_verified:
            return False
        _take_at_word(row, clock.now())
        event = "organization_domain.verified"
    else:
        proven = row.is_verified and row.verification_strategy == VerificationStrategy.DNS
        if proven or row.state == DomainState.PENDING:
            return False
        _await_proof(row, clock.now())
        event = "organization_domain.updated"
    _save_proof(row)
    after = represent_domain(row)
    emit(
        event,
        environment=row.environment,
        actor=actor,
        data=after,
        previous_attributes=previous_attributes(before, after),
    )
    return True


def _delete(row: OrganizationDomain, actor: Actor) -> None:
    data = represent_domain(row)
    environment = row.environment
    row.delete()
    emit("organization_domain.deleted", environment=environment, actor=actor, data=data)


def _refuse_taken(organization: Organization, claims: Sequence[DomainClaim]) -> None:
    wanted = [claim.domain for claim in claims if claim.state == DomainState.VERIFIED]
    if not wanted:
        return
    lock_domains_of(organization.environment)
    taken = (
        OrganizationDomain.objects.in_environment(organization.environment)
        .filter(domain__in=wanted, state__in=VERIFIED_STATES)
        .exclude(organization=organization)
        .order_by("domain")
        .first()
    )
    if taken is not None:
        raise DomainTakenByAnotherOrganization.of(taken.domain)


def lock_domains_of(environment: Environment) -> None:
    """Let one transaction at a time decide which organization of the environment a domain goes to.

    A constraint holds the rule as well; with the lock, whoever comes second is told so in words. It leaves foreign
    keys to the environment free, so nothing else waits for it.
    """
    Environment.objects.select_for_update(no_key=True).get(pk=environment.pk)


def _lock_domain(domain: OrganizationDomain) -> OrganizationDomain:
    rows = OrganizationDomain.objects.in_environment(domain.environment_id).select_related("environment")
    return rows.select_for_update(of=("self",)).require(domain.id)


@transaction.atomic
def _record_answer(domain: OrganizationDomain, records: Sequence[str]) -> None:
    lock_domains_of(domain.environment)
    try:
        domain = _lock_domain(domain)
    except NotFound:
        return
    if domain.state != DomainState.PENDING:
        return
    moment = clock.now()
    if domain.is_proven_by(records):
        if _is_verified_elsewhere(domain):
            _fail(domain, "domain_verified_by_other_organization", moment)
        else:
            _confirm(domain, moment)
    elif domain.verification_deadline is not None and domain.verification_deadline <= moment:
        _fail(domain, "domain_verification_period_expired", moment)
    else:
        domain.next_check_at = _next_check(domain, moment)
        domain.save(update_fields=["next_check_at"])


def _is_verified_elsewhere(domain: OrganizationDomain) -> bool:
    return (
        OrganizationDomain.objects.in_environment(domain.environment)
        .filter(domain=domain.domain, state__in=VERIFIED_STATES)
        .exclude(organization=domain.organization_id)
        .exists()
    )


def _confirm(domain: OrganizationDomain, moment: datetime) -> None:
    before = represent_domain(domain)
    domain.state = DomainState.VERIFIED
    domain.verification_deadline = domain.next_check_at = None
    domain.updated_at = moment
    _save_proof(domain)
    after = represent_domain(domain)
    emit(
        "organization_domain.verified",
        environment=domain.environment,
        actor=SYSTEM,
        data=after,
        previous_attributes=previous_attributes(before, after),
    )


def _fail(domain: OrganizationDomain, reason: str, moment: datetime) -> None:
    domain.state = DomainState.FAILED
    domain.next_check_at = None
    domain.updated_at = moment
    _save_proof(domain)
    emit(
        "organization_domain.verification_failed",
        environment=domain.environment,
        actor=SYSTEM,
        data={"reason": reason, "organization_domain": represent_domain(domain)},
        organization_id=domain.organization_id,
    )


def _await_proof(domain: OrganizationDomain, moment: datetime) -> None:
    if domain.verification_token:
        former = [domain.verification_token, *domain.former_verification_tokens]
        domain.former_verification_tokens = former[:FORMER_TOKENS_KEPT]
    domain.state = DomainState.PENDING
    domain.verification_strategy = VerificationStrategy.DNS
    domain.verification_token = new_secret()
    domain.verification_deadline = moment + VERIFICATION_PERIOD
    domain.next_check_at = _next_check(domain, moment)
    domain.updated_at = moment


def _take_at_word(domain: OrganizationDomain, moment: datetime) -> None:
    domain.state = DomainState.VERIFIED
    domain.verification_strategy = VerificationStrategy.MANUAL
    domain.verification_token = ""
    domain.former_verification_tokens = []
    domain.verification_deadline = domain.next_check_at = None
    domain.updated_at = moment


def _save_proof(domain: OrganizationDomain) -> None:
    domain.save(
        update_fields=[
            "state",
            "verification_strategy",
            "verification_token",
            "former_verification_tokens",
            "verification_deadline",
            "next_check_at",
            "updated_at",
        ]
    )


def _next_check(domain: OrganizationDomain, moment: datetime) -> datetime:
    deadline = domain.verification_deadline or moment
    age = moment - (deadline - VERIFICATION_PERIOD)
    interval = next((every for young, every in CHECK_INTERVALS if age < young), SLOWEST_CHECK_INTERVAL)
    return min(moment + interval, max(deadline, moment))
