"""A bar chart as SVG, readable on light and dark pages."""

from collections.abc import Mapping
from html import escape

__all__ = ["bars"]

_ROW, _LEFT, _WIDTH = 26, 260, 420


def bars(title: str, values: Mapping[str, float]) -> str:
    """Return one horizontal bar per value, labelled with it."""
    scale = _WIDTH / max(values.values())
    rows = [
        f'<text x="{_LEFT - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
        f'<rect x="{_LEFT}" y="{y + 4}" width="{value * scale:.0f}" height="16" rx="3"/>'
        f'<text x="{_LEFT + value * scale + 6:.0f}" y="{y + 16}">{value:.2f}</text>'
        for y, (name, value) in zip(
            range(32, 32 + _ROW * len(values), _ROW), values.items(), strict=True
        )
    ]
    height = 40 + _ROW * len(values)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 60}" height="{height}"'
        ' font-family="sans-serif" font-size="13" fill="#6b7280">'
        f'<text x="0" y="18" font-weight="bold">{escape(title)}</text>'
        f"<g>{''.join(rows)}</g></svg>\n"
    ).replace("<rect", '<rect fill="#2563eb"')
