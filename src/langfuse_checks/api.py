"""A client of Langfuse's public API; every failure is one sentence that ends with its fix."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import dumps
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import httpx2

from .records import Observation, Score, read_observation, read_score

__all__ = ["Api", "CannotLookError", "Health", "NotFoundError", "WrongKeysError", "format_time"]

Record = TypeVar("Record")

_FIELDS: Final = "core,basic,io,metadata,usage,trace_context"
_PAGE_SIZE: Final = 1000
_SCORES_PAGE_SIZE: Final = 100
_MAX_ROWS: Final = 200_000
_TIMEOUT_SECONDS: Final = 15
_LOCAL_HEADER: Final = "x-langfuse-local"


class CannotLookError(RuntimeError):
    """The backend did not give a usable answer; the message is a sentence with the fix."""


class WrongKeysError(CannotLookError):
    """The backend does not accept the keys."""


class NotFoundError(CannotLookError):
    """The backend does not have the endpoint."""


@dataclass(frozen=True, slots=True)
class Health:
    """What the backend says about itself.

    Attributes:
        status: `OK`, or what is wrong.
        version: The version of Langfuse, or the one that the local backend answers like.
        is_local: Whether it is this project's local backend.
        ahead_seconds: How far its clock is ahead of this machine's clock.
    """

    status: str
    version: str
    is_local: bool
    ahead_seconds: float

    @property
    def major(self) -> int:
        """The first number of the version, 0 if there is none."""
        first = self.version.lstrip("v").partition(".")[0]
        return int(first) if first.isdecimal() else 0


class Api:
    """A client of one backend. Close it, or use it as a context manager."""

    def __init__(self, base_url: str, public_key: str, secret_key: str) -> None:
        self.base_url = base_url
        host = urlsplit(base_url).hostname or ""
        is_loopback = host in {"localhost", "::1"} or host.startswith("127.")
        self._client = httpx2.Client(
            base_url=f"{base_url}/api/public",
            auth=(public_key, secret_key),
            timeout=_TIMEOUT_SECONDS,
            # A proxy from the environment cannot reach this machine's own loopback.
            trust_env=not is_loopback,
        )

    def __enter__(self) -> "Api":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def health(self) -> Health:
        """Return what the backend says about itself, also when it is unhealthy."""
        response = self._send("GET", "/health")
        answer = self._object(response)
        return Health(
            status=str(answer.get("status", answer.get("message", response.status_code))),
            version=str(answer.get("version", "")),
            is_local=_LOCAL_HEADER in response.headers,
            ahead_seconds=_ahead(response.headers.get("date", "")),
        )

    def project(self) -> str:
        """Return the id of the project that the keys open."""
        data = self._data(self._checked("GET", "/projects"))
        return str(data[0]["id"]) if data else ""

    def observations(self, **parameters: str) -> list[Observation]:
        """Return all observations that match the parameters, newest first."""
        query = {"fields": _FIELDS, "limit": str(_PAGE_SIZE), **parameters}
        return list(self._pages("/v2/observations", query, read_observation))

    def some_observations(self, limit: int, **parameters: str) -> list[Observation]:
        """Return the newest observations that match the parameters, one page at most."""
        query = {"fields": _FIELDS, "limit": str(limit), **parameters}
        return self._rows(self._checked("GET", "/v2/observations", query), read_observation)

    def scores(self, **parameters: str) -> list[Score]:
        """Return all scores that match the parameters."""
        query = {"fields": "details,subject", "limit": str(_SCORES_PAGE_SIZE), **parameters}
        return list(self._pages("/v3/scores", query, read_score))

    def metrics(self, query: Mapping[str, object]) -> list[dict[str, Any]]:
        """Return the groups of a metrics query."""
        return self._data(self._checked("GET", "/v2/metrics", {"query": dumps(query)}))

    def post_score(self, body: Mapping[str, object]) -> str:
        """Store a score and return its id; it replaces the score of the same id."""
        return str(self._checked("POST", "/scores", json=body).get("id", ""))

    def _pages(
        self, path: str, query: dict[str, str], read: Callable[[Mapping[str, Any]], Record]
    ) -> Iterator[Record]:
        seen: set[str] = set()
        rows = 0
        while True:
            answer = self._checked("GET", path, query)
            page = self._rows(answer, read)
            rows += len(page)
            yield from page
            meta = answer.get("meta")
            cursor = meta.get("cursor") if isinstance(meta, dict) else None
            if not cursor:
                return
            if cursor in seen:
                raise CannotLookError(
                    f"{self.base_url} gives the same page of {path} again and again: tell whoever"
                    " runs that server."
                )
            if rows > _MAX_ROWS:
                raise CannotLookError(
                    f"{path} has more than {_MAX_ROWS:,} rows to read: look at fewer (SINCE=1h)."
                )
            seen.add(cursor)
            query = {**query, "cursor": cursor}

    def _rows(
        self, answer: Mapping[str, Any], read: Callable[[Mapping[str, Any]], Record]
    ) -> list[Record]:
        try:
            return [read(row) for row in self._data(answer)]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            missing = f"without {error}" if isinstance(error, KeyError) else "of an unknown form"
            raise CannotLookError(
                f"{self.base_url} answered a row {missing}, which is not what Langfuse v4 answers:"
                " check its version."
            ) from error

    def _data(self, answer: Mapping[str, Any]) -> list[dict[str, Any]]:
        data = answer.get("data")
        if not isinstance(data, list):
            raise CannotLookError(
                f"{self.base_url} answered JSON without a list `data`, which is not what Langfuse"
                " answers: check LANGFUSE_BASE_URL."
            )
        return data

    def _checked(
        self, method: str, path: str, parameters: dict[str, str] | None = None, json: object = None
    ) -> dict[str, Any]:
        response = self._send(method, path, parameters, json)
        if not response.is_success:
            raise self._refusal(response, f"{method} /api/public{path}")
        return self._object(response)

    def _send(
        self,
        method: str,
        path: str,
        parameters: dict[str, str] | None = None,
        json: object = None,
    ) -> httpx2.Response:
        try:
            return self._client.request(method, path, params=parameters, json=json)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            raise CannotLookError(
                f"Nothing answers at {self.base_url}: start a backend with `make demo` or"
                " `make up`, or check LANGFUSE_BASE_URL."
            ) from error
        except httpx2.TimeoutException as error:
            raise CannotLookError(
                f"{self.base_url} did not answer within {_TIMEOUT_SECONDS} s: run it again, or look"
                " at fewer rows (SINCE=1h)."
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise CannotLookError(
                f"{self.base_url} broke off its answer: run it again, and see the server's log if"
                " it happens again."
            ) from error

    def _object(self, response: httpx2.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict):
            return answer
        is_page = "html" in response.headers.get("content-type", "")
        content = "an HTML page" if is_page else f"{response.status_code} without a JSON object"
        raise CannotLookError(
            f"{self.base_url} answered {content}, as a proxy or another program does: check"
            " LANGFUSE_BASE_URL."
        )

    def _refusal(self, response: httpx2.Response, request: str) -> CannotLookError:
        status = response.status_code
        if status in {401, 403}:
            return WrongKeysError(
                f"{self.base_url} does not accept the keys (HTTP {status}): set"
                " LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY to those of the project."
            )
        answer = self._object(response)  # Says more if a proxy sent a page instead.
        if status == httpx2.codes.NOT_FOUND:
            return NotFoundError(f"{request} is not there (HTTP 404)")
        return CannotLookError(
            f"{request} at {self.base_url} answered HTTP {status}"
            f" ({str(answer.get('message', 'no reason given'))[:200]}): see the server's log."
        )


def format_time(time: datetime) -> str:
    """Return a time as the API's parameters have it."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _ahead(date: str) -> float:
    try:
        return (parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
