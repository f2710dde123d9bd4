"""Who may look across environments: ``unscoped`` opens a table for all tenants at once, so each use is on a list."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTSIDE = {"tests", "migrations", "bench", "scripts", ".venv", "var", ".git"}

# File and function, and why it asks for no environment.
ALLOWED = {
    # Which environment calls is what the look-up of a key or an origin, or a session's id, finds out.
    ("environments/api/authentication.py", ""),
    ("environments/api/authentication.py", "_note_use"),
    ("environments/api/cors.py", "preflight"),
    ("authentication/services/logout.py", "log_out"),
    ("authentication/services/logout.py", "_is_allowed"),
    ("authentication/services/authorization_requests.py", "require_authorization_request"),
    ("authentication/services/devices.py", "require_waiting_device"),
    # A browser on its way to an identity provider and back has nothing but its handle, its token or its address.
    ("sso/services/connections.py", "require_connection_of_anybody"),
    ("sso/services/exchanges.py", "find_waiting_connection_id"),
    ("sso/services/exchanges.py", "_require_pending"),
    ("sso/services/codes.py", "require_profile"),
    ("sso/services/logout.py", "start_logout"),
    ("sso/services/passwordless.py", "require_passwordless_session"),
    # Done for everybody, by a clock.
    ("sso/services/upkeep.py", "due_metadata"),
    ("sso/services/upkeep.py", "announce_renewals"),
    ("sso/services/exchanges.py", "close_unanswered"),
    ("sso/services/upkeep.py", "purge_sso"),
    # A link in a mail names nothing but its token.
    ("accounts/services/password_resets.py", "require_password_reset"),
    ("organizations/services/invitations.py", "find_invitation_of_link"),
    # The outbox is worked off for everybody.
    ("events/services.py", "hand_to_consumers"),
    ("events/services.py", "deliver_mail"),
    ("events/services.py", "sweep"),
    ("events/services.py", "settle_restored_events"),
    ("events/services.py", "_waiting_mail"),
    ("events/services.py", "_lease"),
    ("events/services.py", "_postpone"),
    ("events/tasks.py", "hand_to_consumers"),
    ("organizations/services/domains.py", "enqueue_due_checks"),
    # Retention knows age alone.
    ("accounts/services/retention.py", "purge_mailbox_proofs"),
    ("accounts/services/factors.py", "purge_authentication_challenges"),
    ("accounts/services/passkeys.py", "purge_passkey_challenges"),
    ("authentication/services/retention.py", "purge_sign_ins"),
    ("authentication/services/retention.py", "_unused_provider_sessions"),
    ("authentication/services/retention.py", "wipe_sealed_refresh_tokens"),
    ("environments/services/tenant.py", "purge_idempotent_requests"),
    ("events/services.py", "purge_old_rows"),
    # A rotated encryption key seals everybody's rows anew.
    ("config/management/commands/reencrypt_secrets.py", "_reseal"),
    ("config/management/commands/reencrypt_secrets.py", "_reseal_row"),
    # Where the wall is built.
    ("foundation/scoping.py", ""),
}
# Ways around the manager that opens a table for one environment.
AROUND = {"unscoped", "_base_manager", "_default_manager", "raw", "extra"}


def uses() -> Iterator[tuple[str, str, int]]:
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT)
        # A virtual environment, whatever it is called, is none of ours.
        if not OUTSIDE & set(relative.parts) and not any(part.startswith(".") for part in relative.parts):
            yield from uses_in(str(relative), ast.parse(path.read_text()), "")


def uses_in(file: str, node: ast.AST, function: str) -> Iterator[tuple[str, str, int]]:
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef) and not function else function
        if (isinstance(child, ast.Attribute) and child.attr in AROUND) or (
            isinstance(child, ast.AnnAssign) and getattr(child.target, "id", "") in AROUND
        ):
            yield file, inner, child.lineno
        yield from uses_in(file, child, inner)


def test_nobody_looks_across_environments_who_is_not_on_the_list():
    found = {(file, function): line for file, function, line in uses()}

    strangers = {
        f"{file}:{line} ({function})"
        for (file, function), line in found.items()
        if (file, function) not in ALLOWED
    }

    assert not strangers


def test_the_list_names_nobody_who_is_gone():
    assert {(file, function) for file, function, _ in uses()} >= ALLOWED
