"""An order-status agent whose spans carry Langfuse's session, user and trace context."""

import sys
from importlib.util import find_spec

# While `python -m` looks for the module, the first argument is "-m".
if sys.argv[:1] == ["-m"] and not all(
    map(find_spec, ("langgraph", "opentelemetry", "pydantic_settings"))
):
    sys.exit(
        f"{sys.executable} lacks what the agent needs: run it with .venv/bin/python,"
        " which `make demo` creates."
    )

from langfuse_otel.privacy import add_rule

__version__ = "0.1.0"

# What must not be readable in this shop's traces, besides what langfuse_otel knows.
add_rule(
    "[order]",
    "an order reference",
    r"(?:(?<![^\W_])order|(?-i:ORDER))(?:[-_ #:.\u2010-\u2015]|%20|%23){0,8}"
    r"(?:(?:no|nr|number|id|ref)(?:[-_ #:.\u2010-\u2015]|%20|%23){0,8})?\d+"
    r"|(?<![^\W_])ord[-_#]\d{3,}",
    contains="ord",
)
