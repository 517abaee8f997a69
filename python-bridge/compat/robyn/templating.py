"""Templates."""

from roost import Headers, Response
from roost.templating import JinjaTemplate, TemplateInterface, render

__all__ = ["Headers", "JinjaTemplate", "Response", "TemplateInterface", "render"]
