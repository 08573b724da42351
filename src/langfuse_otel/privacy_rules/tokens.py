"""Credentials: in headers, in addresses, by the name before them, or by their issuer's prefix."""

from typing import Final

from .rule import QUOTE, WORD, Rule

__all__ = ["TOKEN"]

_KEY: Final = "[a-z0-9_-]"
# Issuers' own prefixes. A generic entropy test would refuse the random ids that we ask for.
_KEYS: Final = "|".join(
    (
        rf"(?-i:[spr]k)(?:[-_]{_KEY}{{16,}}|_(?:live|test)_[a-z0-9]{{8,}})",
        rf"(?:gh[pousr]|github_pat)_{_KEY}{{20,}}",
        rf"gl(?:pat|rt|dt|cbt)-{_KEY}{{16,}}|xox[abeoprs]-{_KEY}{{10,}}|xapp-{_KEY}{{16,}}",
        r"(?-i:A(?:KIA|SIA)[0-9A-Z]{16}|SK[0-9a-f]{32})",
        rf"AIza{_KEY}{{30,}}|ya29\.{_KEY}{{16,}}|GOCSPX-{_KEY}{{16,}}",
        (
            rf"(?:hf|npm|do[opr]_v1|shp(?:at|ca|pa|ss)|whsec|lsv2|gl(?:sa|c)|ph[cx]|gsk|r8|pcsk|sbp|ntn"
            rf"|dckr_pat|lin_api|rubygems|figd|sntry[su]|pscale_tkn|fw)_{_KEY}{{16,}}"
        ),
        rf"(?:pypi|pplx|xai|tvly|sq0(?:atp|csp)|NRAK|PMAK|nvapi|AGE-SECRET-KEY)-{_KEY}{{16,}}",
        rf"SG\.{_KEY}{{16,64}}\.{_KEY}{{16,}}|hv[bsr]\.{_KEY}{{16,}}|ATATT3{_KEY}{{16,}}",
        rf"(?:dapi|key-)[0-9a-f]{{32}}|secret_[a-z0-9]{{40,}}|[0-9]{{8,10}}:AA{_KEY}{{30,}}",
        rf"hooks\.slack\.com/services/{_KEY}{{1,64}}/{_KEY}{{1,64}}/{_KEY}{{8,}}",
        # A JSON web token.
        rf"eyJ{_KEY}{{8,1000}}\.{_KEY}{{8,}}(?:\.{_KEY}*){{0,3}}",
    )
)
_CREDENTIAL: Final = r"[a-z0-9._~+/-]"

TOKEN: Final = Rule(
    "[token]",
    "a token or an API key",
    (
        WORD + rf"(?:{_KEYS})",
        # In capitals a word of letters is enough; else "bearer responsibilities" is one, too.
        WORD + rf"(?-i:Bearer|BEARER|Basic|BASIC)(?:[\s:]|%20){{1,8}}{_CREDENTIAL}{{12,}}=*",
        WORD + rf"(?:bearer|basic)(?:[\s:]|%20){{1,8}}(?:{_CREDENTIAL}{{20,}}"
        rf"|[a-z-]{{0,30}}[0-9]{_CREDENTIAL}{{7,}}|[a-z-]{{0,30}}[._~+/]{_CREDENTIAL}{{9,}}"
        r"|[a-z0-9+/]{8,30}={1,2})=*",
        r"://[^/?#@\s\"\\:]{0,64}:[^/?#@\s\"\\]{1,128}@",
        WORD
        + r"(?:(?:api|access|account)[-_ ]?key|(?:access|refresh|id)[-_ ]?token|client[-_ ]?secret"
        rf"|password|passwort|passwd|pass|pwd){QUOTE}(?:\s{{0,8}}=\s{{0,8}}{QUOTE}[^\s\"',;&\\]{{4,}}"
        rf"|\s{{0,8}}:\s{{0,8}}{QUOTE}[^\s\"',;&\\]{{6,}})",
        WORD + r"(?:secret|token)=[^\s\"',;&\\]{6,}",
        (
            r"-----BEGIN[A-Z ]{1,40}PRIVATE KEY(?: BLOCK)?-----"
            r"(?:(?:Proc-Type|DEK-Info): ?[0-9A-Z,-]+|[A-Z0-9+/=\s]|\\+[nr])*"
            r"(?:-----END[A-Z ]{1,40}PRIVATE KEY(?: BLOCK)?-----)?"
        ),
    ),
)
