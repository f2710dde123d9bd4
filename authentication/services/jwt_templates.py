"""The JWT template of an environment."""

from django.db import transaction

from authentication.jwt_templates import compile_template
from authentication.models import JWTTemplate
from environments.models import Environment
from foundation import clock
from foundation.errors import NotFound


def require_jwt_template(environment: Environment) -> JWTTemplate:
    """Return the template; raises NotFound where none was set."""
    template = JWTTemplate.objects.in_environment(environment).first()
    if template is None:
        raise NotFound("JWT template not found.")
    return template


@transaction.atomic
def set_jwt_template(*, environment: Environment, content: str) -> JWTTemplate:
    """Set the template; access tokens follow it from now on. Raises InvalidJwtTemplate, and nothing has changed."""
    compile_template(content)
    moment = clock.now()
    template, _created = JWTTemplate.objects.in_environment(environment).update_or_create(
        environment=environment,
        defaults={"content": content, "updated_at": moment},
        create_defaults={"content": content, "created_at": moment, "updated_at": moment},
    )
    return template
