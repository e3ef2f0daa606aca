"""The one rule by which a forecast is said, or refused."""

from ...files.forecasts import Forecast
from ...netlists.runs import check_forecast
from ..frame import Job


def announce(this: Job, expected: Forecast, timeout: float | None = None) -> Forecast:
    """Say what is long or large; the forecast again.

    Raises:
        NetlistError: it fits neither into the free memory nor into the time limit of a simulator's process [s].
    """
    check_forecast(expected, timeout)
    if (text := expected.text()) is not None:
        this.say(text)
    return expected
