import pytest

from accounts.models import User
from environments.models import APIKey, Environment, RedirectURI
from environments.services import create_api_key, revoke_api_key
from foundation.errors import NotFound
from foundation.prepared import PreparedQuery
from tests.factories.accounts import make_user
from tests.factories.environments import make_environment
from tests.threads import in_parallel

by_email: PreparedQuery[User] = PreparedQuery(
    lambda environment_id, email: User.unscoped.select_related("environment").filter(
        environment_id=environment_id, email=email
    ),
    arguments=2,
)


def test_it_finds_what_the_queryset_describes_with_every_column_as_django_reads_it(environment):
    made = make_user(environment, email="ada@acme.test", metadata={"a": "b"}, first_name="Ada")

    found = by_email.find(environment.id, "ada@acme.test")

    assert found is not None
    plain = User.unscoped.get(pk=made.pk)
    assert {f.attname: getattr(found, f.attname) for f in User._meta.concrete_fields} == {
        f.attname: getattr(plain, f.attname) for f in User._meta.concrete_fields
    }
    assert not found._state.adding


def test_what_is_joined_costs_no_further_query(environment, django_assert_num_queries):
    make_user(environment, email="ada@acme.test")
    by_email.find(environment.id, "nobody")

    with django_assert_num_queries(1):
        found = by_email.find(environment.id, "ada@acme.test")
        assert found is not None
        assert found.environment.name == environment.name


@pytest.mark.parametrize("email", ["nobody@acme.test", "", "argument 1", "' OR 1=1 --", "%s", "%", "é"])
def test_it_finds_nothing_where_there_is_nothing(environment, email):
    make_user(environment, email="ada@acme.test")

    assert by_email.find(environment.id, email) is None
    assert by_email.find("argument 0", "ada@acme.test") is None


def test_a_query_that_does_not_use_its_arguments_is_refused(db):
    with pytest.raises(ValueError, match="takes 2 arguments and uses 1"):
        PreparedQuery(lambda pk, _other: Environment.objects.filter(pk=pk), arguments=2).find("a", "b")


def test_a_fixed_condition_stays(environment):
    issued = create_api_key(environment=environment, name="x")
    live = PreparedQuery(lambda pk: APIKey.unscoped.filter(pk=pk, revoked_at__isnull=True), arguments=1)
    assert live.find(issued.api_key.pk) == issued.api_key
    revoke_api_key(issued.api_key)

    assert live.find(issued.api_key.pk) is None


def test_require_keeps_to_the_environment_and_to_what_narrows_it(environment, other_environment):
    mine = RedirectURI.objects.in_environment(environment).get()

    assert RedirectURI.objects.in_environment(environment).require(mine.pk) == mine
    with pytest.raises(NotFound):
        RedirectURI.objects.in_environment(other_environment).require(mine.pk)
    with pytest.raises(NotFound):
        RedirectURI.objects.in_environment(environment).filter(is_default=False).require(mine.pk)
    with pytest.raises(NotFound):
        RedirectURI.objects.in_environment(environment).exclude(pk=mine.pk).require(mine.pk)


def test_querysets_of_an_environment_do_not_change_each_other(environment):
    first = RedirectURI.objects.in_environment(environment)
    assert first.filter(is_default=False).count() == 0
    assert first.order_by("-uri").reverse().count() == 1
    assert list(first) == list(RedirectURI.objects.in_environment(environment))
    assert first.update(uri="https://changed.example/") == 1
    assert RedirectURI.objects.in_environment(environment).get().uri == "https://changed.example/"
    first.delete()
    assert not RedirectURI.objects.in_environment(environment).exists()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_threads_share_a_prepared_query():
    environment = make_environment()
    users = [make_user(environment) for _ in range(8)]
    fresh: PreparedQuery[User] = PreparedQuery(lambda pk: User.unscoped.filter(pk=pk), arguments=1)

    found = in_parallel(8, lambda number: [fresh.find(users[number].pk) for _ in range(50)])

    assert all(set(rows) == {users[number]} for number, rows in enumerate(found))
