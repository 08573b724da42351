"""The part of Langfuse's public API that the demo and its checks read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from ..auth import ORGANIZATION
from ..receiver.body import BodyReader
from ..receiver.limits import check_json_size
from ..receiver.otlp import BadRequest
from ..responses import ApiResponse, InvalidDataError, InvalidRequestError
from ..version import LANGFUSE_VERSION
from .metrics import metrics
from .metrics_query import MetricsQuery
from .observation_query import ObservationQuery, cursor_after
from .rows import row
from .score_query import ScoreQuery
from .score_query import cursor_after as cursor_after_score
from .scores import Scores, score_json
from .validation import parse_json, text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from ..auth import Keys
    from ..store.store import Store

__all__ = ["PREFIX", "Api"]

PREFIX = "/api/public"
_Input = TypeVar("_Input")
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
        """Return the route of each endpoint."""
        endpoints = {
            "/projects": self._projects,
            "/v2/observations": self._observations,
            "/v2/metrics": self._metrics,
            "/v3/scores": self._list_scores,
            **dict.fromkeys(_RETIRED, _retired),
        }
        return [
            Route(f"{PREFIX}/health", _health),
            *(
                Route(PREFIX + path, self._with_keys(endpoint))
                for path, endpoint in endpoints.items()
            ),
            Route(f"{PREFIX}/scores", self._with_body(self._add_score), methods=["POST"]),
            Route(
                f"{PREFIX}/scores/{{id}}", self._with_keys(self._delete_score), methods=["DELETE"]
            ),
        ]

    def _with_keys(self, endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            return self._keys.refusal(request) or _respond(endpoint, request)

        return respond

    def _with_body(
        self, endpoint: Callable[[Any], Response]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            if refusal := self._keys.refusal(request):
                return refusal
            try:
                async with self._bodies.read(request) as content:
                    check_json_size(content)
                    body = parse_json(content, "request body")
            except BadRequest as error:
                return ApiResponse({"message": str(error)}, error.status)
            except InvalidRequestError as error:
                return error.response()
            return await run_in_threadpool(_respond, endpoint, body)

        return respond

    def _projects(self, _request: Request) -> Response:
        project = {
            "id": self._project_id,
            "name": self._project_id,
            "organization": {"id": ORGANIZATION, "name": "DemoOrg"},
            "metadata": {},
        }
        return ApiResponse({"data": [project]})

    def _observations(self, request: Request) -> Response:
        query = ObservationQuery.parse(request.query_params)
        # One more than the limit tells whether there is a next page.
        rows = self._store.observations(
            query.conditions, limit=query.limit + 1, position=query.position
        )
        page = rows[: query.limit]
        more = page and len(rows) > len(page)
        return ApiResponse(
            {
                "data": [
                    row(each, query.groups, self._project_id, query.expanded) for each in page
                ],
                "meta": {"cursor": cursor_after(page[-1])} if more else {},
            }
        )

    def _metrics(self, request: Request) -> Response:
        query = parse_json(text(request.query_params.get("query"), "query"), "query parameter")
        return ApiResponse({"data": metrics(self._store, MetricsQuery.parse(query))})

    def _list_scores(self, request: Request) -> Response:
        query = ScoreQuery.parse(request.query_params)
        rows = self._scores.find(query.conditions, query.limit + 1)
        page = rows[: query.limit]
        more = page and len(rows) > len(page)
        return ApiResponse(
            {
                "data": [score_json(each, query.groups, self._project_id) for each in page],
                "meta": {"limit": query.limit}
                | ({"cursor": cursor_after_score(page[-1])} if more else {}),
            }
        )

    def _add_score(self, body: Any) -> Response:
        """Store one score, or the list of them that Langfuse's SDKs send."""
        if not isinstance(body, list):
            return ApiResponse({"id": self._scores.save(body)})
        errors = self._scores.save_all(body)
        if not errors:
            return ApiResponse({"message": "Accepted"}, 202)
        counts = {"accepted": len(body) - len(errors), "rejected": len(errors)}
        return ApiResponse({**counts, "errors": errors}, 207)

    def _delete_score(self, request: Request) -> Response:
        self._scores.delete(request.path_params["id"])
        return ApiResponse({"message": "Score deletion queued successfully"}, 202)


def _health(_request: Request) -> Response:
    return ApiResponse({"status": "OK", "version": LANGFUSE_VERSION})


def _retired(_request: Request) -> Response:
    return ApiResponse({"message": _RETIRED_MESSAGE}, 404)


def _respond(endpoint: Callable[[_Input], Response], value: _Input) -> Response:
    try:
        return endpoint(value)
    except (InvalidDataError, InvalidRequestError) as error:
        return error.response()
