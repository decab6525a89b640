"""Comparing at equal size: how many units a parameter budget pays for."""
