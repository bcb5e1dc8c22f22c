"""Export: approved results as layered documents, flat pictures and masks, by a brand's recipe."""

from engine.services.export.names import example_name
from engine.services.export.plan import ExportPlan, ExportReport, items_to_export
from engine.services.export.writing import export_items

__all__ = ["ExportPlan", "ExportReport", "example_name", "export_items", "items_to_export"]
