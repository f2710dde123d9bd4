"""The refusals of this app; codes from workos-behaviour (a)."""

from collections.abc import Sequence

from foundation.errors import BadRequest, Invalid


class InvalidJwtTemplate(Invalid):
    """A template that could never be rendered; each problem in plain words."""

    def __init__(self, code: str, problems: Sequence[str]) -> None:
        errors = [{"field": "content", "code": code, "message": problem} for problem in problems]
        super().__init__(errors=errors)


class TokenTooBig(BadRequest):
    """What the template makes of this user does not fit into an access token."""

    code = "token_too_big"
    message = "The claims of the JWT template are too big for an access token."
