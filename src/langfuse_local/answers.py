"""JSON answers and refusals in Langfuse's words and shapes."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

__all__ = ["Answer", "InvalidDataError", "InvalidRequestError"]


class Answer(JSONResponse):
    """JSON, labelled as Langfuse labels it."""

    media_type = "application/json; charset=utf-8"


class InvalidDataError(ValueError):
    """A parameter does not have the right form; `problem` is one zod issue (HTTP 400)."""

    def __init__(self, **problem: Any) -> None:
        super().__init__(problem["message"])
        self.problem = problem

    def answer(self) -> Answer:
        """The 400 that names the parameter."""
        return Answer({"message": "Invalid request data", "error": [self.problem]}, 400)


class InvalidRequestError(ValueError):
    """A request that is well formed and still makes no sense (HTTP 400)."""

    def answer(self) -> Answer:
        """The 400 with the reason as its message."""
        return Answer({"message": str(self), "error": "InvalidRequestError"}, 400)
