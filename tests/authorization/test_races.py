"""Changes of all roles at once, with real row locks."""

import pytest

from authorization import services
from authorization.models import Role
from foundation.actors import SYSTEM
from tests.factories.authorization import make_role
from tests.factories.environments import make_environment
from tests.threads import in_parallel

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_reordering_and_choosing_the_default_at_once_do_not_wait_for_each_other_in_a_circle():
    environment = make_environment()
    slugs = ["admin", "member", *(make_role(environment, f"role-{number}").slug for number in range(6))]

    def act(number):
        for turn in range(6):
            if number % 2:
                role = Role.objects.in_environment(environment).get(slug=slugs[(number + turn) % len(slugs)])
                services.set_default_role(role=role, actor=SYSTEM)
            else:
                order = slugs if (turn + number // 2) % 2 else slugs[::-1]
                services.reorder_roles(environment=environment, actor=SYSTEM, slugs=order)
        return True

    assert in_parallel(4, act) == [True] * 4
    assert Role.objects.in_environment(environment).filter(is_default=True).count() == 1
