"""The pages, at Langfuse's own paths: server-rendered, autoescaped, no JavaScript."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..api.scores import GROUPS as SCORE_GROUPS
from ..api.scores import Scores, answer_of
from ..mapping.generations import ROLL_UP_OPERATIONS
from ..mapping.observation_type import TYPE_RULES
from ..mapping.provenance import provenance
from ..mapping.rules import METADATA_RULES, RULES
from . import presentation
from .waterfall import waterfall

if TYPE_CHECKING:
    from sqlite3 import Row

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from ..store.store import Store

__all__ = ["Pages"]

_PAGE = 50
_IDLE = 5 * 60 * 1_000_000  # microseconds between two turns that are worth pointing out
_HEADERS = {
    # Inline style attributes hold the lengths of bars; nothing else runs or loads.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Pages:
    """The routes of the pages over one store."""

    def __init__(self, store: Store, project: str) -> None:
        self._store = store
        self._scores = Scores(store)
        self._project = project
        self._home = f"/project/{quote(project, safe='')}"
        self._templates = Environment(
            loader=PackageLoader("langfuse_local.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters.update(
            {name: getattr(presentation, name) for name in presentation.__all__},
            path=lambda text: quote(text, safe=""),
        )

    def routes(self) -> list[BaseRoute]:
        """`/` and the sessions, users and traces of the project."""
        home = self._home
        return [
            Route("/", self._root),
            Route(home, self._root),
            Route(f"{home}/sessions", self._sessions),
            Route(f"{home}/sessions/{{id:path}}", self._session),
            Route(f"{home}/users", self._users),
            Route(f"{home}/users/{{id:path}}", self._user),
            Route(f"{home}/traces", self._traces),
            Route(f"{home}/traces/{{id:path}}", self._trace),
            Route(f"{home}/mapping", self._mapping),
            Route("/mapping", self._to_mapping),
            Mount("/static", StaticFiles(packages=[("langfuse_local.pages", "static")])),
        ]

    def missing(self, kind: str, wanted: str) -> Response:
        """The page in place of one that is not there: a session, user, trace or page."""
        return self._render(
            "missing.html",
            f"No such {kind}",
            status=404,
            kind=kind,
            wanted=wanted,
            sessions=self._store.sessions(limit=5),
        )

    def _root(self, _: Request) -> Response:
        return RedirectResponse(f"{self._home}/sessions", status_code=302)

    def _sessions(self, request: Request) -> Response:
        page = _page(request)
        rows = self._store.sessions(limit=_PAGE + 1, offset=page * _PAGE)
        return self._render("sessions.html", "Sessions", **_listed(rows, page))

    def _session(self, request: Request) -> Response:
        session = self._store.session(request.path_params["id"])
        if session is None:
            return self.missing("session", request.path_params["id"])
        page = _page(request)
        traces = self._store.traces(session=session.id, limit=_PAGE + 1, offset=page * _PAGE)
        listed = _listed(traces, page)
        turns = [(each, self._observations(each.id)) for each in reversed(listed["rows"])]
        dearest = max((each.totals.cost or 0 for each, _ in turns), default=0)
        return self._render(
            "session.html",
            f"Session {session.id}",
            session=session,
            turns=turns,
            dearest=dearest,
            first=session.traces - page * _PAGE - len(turns) + 1,
            idle=_IDLE,
            scores=self._answers(self._scores.of_session(session.id)),
            scores_of={each.id: self._answers(self._scores.of_trace(each.id)) for each, _ in turns},
            **listed,
        )

    def _users(self, request: Request) -> Response:
        page = _page(request)
        rows = self._store.users(limit=_PAGE + 1, offset=page * _PAGE)
        return self._render("users.html", "Users", **_listed(rows, page))

    def _user(self, request: Request) -> Response:
        user = self._store.user(request.path_params["id"])
        if user is None:
            return self.missing("user", request.path_params["id"])
        page = _page(request)
        traces = self._store.traces(user=user.id, limit=_PAGE + 1, offset=page * _PAGE)
        sessions = self._store.sessions(user=user.id)
        return self._render(
            "user.html",
            f"User {user.id}",
            user=user,
            sessions=sessions,
            scores=self._answers(self._scores.of_user(request.path_params["id"])[:_PAGE]),
            **_listed(traces, page),
        )

    def _traces(self, request: Request) -> Response:
        page = _page(request)
        listed = _listed(self._store.traces(limit=_PAGE + 1, offset=page * _PAGE), page)
        slowest = max((each.totals.duration for each in listed["rows"]), default=0)
        return self._render("traces.html", "Traces", slowest=slowest, **listed)

    def _trace(self, request: Request) -> Response:
        trace = self._store.trace(request.path_params["id"])
        if trace is None:
            return self.missing("trace", request.path_params["id"])
        bars = waterfall(self._observations(trace.id))
        asked = request.query_params.get("observation")
        chosen = next((b.observation for b in bars if b.observation.id == asked), None)
        return self._render(
            "trace.html",
            f"Trace {trace.id}",
            trace=trace,
            bars=bars,
            chosen=chosen or bars[0].observation,
            origin=provenance(chosen or bars[0].observation),
            scores=self._answers(self._scores.of_trace(trace.id)),
        )

    def _mapping(self, _: Request) -> Response:
        return self._render(
            "mapping.html",
            "Mapping",
            rules=RULES,
            metadata_rules=METADATA_RULES,
            type_rules=TYPE_RULES,
            roll_ups=ROLL_UP_OPERATIONS,
        )

    def _to_mapping(self, _: Request) -> Response:
        return RedirectResponse(f"{self._home}/mapping", status_code=302)

    def _answers(self, rows: list[Row]) -> list[dict[str, Any]]:
        return [answer_of(row, SCORE_GROUPS, self._project) for row in rows]

    def _observations(self, trace_id: str) -> list[Any]:
        return [each.observation for each in self._store.observations_of_trace(trace_id)]

    def _render(self, template: str, title: str, *, status: int = 200, **values: Any) -> Response:
        page = self._templates.get_template(template).render(
            title=title,
            home=self._home,
            counts=self._store.counts(),
            now=time.time_ns() // 1000,
            **values,
        )
        return HTMLResponse(page, status_code=status, headers=_HEADERS)


def _page(request: Request) -> int:
    text = request.query_params.get("page", "")
    return min(int(text), 1_000_000) if text.isascii() and text.isdecimal() else 0


def _listed(rows: list[Any], page: int) -> dict[str, Any]:
    """One row more than a page was asked for: it tells whether there is an older page."""
    return {"rows": rows[:_PAGE], "page": page, "has_older": len(rows) > _PAGE}
