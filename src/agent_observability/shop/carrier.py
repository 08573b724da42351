"""The carrier, asked with a deadline, and a stand-in for its service that can be slow or down."""

import time
from dataclasses import dataclass, field
from typing import Final, Protocol

__all__ = ["Carrier", "CarrierTimeoutError", "CarrierUnavailableError", "SimulatedCarrier"]

_HUBS: Final = {"eu": "Rotterdam", "us": "Memphis", "global": "Singapore"}


class CarrierUnavailableError(Exception):
    """The carrier gave no usable answer; asking again may help."""


class CarrierTimeoutError(CarrierUnavailableError):
    """The carrier did not answer before the deadline."""


class Carrier(Protocol):
    """What the order lookup needs of a carrier."""

    def last_seen(self, region: str, *, deadline_seconds: float) -> str:
        """Return where the parcel was seen last; raises `CarrierUnavailableError`."""
        ...


@dataclass(slots=True)
class SimulatedCarrier:
    """Answers in process, as badly as it is told to. One object serves one turn.

    Attributes:
        failures: How many requests fail before one succeeds.
        delay_seconds: How long it takes to answer.
    """

    failures: int = 0
    delay_seconds: float = 0.0
    _requests: int = field(default=0, init=False)

    def last_seen(self, region: str, *, deadline_seconds: float) -> str:
        """Return the hub of the region, after the delay and unless it is to fail."""
        self._requests += 1
        time.sleep(min(self.delay_seconds, deadline_seconds))
        if self.delay_seconds > deadline_seconds:
            raise CarrierTimeoutError("The carrier did not answer before the deadline.")
        if self._requests <= self.failures:
            raise CarrierUnavailableError("The carrier answered with an error.")
        return _HUBS[region]
