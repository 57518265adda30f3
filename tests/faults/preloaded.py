"""Imported by the fork server only: what every child of `kills` needs is loaded once, so that a kill costs half a second."""

import chromadb  # noqa: F401

from tests.faults.office import shipped

shipped()
