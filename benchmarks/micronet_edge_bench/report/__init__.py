"""What was measured as one page that needs nothing beside it."""

from micronet_edge_bench.report.page import page, write_report

__all__ = ["page", "write_report"]
