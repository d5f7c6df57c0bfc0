"""The results as one self-contained page."""

from micronet_edge_bench.report.page import page, write_report

__all__ = ["page", "write_report"]
