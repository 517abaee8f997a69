"""Templates."""

from roost.templating import JinjaTemplate, TemplateInterface, render

__all__ = ["JinjaTemplate", "TemplateInterface", "render"]
