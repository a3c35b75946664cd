"""Parts of a circuit that no driver reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def pins(matrix: Any, driven: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Conductances to ground, 1 S at one node of each part of the circuit without a driver.

    Such a part carries no current and its voltage is undefined; this makes it 0 V, so that the
    equations have one solution.

    Args:
        matrix: n × n, dense or sparse; an entry that is not 0 joins two nodes.
        driven: n, whether a driver reaches the node.
    """
    import numpy as np
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components

    graph = csr_matrix(matrix)
    graph.eliminate_zeros()
    parts, part_of = connected_components(graph, directed=False)
    reached = np.zeros(parts, dtype=bool)
    reached[part_of[driven]] = True
    grounded = np.zeros(len(part_of))
    first_of_part = np.unique(part_of, return_index=True)[1]
    grounded[first_of_part[~reached]] = 1.0
    return grounded
