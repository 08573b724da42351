"""The part of Langfuse's public API that the demo and its checks read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from langfuse_local.answers import Answer, InvalidDataError, InvalidRequestError
from langfuse_local.asked import Asked, cursor_after
from langfuse_local.rows import row
from langfuse_local.version import LANGFUSE_VERSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from langfuse_local.auth import Keys
    from langfuse_local.store import Store

__all__ = ["PREFIX", "Api"]

PREFIX = "/api/public"
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

    def routes(self) -> list[Route]:
        """Where each endpoint answers."""
        keyed = {
            "/projects": self._projects,
            "/v2/observations": self._observations,
            **dict.fromkeys(_RETIRED, _retired),
        }
        return [
            Route(f"{PREFIX}/health", _health),
            *(Route(PREFIX + path, self._keyed(endpoint)) for path, endpoint in keyed.items()),
        ]

    def _keyed(self, endpoint: Callable[[Request], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            try:
                return self._keys.refusal(request) or endpoint(request)
            except (InvalidDataError, InvalidRequestError) as error:
                return error.answer()

        return answer

    def _projects(self, _request: Request) -> Response:
        project = {
            "id": self._project_id,
            "name": self._project_id,
            "organization": {"id": "demo-org", "name": "DemoOrg"},
            "metadata": {},
        }
        return Answer({"data": [project]})

    def _observations(self, request: Request) -> Response:
        asked = Asked.of(request.query_params)
        # One more than asked for tells whether there is a next page.
        found = self._store.observations(
            asked.conditions, limit=asked.limit + 1, position=asked.position
        )
        page = found[: asked.limit]
        more = page and len(found) > len(page)
        return Answer(
            {
                "data": [row(stored, asked.groups, self._project_id) for stored in page],
                "meta": {"cursor": cursor_after(page[-1])} if more else {},
            }
        )


def _health(_request: Request) -> Response:
    return Answer({"status": "OK", "version": LANGFUSE_VERSION})


def _retired(_request: Request) -> Response:
    return Answer({"message": _RETIRED_MESSAGE}, 404)
