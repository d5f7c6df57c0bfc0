"""Operators that copy or rename numbers, and that only converted files have."""

from micronet_edge_tflite.counting.formulas import MOVES
from micronet_edge_tflite.operators import FLOAT, OPERATORS

OPERATORS.names("SPLIT", formula=MOVES, allowed_in=FLOAT)
OPERATORS.names("EXPAND_DIMS", "PACK", "SHAPE", formula=MOVES)
OPERATORS.names("SPLIT_V", "SQUEEZE", "TILE", "UNPACK", formula=MOVES)
