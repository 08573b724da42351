"""JSON documents that look a little, or a lot, like OTLP trace requests."""

from __future__ import annotations

from hypothesis import strategies as st

_NAMES = (
    "resourceSpans resource scopeSpans scope spans attributes key value traceId spanId parentSpanId "
    "name type data events links status code startTimeUnixNano stringValue intValue doubleValue "
    "arrayValue kvlistValue bytesValue values trace_id scope_spans"
)
_names = st.sampled_from(_NAMES.split())
_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=3),
    max_leaves=10,
)
_requests = st.builds(
    lambda span: {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]},
    st.dictionaries(_names, _anything, max_size=5),
)
documents = _anything | _requests
