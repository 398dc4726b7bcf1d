"""Calls to an API server: what is sent, what is tried again, and what an error says."""

from __future__ import annotations

import pytest
import urllib3

from harness.cluster.kubernetes.client import APPLY_PATCH, ApiError, ExpiredError
from harness.errors import ClusterError
from tests.unit.kubernetes.server import Answer, Server, refused

BROKEN = urllib3.exceptions.ProtocolError("Connection aborted.")


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(refused(429, "TooManyRequests", "slow down"), id="429"),
        pytest.param(refused(500, "InternalError", "etcd leader changed"), id="500"),
        pytest.param(Answer(503, b"upstream is away"), id="503 without a Status"),
        pytest.param(BROKEN, id="broken connection"),
        pytest.param(ConnectionResetError("reset"), id="reset"),
        pytest.param(urllib3.exceptions.NewConnectionError(None, "refused"), id="nobody listens"),  # type: ignore[arg-type]
    ],
)
def test_what_may_pass_is_tried_again(fault: Answer | Exception) -> None:
    """429, 5xx and broken connections are no answers yet."""
    server = Server()
    server.script = [fault, Answer(200, {"kind": "Thing"})]

    assert server.client().get("/api/v1/things/x") == {"kind": "Thing"}
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 422])
def test_what_stays_is_not_tried_again(status: int) -> None:
    """Any other refusal is an answer, in the server's own words."""
    server = Server()
    server.script = [refused(status, "No", "because I say so")]
    with pytest.raises(ApiError, match=f"because I say so \\({status}\\)") as raised:
        server.client().get("/x")

    assert (len(server.asked), raised.value.status, raised.value.reason) == (1, status, "No")


def test_a_field_that_the_schema_lacks_is_not_tried_again() -> None:
    """Server-side apply answers 500 to it, and would for ever."""
    server = Server()
    server.script = [refused(500, "", "failed to create typed patch object (x/p): .spec.bogus: field not declared")]
    with pytest.raises(ApiError, match="bogus"):
        server.client().get("/x")

    assert len(server.asked) == 1


def test_patience_ends_and_says_how_long_it_was() -> None:
    """A server that stays away is reported with the last fault and the time spent."""
    server = Server()
    server.script = [BROKEN] * 10_000
    with pytest.raises(ApiError, match=r"Connection aborted.*") as raised:
        server.client(patience_s=0.01).get("/x")

    assert "tried for" in str(raised.value.what)


def test_a_certificate_that_does_not_fit_is_not_tried_again() -> None:
    """No waiting cures a kubeconfig; the client library reports it in a way of its own."""
    from kubernetes.client.exceptions import ApiException  # noqa: PLC0415 - as the code under test does

    server = Server()
    server.script = [ApiException(status=0, reason="SSLError\ncertificate verify failed")]
    with pytest.raises(ClusterError, match="certificate verify failed"):
        server.client().get("/x")

    assert len(server.asked) == 1


def test_a_body_is_sent_as_an_object() -> None:
    """The library encodes it; a text it would encode once more (seen on 37.0.2)."""
    server = Server()
    server.client().call("PATCH", "/api/v1/things/x", None, {"metadata": {"name": "x"}}, APPLY_PATCH)

    assert server.asked[0][3] == {"metadata": {"name": "x"}}
    assert server.content_types == ["application/apply-patch+yaml"]


def test_absence_is_an_answer() -> None:
    """Finding nothing is no error; being refused is."""
    server = Server()
    found = server.client().find("/api/v1/things/x")
    server.script = [refused(403, "Forbidden", "not for you")]

    assert found is None
    with pytest.raises(ApiError, match="not for you"):
        server.client().find("/api/v1/things/x")


@pytest.mark.parametrize("body", [b"<html>login</html>", b"[]", b""])
def test_an_answer_that_is_no_object_is_an_error(body: bytes) -> None:
    """A proxy's login page is no cluster."""
    server = Server()
    server.script = [Answer(200, body)]
    with pytest.raises(ApiError, match="no API server"):
        server.client().get("/version")


def test_a_watch_yields_events() -> None:
    """A line is an event; an empty line is none."""
    server = Server()
    server.script = [
        Answer(200, b'{"type": "ADDED", "object": {}}\n\n{"type": "DELETED", "object": {}}\n{"type": "cut')
    ]

    assert [event["type"] for event in server.client().watch("/x", {}, 5)] == ["ADDED", "DELETED"]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(refused(410, "Expired", "too old"), id="as a status"),
        pytest.param(
            Answer(200, b'{"type": "ERROR", "object": {"code": 410, "message": "too old"}}\n'), id="as an event"
        ),
    ],
)
def test_a_watch_that_fell_behind_says_so(answer: Answer) -> None:
    """410 comes in two forms, and both mean: list again."""
    server = Server()
    server.script = [answer]
    with pytest.raises(ExpiredError, match="too old"):
        list(server.client().watch("/x", {}, 5))
