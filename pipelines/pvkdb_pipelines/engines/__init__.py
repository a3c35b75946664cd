"""Where the calculations of a store run: in processes of this machine, or on a cluster.

An engine takes calculations out of the queue and gives each back as it ends; whoever asks for them,
``pvkdb work`` or a screening, sees no difference.
"""

from pvkdb_pipelines.engines.engine import ENGINES, Engine
from pvkdb_pipelines.engines.make import make_engine

__all__ = ["ENGINES", "Engine", "make_engine"]
