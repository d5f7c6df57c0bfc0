"""The networks that MicroNet is measured against: defined from their papers, exported with the same care."""
