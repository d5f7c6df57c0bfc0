"""Microcontrollers: builds a network's C files into a program and measures it, emulated or on a real board.

    NAME.c + measure.c ──> ELF file ──> qemu, which counts instructions ──> a report ──> Measured
                      └──> a user's board, which counts cycles ──> serial line ──┘

An emulated board runs no Python of ours, so it is none of `devices/`.
"""

from micronet_edge_bench.mcu.boards import BOARDS, NOT_CYCLES
from micronet_edge_bench.mcu.build import FIRMWARE
from micronet_edge_bench.mcu.emulated_board import PASS, measure, prove_on_board
from micronet_edge_bench.mcu.errors import McuError
from micronet_edge_bench.mcu.results import Measured

__all__ = ["BOARDS", "FIRMWARE", "NOT_CYCLES", "PASS", "McuError", "Measured", "measure", "prove_on_board"]
