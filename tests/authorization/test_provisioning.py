from authorization.models import Role
from authorization.services import list_roles


def test_a_new_environment_has_the_roles_admin_and_member_and_member_is_the_default(environment):
    roles = list(list_roles(environment))
    assert [(role.slug, role.priority, role.is_default) for role in roles] == [
        ("admin", 0, False),
        ("member", 1, True),
    ]


def test_the_roles_of_two_environments_are_different_rows(environment, other_environment):
    assert not set(list_roles(environment)) & set(list_roles(other_environment))
    assert Role.objects.in_environment(other_environment).count() == 2
