"""Campaigns: a study file becomes many runs, on one machine or on a cluster, and a table with intervals."""

from ._campaign import Options as Options
from ._campaign import campaign as campaign
