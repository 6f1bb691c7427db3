"""Conformance runs: ``python -m tests.conformance NAME FOLDER`` compares with golden cases."""
