import threading

import pytest
from django.db import IntegrityError, connection, transaction

from authorization import services
from authorization.errors import DefaultRoleRequired, InvalidRole, RoleSlugTaken
from authorization.models import Role
from foundation.actors import SYSTEM
from foundation.errors import Invalid
from tests.factories.authorization import make_role
from tests.factories.environments import make_environment


def role_slugs(roles) -> list[str]:
    return [role.slug for role in roles]


def test_roles_are_resolved_in_priority_order_whatever_order_they_are_asked_in(environment, organization):
    make_role(environment, "org-auditor", organization=organization)
    asked = ["org-auditor", "member", "admin", "member"]
    assert role_slugs(services.resolve_roles(environment, organization, asked)) == [
        "admin",
        "member",
        "org-auditor",
    ]


def test_no_slugs_mean_the_default_role(environment, organization):
    assert role_slugs(services.resolve_roles(environment, organization, [])) == ["member"]


def test_roles_that_do_not_apply_are_refused_by_name(
    environment, organization, other_organization, other_environment
):
    make_role(environment, "org-other", organization=other_organization)
    make_role(other_environment, "foreign")
    services.create_role(
        environment=environment,
        actor=SYSTEM,
        slug="document-viewer",
        name="Viewer",
        resource_type_slug="document",
    )
    for slug in ("org-other", "foreign", "document-viewer", "ghost", ""):
        with pytest.raises(InvalidRole) as refusal:
            services.resolve_roles(environment, organization, ["admin", slug])
        assert refusal.value.code == "invalid_role"


def test_what_several_roles_grant_is_told_once_sorted_and_in_one_query(
    environment, organization, django_assert_num_queries
):
    make_role(environment, "editor", permissions=["reports:write", "reports:read"])
    make_role(environment, "viewer", permissions=["reports:read", "billing:read"])
    roles = services.resolve_roles(environment, organization, ["editor", "viewer"])
    with django_assert_num_queries(1):
        assert services.permission_slugs(roles) == ["billing:read", "reports:read", "reports:write"]
    with django_assert_num_queries(0):
        assert services.permission_slugs(roles)
        assert services.permission_slugs([]) == []


def test_roles_are_reordered_and_new_ones_come_last(environment, actor, emitted, last_event):
    make_role(environment, "editor")
    services.reorder_roles(environment=environment, actor=actor, slugs=["editor", "admin", "member"])
    make_role(environment, "viewer")
    assert role_slugs(services.list_roles(environment)) == ["editor", "admin", "member", "viewer"]
    assert last_event("role.updated")["context"]["previous_attributes"] == {"priority": 1}
    assert emitted().count("role.updated") == 3

    services.reorder_roles(
        environment=environment, actor=actor, slugs=["editor", "admin", "member", "viewer"]
    )
    assert emitted().count("role.updated") == 3


def test_the_roles_of_an_organization_have_an_order_of_their_own(environment, organization, actor):
    for slug in ("org-a", "org-b"):
        make_role(environment, slug, organization=organization)
    services.reorder_roles(
        environment=environment, actor=actor, organization=organization, slugs=["org-b", "org-a"]
    )
    assert role_slugs(services.list_roles(environment, organization)) == ["admin", "member", "org-b", "org-a"]


@pytest.mark.parametrize(
    "slugs", [[], ["admin"], ["admin", "admin"], ["admin", "member", "ghost"], ["admin", "member", "member"]]
)
def test_an_order_names_each_role_exactly_once(environment, actor, slugs):
    with pytest.raises(Invalid):
        services.reorder_roles(environment=environment, actor=actor, slugs=slugs)


def test_the_default_role_changes_hands(environment, organization, actor):
    services.set_default_role(role=services.require_role(environment, "admin"), actor=actor)
    assert role_slugs(services.resolve_roles(environment, organization, [])) == ["admin"]
    assert Role.objects.in_environment(environment).filter(is_default=True).count() == 1


def test_an_organizations_role_is_never_the_default(environment, organization, actor):
    role = make_role(environment, "org-auditor", organization=organization)
    with pytest.raises(Invalid):
        services.set_default_role(role=role, actor=actor)
    assert role_slugs(services.resolve_roles(environment, organization, [])) == ["member"]


def test_the_default_role_is_not_deleted_and_any_other_is(environment, actor, emitted):
    with pytest.raises(DefaultRoleRequired):
        services.delete_role(role=services.require_role(environment, "member"), actor=actor)
    services.delete_role(role=services.require_role(environment, "admin"), actor=actor)
    assert role_slugs(services.list_roles(environment)) == ["member"]
    assert emitted() == ["role.deleted"]


def test_the_database_holds_that_the_slug_tells_whose_role_it_is(environment, organization):
    for owner, slug in ((None, "org-auditor"), (organization, "auditor")):
        with pytest.raises(IntegrityError), transaction.atomic():
            Role.objects.create(environment=environment, organization=owner, slug=slug, name="Auditor")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_two_parallel_roles_of_one_slug_one_is_created():
    environment = make_environment()
    start = threading.Barrier(2)
    outcomes: list[str] = []

    def create() -> None:
        start.wait()
        try:
            services.create_role(environment=environment, actor=SYSTEM, slug="editor", name="Editor")
            outcomes.append("created")
        except RoleSlugTaken:
            outcomes.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["created", "refused"]
    assert role_slugs(services.list_roles(environment)) == ["admin", "member", "editor"]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_permissions_added_in_parallel_are_all_granted():
    environment = make_environment()
    role = make_role(environment, "editor")
    wanted = [f"p{number}" for number in range(4)]
    for slug in wanted:
        services.create_permission(environment=environment, actor=SYSTEM, slug=slug, name=slug)
    start = threading.Barrier(len(wanted))

    def add(slug: str) -> None:
        start.wait()
        try:
            services.add_role_permission(role=role, actor=SYSTEM, slug=slug)
        finally:
            connection.close()

    threads = [threading.Thread(target=add, args=(slug,)) for slug in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert services.permission_slugs([services.require_role(environment, "editor")]) == wanted
