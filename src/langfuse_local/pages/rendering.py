"""Renders templates into responses that may run no script and load nothing from elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse

from . import presentation

if TYPE_CHECKING:
    from starlette.responses import Response

__all__ = ["render"]

_HEADERS = {
    # Inline style attributes hold the lengths of bars; nothing else runs or loads.
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; style-src-attr 'unsafe-inline'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_TEMPLATES = Environment(
    loader=PackageLoader("langfuse_local.pages"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters.update(
    {name: getattr(presentation, name) for name in presentation.__all__},
    path=lambda text: quote(text, safe=""),
)


def render(template: str, status: int = 200, **values: Any) -> Response:
    """The response with a template of these values; `now` is the current time in microseconds."""
    page = _TEMPLATES.get_template(template).render(now=time.time_ns() // 1000, **values)
    return HTMLResponse(page, status_code=status, headers=_HEADERS)
