"""What became of the spans: counted from the receiver's answers, reported, kept for later."""

from .delivery import Delivery
from .report import Report
from .resend import resend
from .spool import Spool

__all__ = ["Delivery", "Report", "Spool", "resend"]
