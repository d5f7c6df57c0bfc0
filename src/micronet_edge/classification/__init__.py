"""Classifies images with finished files, without PyTorch."""
