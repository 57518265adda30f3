"""Measuring answers: question sets, metrics, reports."""
