from urllib.parse import urlsplit

from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer


def test_the_docs_page_lists_the_operations_without_asking_any_other_host(
    page: Page, live_server: LiveServer
) -> None:
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

    page.goto(f"{live_server.url}/docs")

    expect(page.get_by_text("/user_management/redirect_uris").first).to_be_visible(timeout=15_000)
    assert hosts <= {urlsplit(live_server.url).netloc, ""}
