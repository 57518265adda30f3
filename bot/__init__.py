"""Trust Coach: answers to managers about trust and loyalty, made only from a known set of articles.

Importing this package loads no heavy library; `run.py` builds the objects and hands them on.
"""

__version__ = "0.1.0"
