"""What must not be readable in a trace: one list for an application, its checks and its Collector.

Each subject has a module. The order counts: the first rule that matches names what was found.
"""

from typing import Final

from .account_numbers import CARD, IBAN, SSN
from .emails import EMAIL
from .phones import PHONE
from .rule import Rule
from .tokens import TOKEN

__all__ = ["RULES", "Rule"]

RULES: Final = (EMAIL, TOKEN, CARD, IBAN, SSN, PHONE)
