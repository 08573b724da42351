"""The part of Langfuse's public API that the demo and its checks read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from langfuse_local.api import zod
from langfuse_local.api.asked import Asked, cursor_after
from langfuse_local.api.metrics import Metrics
from langfuse_local.api.rows import row
from langfuse_local.api.score_list import AskedScores
from langfuse_local.api.score_list import cursor_after as cursor_after_score
from langfuse_local.api.scores import Scores, answer_of
from langfuse_local.auth import ORGANIZATION
from langfuse_local.receiver.body import BodyReader
from langfuse_local.receiver.limits import check_json_size
from langfuse_local.receiver.otlp import BadRequest
from langfuse_local.responses import ApiResponse, InvalidDataError, InvalidRequestError
from langfuse_local.version import LANGFUSE_VERSION

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from langfuse_local.auth import Keys
    from langfuse_local.store.store import Store

__all__ = ["PREFIX", "Api"]

PREFIX = "/api/public"
_Sent = TypeVar("_Sent")
_RETIRED = (
    "/sessions",
    "/sessions/{id}",
    "/traces",
    "/traces/{id}",
    "/observations",
    "/observations/{id}",
    "/generations",
    "/spans",
    "/events",
    "/metrics",
    "/metrics/daily",
    "/scores",
    "/v2/scores",
)
_RETIRED_MESSAGE = (
    "This endpoint is not available on deployments running in Langfuse v4 events_only mode."
    " Learn more about Langfuse v4 at: https://langfuse.com/docs/v4"
)


class Api:
    """The endpoints over one store; everything but health asks for the project's keys."""

    def __init__(self, store: Store, keys: Keys, project_id: str) -> None:
        self._store = store
        self._keys = keys
        self._project_id = project_id
        self._bodies = BodyReader()
        self._scores = Scores(store)

    def routes(self) -> list[Route]:
        """Where each endpoint answers."""
        listed = {
            "/projects": self._projects,
            "/v2/observations": self._observations,
            "/v2/metrics": self._metrics,
            "/v3/scores": self._list_scores,
            **dict.fromkeys(_RETIRED, _retired),
        }
        return [
            Route(f"{PREFIX}/health", _health),
            *(Route(PREFIX + path, self._keyed(answer)) for path, answer in listed.items()),
            Route(f"{PREFIX}/scores", self._sent(self._add_score), methods=["POST"]),
            Route(f"{PREFIX}/scores/{{id}}", self._keyed(self._remove_score), methods=["DELETE"]),
        ]

    def _keyed(self, endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            return self._keys.refusal(request) or _answered(endpoint, request)

        return answer

    def _sent(
        self, endpoint: Callable[[Any], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            if refusal := self._keys.refusal(request):
                return refusal
            try:
                async with self._bodies.read(request) as content:
                    check_json_size(content)
                    body = zod.document(content.decode(), ())
            except BadRequest as error:
                return ApiResponse({"message": str(error)}, error.status)
            except (InvalidDataError, UnicodeDecodeError):
                return ApiResponse({"message": "Invalid JSON"}, 400)
            return await run_in_threadpool(_answered, endpoint, body)

        return answer

    def _projects(self, _request: Request) -> Response:
        project = {
            "id": self._project_id,
            "name": self._project_id,
            "organization": {"id": ORGANIZATION, "name": "DemoOrg"},
            "metadata": {},
        }
        return ApiResponse({"data": [project]})

    def _observations(self, request: Request) -> Response:
        asked = Asked.of(request.query_params)
        # One more than asked for tells whether there is a next page.
        found = self._store.observations(
            asked.conditions, limit=asked.limit + 1, position=asked.position
        )
        page = found[: asked.limit]
        more = page and len(found) > len(page)
        return ApiResponse(
            {
                "data": [
                    row(stored, asked.groups, self._project_id, asked.expanded) for stored in page
                ],
                "meta": {"cursor": cursor_after(page[-1])} if more else {},
            }
        )

    def _metrics(self, request: Request) -> Response:
        metrics = Metrics.of(zod.text(zod.member(request.query_params, "query"), ("query",)))
        return ApiResponse({"data": metrics.answer(self._store.rows(metrics.sql, metrics.values))})

    def _list_scores(self, request: Request) -> Response:
        asked = AskedScores.of(request.query_params)
        found = self._scores.find(asked.conditions, asked.limit + 1)
        page = found[: asked.limit]
        more = page and len(found) > len(page)
        return ApiResponse(
            {
                "data": [answer_of(one, asked.groups, self._project_id) for one in page],
                "meta": {"limit": asked.limit}
                | ({"cursor": cursor_after_score(page[-1])} if more else {}),
            }
        )

    def _add_score(self, body: Any) -> Response:
        """One score, or the list of them that Langfuse's SDKs send."""
        if not isinstance(body, list):
            return ApiResponse({"id": self._scores.save(body)})
        errors = self._scores.save_all(body)
        if not errors:
            return ApiResponse({"message": "Accepted"}, 202)
        counts = {"accepted": len(body) - len(errors), "rejected": len(errors)}
        return ApiResponse({**counts, "errors": errors}, 207)

    def _remove_score(self, request: Request) -> Response:
        self._scores.delete(request.path_params["id"])
        return ApiResponse({"message": "Score deletion queued successfully"}, 202)


def _health(_request: Request) -> Response:
    return ApiResponse({"status": "OK", "version": LANGFUSE_VERSION})


def _retired(_request: Request) -> Response:
    return ApiResponse({"message": _RETIRED_MESSAGE}, 404)


def _answered(endpoint: Callable[[_Sent], Response], sent: _Sent) -> Response:
    try:
        return endpoint(sent)
    except (InvalidDataError, InvalidRequestError) as error:
        return error.response()
