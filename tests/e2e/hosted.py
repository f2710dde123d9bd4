"""What the browser tests of the hosted pages share: a relying application, a watch on the page, axe-core."""

import importlib.util
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import jwt
from playwright.sync_api import Page

from tests.live import free_port

_ROOT = Path(__file__).parents[2]
_AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_arguments: Any) -> None:
        pass


@contextmanager
def relying_application(base_url: str, api_key: str, client_id: str, patch: Any) -> Iterator[str]:
    """Run the example application on a free port; yield its address."""
    with relying_example(base_url, api_key, client_id, patch) as (address, _example):
        yield address


@contextmanager
def relying_example(
    base_url: str, api_key: str, client_id: str, patch: Any
) -> Iterator[tuple[str, ModuleType]]:
    """Run the example application on a free port; yield its address and the application itself."""
    patch.setenv("WORKOS_BASE_URL", base_url)
    patch.setenv("WORKOS_API_KEY", api_key)
    patch.setenv("WORKOS_CLIENT_ID", client_id)
    port = free_port()
    address = f"http://localhost:{port}"
    patch.setenv("CALLBACK_URL", f"{address}/callback")
    example = _load_example()
    server = make_server("127.0.0.1", port, example.application, example.Server, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address, example
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
        example.workos.close()


def claims_of_visitor(example: ModuleType) -> dict[str, Any]:
    """Return what the access token of the application's one visitor says, verified by the published keys."""
    (visit,) = [visit for visit in example.visits.values() if "user" in visit]
    keys = jwt.PyJWKClient(example.users.get_jwks_url())
    signing_key = keys.get_signing_key_from_jwt(visit["access_token"])
    claims: dict[str, Any] = jwt.decode(visit["access_token"], signing_key, algorithms=["RS256"])
    assert claims["sub"] == visit["user"].id
    return claims


def _load_example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("relying_app", _ROOT / "examples" / "relying_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serious_problems(page: Page) -> list[str]:
    """Return what axe-core finds, with where it is."""
    page.evaluate(_AXE)
    found = page.evaluate(
        "async () => (await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa',"
        " 'wcag22aa', 'best-practice']})).violations"
    )
    return [f"{rule['id']}: {[node['html'] for node in rule['nodes']]}" for rule in found]
