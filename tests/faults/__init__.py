"""Faults on purpose: `python -m tests.faults` breaks things in many ways, counts what goes wrong and prints a table.

A scenario takes a `Trial` and gives rows; each lives in a file of its own and is listed in `scenarios.py`. The same scenarios run
as tests in a short form (marker `faults`), and by the command in a long one.
"""
