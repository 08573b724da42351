"""The FastAPI example over real HTTP, read back from the backend."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2


def ask(address: str, conversation: str, login: str) -> httpx2.Response:
    """Ask a question and read the whole streamed answer."""
    return httpx2.post(
        f"{address}/conversations/{conversation}/messages",
        json={"question": "Where is my order?"},
        headers={"x-login": login},
        timeout=10,
    )


def test_a_streamed_conversation_is_one_session(backend: Any, serve: Callable[..., str]) -> None:
    """Two turns, every span with session and user, the framework's own and the streamed model's."""
    address = serve("fastapi_service")
    answers = [ask(address, "conv_fastapi", "jane") for _ in range(2)]
    assert {answer.text for answer in answers} == {"Your parcel left Rotterdam this morning. "}
    feedback = {"trace_id": answers[0].headers["x-trace-id"], "value": "down"}
    answered = httpx2.post(
        f"{address}/conversations/conv_fastapi/feedback", json=feedback, headers={"x-login": "jane"}
    )
    assert answered.status_code == 202
    rows = backend.wait_for(
        "conv_fastapi", {"chat order-model", "POST /conversations/{conversation}/feedback"}
    )
    traces = {answer.headers["x-trace-id"] for answer in answers}
    assert traces < {row["traceId"] for row in rows}
    assert {row["userId"] for row in rows} == {"usr_pseudo_7f31c2"}
    statuses = backend.verify("conv_fastapi", "usr_pseudo_7f31c2")
    assert {name for name, status in statuses.items() if status != "kept"} == {"arrived"}
    assert [score["value"] for score in backend.scores("conv_fastapi")] == [0]


def test_nobody_is_no_session_and_no_error(backend: Any, serve: Callable[..., str]) -> None:
    """A stranger gets 401, an id that is an e-mail address gets an answer; neither leaves a session."""
    address = serve("fastapi_service")
    assert ask(address, "conv_stranger", "mallory").status_code == 401
    assert ask(address, "jane@example.com", "jane").status_code == 200
    assert backend.wait_for("", set()) is not None
    assert backend.rows("conv_stranger") == []
    assert backend.rows("jane%40example.com") == []


def test_interleaved_and_cancelled_requests_never_mix(
    backend: Any, serve: Callable[..., str]
) -> None:
    """100 requests of 20 sessions at once, one in ten given up half-way: each span has its own."""
    address = serve("fastapi_service")

    async def one(client: httpx2.AsyncClient, number: int) -> None:
        path = f"{address}/conversations/conv_{number % 20}/messages"
        login = ("jane", "ada")[number % 2]
        body = {"question": f"Where is it? {number}"}
        async with client.stream("POST", path, json=body, headers={"x-login": login}) as answer:
            async for _ in answer.aiter_text():
                if number % 10 == 0:
                    break

    async def all_of_them() -> None:
        async with httpx2.AsyncClient(timeout=30) as client:
            await asyncio.gather(*(one(client, number) for number in range(100)))

    asyncio.run(all_of_them())
    users = ("usr_pseudo_7f31c2", "usr_pseudo_b2c904")
    for number in range(20):
        rows = backend.wait_for(f"conv_{number}", {"chat order-model"})
        assert {row["userId"] for row in rows} == {users[number % 2]}
        by_trace: dict[str, set[str]] = {}
        for row in rows:
            by_trace.setdefault(row["traceId"], set()).add(row["sessionId"])
        assert set(map(tuple, by_trace.values())) == {(f"conv_{number}",)}
