import httpx

from tests.live import LiveGatehouse, run_gatehouse


def call(server: LiveGatehouse, method: str, path: str, **options: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.api_key}", **options.pop("headers", {})}  # type: ignore[dict-item]  # tests pass plain dicts
    return httpx.request(method, f"{server.base_url}{path}", headers=headers, timeout=30, **options)  # type: ignore[arg-type]  # handed on


def test_the_server_says_where_it_is_and_what_opens_it(gatehouse_server):
    printed = "".join(gatehouse_server.output)

    for word in (
        gatehouse_server.base_url,
        gatehouse_server.api_key,
        gatehouse_server.client_id,
        "/docs",
        "/dev/mail",
    ):
        assert word in printed
    assert gatehouse_server.admin_password in printed


def test_a_body_without_a_declared_length_is_read_and_bounded(gatehouse_server):
    def pieces(content):
        yield content[:5]
        yield content[5:]

    path = "/user_management/cors_origins"
    created = call(gatehouse_server, "POST", path, content=pieces(b'{"origin": "https://chunked.example"}'))
    assert created.status_code == 201, created.text
    assert call(gatehouse_server, "POST", path, content=pieces(b"x" * 2 * 1024 * 1024)).status_code == 413


def test_head_sends_no_body_over_the_wire(gatehouse_server):
    answer = call(gatehouse_server, "HEAD", "/events")

    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["Content-Length"]) > 0


def test_a_second_start_keeps_the_data_and_shows_no_password_again(tmp_path):
    with run_gatehouse(tmp_path) as first:
        created = call(
            first, "POST", "/user_management/cors_origins", json={"origin": "https://kept.example"}
        )
        assert created.status_code == 201
    assert first.process.returncode == 0

    with run_gatehouse(tmp_path, GATEHOUSE_API_KEY=first.api_key) as second:
        listed = call(second, "GET", "/user_management/cors_origins").json()
        assert [row["origin"] for row in listed["data"]] == ["https://kept.example"]
        assert second.admin_password not in "".join(second.output)
    assert second.process.returncode == 0
