"""Counts one inference: parameters, multiply-adds in both conventions, other arithmetic, memory.

One convention counts only convolutions and matrix products. The MicroNet papers also count the
multiplies of Dynamic Shift-Max, one per coefficient and output element (arXiv 2108.05894, table 4).
"""

from micronet_edge.counting.count import Count
from micronet_edge.counting.figures import Figures
from micronet_edge.counting.network import count

__all__ = ["Count", "Figures", "count"]
