"""Finds web shells because of what their code does with what a visitor sends, whatever they look like."""

from exhume.detectors.webcode.detector import Limits, WebCode

__all__ = ["Limits", "WebCode"]
