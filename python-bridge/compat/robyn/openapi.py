"""The documentation of an application."""

from roost.openapi import Components, Contact, ExternalDocumentation, License, OpenAPI, OpenAPIInfo, Server

__all__ = ["Components", "Contact", "ExternalDocumentation", "License", "OpenAPI", "OpenAPIInfo", "Server"]
