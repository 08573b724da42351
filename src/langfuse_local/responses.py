"""JSON responses and errors in the form and the words of Langfuse's API."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse

__all__ = ["ApiResponse", "InvalidDataError", "InvalidRequestError"]


class ApiResponse(JSONResponse):
    """JSON with the content type that Langfuse gives it."""

    media_type = "application/json; charset=utf-8"


class InvalidDataError(ValueError):
    """A parameter does not have the right form; `problem` is what the response says (HTTP 400)."""

    def __init__(self, **problem: Any) -> None:
        super().__init__(problem["message"])
        self.problem = problem

    def response(self) -> ApiResponse:
        """The 400 that names the parameter."""
        return ApiResponse({"message": "Invalid request data", "error": [self.problem]}, 400)


class InvalidRequestError(ValueError):
    """A request that is well formed and cannot be answered (HTTP 400)."""

    def response(self) -> ApiResponse:
        """The 400 with the reason as its message."""
        return ApiResponse({"message": str(self), "error": "InvalidRequestError"}, 400)
