"""The refusals of this app; codes from workos-behaviour (a)."""

from foundation.errors import Invalid


class InvalidDomain(Invalid):
    """The text is no domain that an organization could own."""

    message = "Domain is invalid."

    def __init__(self, message: str | None = None) -> None:
        reason = message or self.message
        super().__init__(errors=[{"field": "domain", "code": "domain_invalid", "message": reason}])
