"""Batches and a recipe to weights."""
