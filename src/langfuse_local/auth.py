"""Basic authentication with the project's keys, refused in Langfuse's words."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING

from .responses import ApiResponse

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["ORGANIZATION", "Keys"]

ORGANIZATION = "demo-org"
_MISSING = "No authorization header"
_WRONG = "Invalid credentials. Confirm that you've configured the correct host."


class Keys:
    """The one pair of keys that opens the API."""

    def __init__(self, public_key: str, secret_key: str) -> None:
        self._expected = f"{public_key}:{secret_key}".encode()

    def refusal(self, request: Request) -> Response | None:
        """The 401 for a request without the right keys, None if it has them."""
        header = request.headers.get("authorization")
        if header is None:
            return ApiResponse({"message": _MISSING}, 401)
        if not hmac.compare_digest(_credentials(header), self._expected):
            return ApiResponse({"message": _WRONG}, 401)
        return None


def _credentials(header: str) -> bytes:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
