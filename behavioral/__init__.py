from ._lyapunov import NotStationaryError as NotStationaryError
from ._ou import OrnsteinUhlenbeck as OrnsteinUhlenbeck
