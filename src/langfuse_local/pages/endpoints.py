"""The pages, at Langfuse's own paths: server-rendered, autoescaped, no JavaScript."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import RedirectResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from ..api.scores import GROUPS as SCORE_GROUPS
from ..api.scores import Scores, score_json
from ..mapping.generations import ROLL_UP_OPERATIONS
from ..mapping.observation_type import TYPE_RULES
from ..mapping.provenance import provenance
from ..mapping.rules import METADATA_RULES, RULES
from .paging import PAGE_LIMIT, PAGE_SIZE, Page
from .rendering import render
from .waterfall import waterfall

if TYPE_CHECKING:
    from sqlite3 import Row

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from ..mapping.observation import Observation
    from ..store.store import Store

__all__ = ["Pages"]

_IDLE = 5 * 60 * 1_000_000  # microseconds between two turns that are worth pointing out


class Pages:
    """The routes of the pages over one store; each page shows the note, if there is one."""

    def __init__(self, store: Store, project: str, *, note: str = "") -> None:
        self._note = note
        self._store = store
        self._scores = Scores(store)
        self._project = project
        self._home = f"/project/{quote(project, safe='')}"

    def routes(self) -> list[BaseRoute]:
        """`/` and the sessions, users and traces of the project."""
        home = self._home
        return [
            Route("/", self._root),
            Route(home, self._root),
            Route(f"{home}/sessions", self._session_list),
            Route(f"{home}/sessions/{{id:path}}", self._session),
            Route(f"{home}/users", self._user_list),
            Route(f"{home}/users/{{id:path}}", self._user),
            Route(f"{home}/traces", self._trace_list),
            Route(f"{home}/traces/{{id:path}}", self._trace),
            Route(f"{home}/mapping", self._mapping),
            Route("/mapping", self._to_mapping),
            Mount("/static", StaticFiles(packages=[("langfuse_local.pages", "static")])),
        ]

    def missing(self, kind: str, name: str) -> Response:
        """The page that says that a session, user, trace or page does not exist."""
        return self._render(
            "missing.html",
            f"No such {kind}",
            status=404,
            kind=kind,
            name=name,
            sessions=self._store.sessions(limit=5),
        )

    def _root(self, _: Request) -> Response:
        return RedirectResponse(f"{self._home}/sessions", status_code=302)

    def _session_list(self, request: Request) -> Response:
        page = Page.of(request)
        sessions = self._store.sessions(limit=PAGE_LIMIT, offset=page.offset)
        return self._render("sessions.html", "Sessions", **page.values(sessions))

    def _session(self, request: Request) -> Response:
        session = self._store.session(request.path_params["id"])
        if session is None:
            return self.missing("session", request.path_params["id"])
        page = Page.of(request)
        newest = self._store.traces(session=session.id, limit=PAGE_LIMIT, offset=page.offset)
        values = page.values(newest)
        traces = values["rows"][::-1]
        return self._render(
            "session.html",
            f"Session {session.id}",
            session=session,
            turns=[(trace, self._observations(trace.id)) for trace in traces],
            dearest=max((trace.totals.cost or 0 for trace in traces), default=0),
            first=session.traces - page.offset - len(traces) + 1,
            idle=_IDLE,
            scores=self._score_values(self._scores.of_session(session.id)),
            scores_of={
                trace.id: self._score_values(self._scores.of_trace(trace.id)) for trace in traces
            },
            **values,
        )

    def _user_list(self, request: Request) -> Response:
        page = Page.of(request)
        users = self._store.users(limit=PAGE_LIMIT, offset=page.offset)
        return self._render("users.html", "Users", **page.values(users))

    def _user(self, request: Request) -> Response:
        user_id = request.path_params["id"]
        user = self._store.user(user_id)
        if user is None:
            return self.missing("user", user_id)
        page = Page.of(request)
        traces = self._store.traces(user=user_id, limit=PAGE_LIMIT, offset=page.offset)
        return self._render(
            "user.html",
            f"User {user_id}",
            user=user,
            sessions=self._store.sessions(user=user_id),
            scores=self._score_values(self._scores.of_user(user_id)[:PAGE_SIZE]),
            **page.values(traces),
        )

    def _trace_list(self, request: Request) -> Response:
        page = Page.of(request)
        values = page.values(self._store.traces(limit=PAGE_LIMIT, offset=page.offset))
        slowest = max((trace.totals.duration for trace in values["rows"]), default=0)
        return self._render("traces.html", "Traces", slowest=slowest, **values)

    def _trace(self, request: Request) -> Response:
        trace = self._store.trace(request.path_params["id"])
        if trace is None:
            return self.missing("trace", request.path_params["id"])
        bars = waterfall(self._observations(trace.id))
        chosen_id = request.query_params.get("observation")
        chosen = next((bar for bar in bars if bar.observation.id == chosen_id), bars[0]).observation
        return self._render(
            "trace.html",
            f"Trace {trace.id}",
            trace=trace,
            bars=bars,
            chosen=chosen,
            origin=provenance(chosen),
            scores=self._score_values(self._scores.of_trace(trace.id)),
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

    def _score_values(self, rows: list[Row]) -> list[dict[str, Any]]:
        return [score_json(row, SCORE_GROUPS, self._project) for row in rows]

    def _observations(self, trace_id: str) -> list[Observation]:
        return [stored.observation for stored in self._store.observations_of_trace(trace_id)]

    def _render(self, template: str, title: str, *, status: int = 200, **values: Any) -> Response:
        counts = self._store.counts()
        frame = {"title": title, "home": self._home, "counts": counts, "note": self._note}
        return render(template, status, **frame, **values)
