"""The Model Context Protocol: what an application registered, and the answer to each message of a client's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from roost import _native, _types
from roost._callable import is_async, name_of
from roost._native import Request
from roost._parameters import Parameter, parameters, return_annotation
from roost._schema import Schemas, default_of
from roost._shapes import INVALID, shape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Those spoken, the newest first."""

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS, INTERNAL_ERROR = -32700, -32600, -32601, -32602, -32603
RESOURCE_NOT_FOUND = -32002

# Variables of a resource's URI that take slashes too.
_MANY_SEGMENTS = ("path", "file_path", "directory")


class MCPError(Exception):
    """Answered as an error of JSON-RPC."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class _Function:
    """A function with what checks its arguments, which come as JSON."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._asynchronous = is_async(function)
        self.parameters: list[Parameter] = []
        self._request_name = ""
        self._checks: dict[str, Any] = {}
        for parameter in parameters(function) or ():
            if parameter.annotation is Request:
                self._request_name = parameter.name
                continue
            self.parameters.append(parameter)
            try:
                self._checks[parameter.name] = shape(parameter.annotation)
            except TypeError as error:
                raise TypeError(f"{name_of(function)}: the parameter {parameter.name!r}: {error}") from None

    def checked(self, given: Any, convert_text: bool = False) -> dict[str, Any]:
        """The arguments as the function wants them.

        Raises:
            ValueError: one is missing, not known, or not of its type.
        """
        if not isinstance(given, dict):
            raise ValueError("the arguments must be an object")
        errors: list[dict[str, Any]] = []
        made: dict[str, Any] = {}
        for parameter in self.parameters:
            if parameter.name in given:
                made[parameter.name] = self._checks[parameter.name](given[parameter.name], (parameter.name,), errors)
            elif parameter.default is _types.MISSING:
                errors.append({"loc": [parameter.name], "msg": "Field required"})
        unknown = given.keys() - made.keys() - {parameter.name for parameter in self.parameters}
        errors += [{"loc": [name], "msg": "Unexpected argument"} for name in sorted(unknown)]
        if errors:
            raise ValueError("; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in errors))
        assert INVALID not in made.values()
        return made

    async def call(self, arguments: dict[str, Any], request: Request | None) -> Any:
        """What it returns; a plain function runs beside the event loop."""
        if self._request_name:
            arguments = {**arguments, self._request_name: request}
        if not self._asynchronous:
            from roost._chain import beside

            result = await beside(lambda: self.function(**arguments))
            return await result if hasattr(result, "__await__") else result
        return await self.function(**arguments)

    def input_schema(self) -> dict[str, Any]:
        """JSON Schema of the arguments."""
        schemas = Schemas("#/$defs/")
        properties = {}
        for parameter in self.parameters:
            described = schemas.of(parameter.annotation) or (
                {"type": "string"} if parameter.annotation is _types.MISSING else {}
            )
            properties[parameter.name] = described | default_of(parameter.default)
        required = [parameter.name for parameter in self.parameters if parameter.default is _types.MISSING]
        schema: dict[str, Any] = {"type": "object", "properties": properties, "required": required}
        return schema | ({"$defs": schemas.named} if schemas.named else {})

    def output_schema(self) -> dict[str, Any] | None:
        """JSON Schema of the result, where that is an object with known fields."""
        annotation = return_annotation(self.function)
        if not (_types.is_pydantic(annotation) or _types.is_dataclass(annotation) or _types.is_typed_dict(annotation)):
            return None
        schemas = Schemas("#/$defs/")
        name = schemas.of(annotation, "serialization")["$ref"].rpartition("/")[2]
        schema = {"type": "object", **schemas.named[name]}
        return schema | ({"$defs": schemas.named} if len(schemas.named) > 1 or "#/$defs/" in str(schema) else {})


class _Template:
    """The URI of a resource with `{variables}`."""

    def __init__(self, uri: str) -> None:
        self.names = [name.lstrip("+") for name in re.findall(r"\{(\+?\w+)\}", uri)]
        parts = re.split(r"\{\+?\w+\}", uri)
        written = re.findall(r"\{(\+?)(\w+)\}", uri)
        pattern = re.escape(parts[0])
        for (plus, name), literal in zip(written, parts[1:], strict=True):
            pattern += f"(?P<{name}>{'.+' if plus or name in _MANY_SEGMENTS else '[^/]+'})" + re.escape(literal)
        self._pattern = re.compile(pattern)

    def match(self, uri: str) -> dict[str, str] | None:
        from urllib.parse import unquote

        found = self._pattern.fullmatch(uri)
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


class MCPHandler:
    """What is registered, and the answers to the protocol's requests."""

    def __init__(self) -> None:
        self.server_info: dict[str, Any] = {"name": "roost", "version": "1.0.0"}
        self.instructions: str | None = None
        self._tools: dict[str, tuple[_Function, dict[str, Any]]] = {}
        self._resources: dict[str, tuple[_Function, dict[str, Any], _Template]] = {}
        self._prompts: dict[str, tuple[_Function, dict[str, Any]]] = {}
        self._methods: dict[str, Callable[[dict[str, Any], Request | None], Any]] = {
            "initialize": self._initialize,
            "ping": self._ping,
            "tools/list": self._list_tools,
            "tools/call": self._call_tool,
            "resources/list": self._list_resources,
            "resources/templates/list": self._list_templates,
            "resources/read": self._read_resource,
            "prompts/list": self._list_prompts,
            "prompts/get": self._get_prompt,
        }

    def register_tool(
        self, name: str, handler: Callable[..., Any], description: str, input_schema: dict[str, Any] | None = None
    ) -> None:
        """Adds a tool.

        Raises:
            TypeError: a parameter has a type that JSON cannot be held against.
            ValueError: there is a tool of that name.
        """
        if name in self._tools:
            raise ValueError(f"there is a tool {name!r} already")
        function = _Function(handler)
        told = {"name": name, "description": description, "inputSchema": input_schema or function.input_schema()}
        output = function.output_schema()
        self._tools[name] = function, told | ({"outputSchema": output} if output else {})

    def register_resource(
        self,
        uri: str,
        name: str,
        handler: Callable[..., Any],
        description: str | None = None,
        mime_type: str | None = None,
    ) -> None:
        """Adds a resource, or all that a URI with `{variables}` names.

        Raises:
            TypeError: the variables are not the handler's parameters.
            ValueError: there is a resource of that URI.
        """
        if uri in self._resources:
            raise ValueError(f"there is a resource {uri!r} already")
        function, template = _Function(handler), _Template(uri)
        known = {parameter.name for parameter in function.parameters}
        wanted = {p.name for p in function.parameters if p.default is _types.MISSING}
        if template.names and (not set(template.names) <= known or not wanted <= set(template.names)):
            raise TypeError(f"{name_of(handler)}: its parameters are not those of {uri!r}")
        told = {"uriTemplate" if template.names else "uri": uri, "name": name, "description": description}
        told["mimeType"] = mime_type
        self._resources[uri] = function, {key: value for key, value in told.items() if value}, template

    def register_prompt(
        self,
        name: str,
        handler: Callable[..., Any],
        description: str,
        arguments: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        """Adds a prompt.

        Raises:
            ValueError: there is a prompt of that name.
        """
        if name in self._prompts:
            raise ValueError(f"there is a prompt {name!r} already")
        function = _Function(handler)
        listed = list(arguments or ()) or [
            {"name": p.name, "description": f"Parameter {p.name}", "required": p.default is _types.MISSING}
            for p in function.parameters
        ]
        self._prompts[name] = function, {"name": name, "description": description, "arguments": listed}

    async def handle_request(self, request_data: Any, request: Request | None = None) -> dict[str, Any] | None:
        """The answer to one message of JSON-RPC; None for a notification, and for an answer of the client's."""
        if not isinstance(request_data, dict) or request_data.get("jsonrpc", "2.0") != "2.0":
            return error_answer(None, MCPError(INVALID_REQUEST, "Invalid request"))
        method, number = request_data.get("method"), request_data.get("id")
        if method is None and ("result" in request_data or "error" in request_data):
            return None
        if not isinstance(method, str) or not isinstance(number, str | int | None):
            return error_answer(None, MCPError(INVALID_REQUEST, "Invalid request"))
        if "id" not in request_data:
            return None
        params = request_data.get("params") or {}
        try:
            if not isinstance(params, dict):
                raise MCPError(INVALID_PARAMS, "params must be an object")
            if method not in self._methods:
                raise MCPError(METHOD_NOT_FOUND, f"Method not found: {method}")
            return {"jsonrpc": "2.0", "id": number, "result": await self._methods[method](params, request)}
        except MCPError as error:
            return error_answer(number, error)
        except Exception as error:
            _native.log_exception(error, f"MCP: {method} raised")
            return error_answer(number, MCPError(INTERNAL_ERROR, "Internal error"))

    # The protocol's methods -------------------------------------------------------------------------------------

    async def _initialize(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        asked = params.get("protocolVersion")
        capabilities: dict[str, Any] = {}
        if self._tools:
            capabilities["tools"] = {"listChanged": False}
        if self._resources:
            capabilities["resources"] = {"subscribe": False, "listChanged": False}
        if self._prompts:
            capabilities["prompts"] = {"listChanged": False}
        answer = {
            "protocolVersion": asked if asked in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[0],
            "capabilities": capabilities,
            "serverInfo": self.server_info,
        }
        return answer | ({"instructions": self.instructions} if self.instructions else {})

    async def _ping(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        return {}

    async def _list_tools(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        return {"tools": [told for _, told in self._tools.values()]}

    async def _call_tool(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        name = params.get("name")
        if name not in self._tools:
            raise MCPError(INVALID_PARAMS, f"Tool not found: {name}")
        function, told = self._tools[name]
        # What is wrong with a call is for the model to read, so that it can mend it.
        try:
            arguments = function.checked(params.get("arguments") or {})
        except ValueError as error:
            return {"content": [_text(f"Invalid arguments: {error}")], "isError": True}
        try:
            result = await function.call(arguments, request)
        except MCPError:
            raise
        except Exception as error:
            _native.log_exception(error, f"MCP: the tool {name} raised")
            return {"content": [_text(str(error) or type(error).__name__)], "isError": True}
        answer: dict[str, Any] = {"content": _content(result), "isError": False}
        if "outputSchema" in told or isinstance(result, dict):
            answer["structuredContent"] = _plain(result)
        return answer

    async def _list_resources(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        return {"resources": [told for _, told, _ in self._resources.values() if "uri" in told]}

    async def _list_templates(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        return {"resourceTemplates": [told for _, told, _ in self._resources.values() if "uriTemplate" in told]}

    async def _read_resource(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        uri = params.get("uri")
        if not isinstance(uri, str):
            raise MCPError(INVALID_PARAMS, "URI is required")
        for function, told, template in self._resources.values():
            found = template.match(uri)
            if found is None:
                continue
            if not template.names and function.parameters:
                arguments: dict[str, Any] = {function.parameters[0].name: params}
            else:
                try:
                    arguments = function.checked(found)
                except ValueError as error:
                    raise MCPError(INVALID_PARAMS, str(error)) from None
            result = await function.call(arguments, request)
            return {"contents": [_resource_content(uri, told.get("mimeType"), result)]}
        raise MCPError(RESOURCE_NOT_FOUND, f"Resource not found: {uri}", {"uri": uri})

    async def _list_prompts(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        return {"prompts": [told for _, told in self._prompts.values()]}

    async def _get_prompt(self, params: dict[str, Any], request: Request | None) -> dict[str, Any]:
        name = params.get("name")
        if name not in self._prompts:
            raise MCPError(INVALID_PARAMS, f"Prompt not found: {name}")
        function, told = self._prompts[name]
        try:
            arguments = function.checked(params.get("arguments") or {})
        except ValueError as error:
            raise MCPError(INVALID_PARAMS, str(error)) from None
        result = await function.call(arguments, request)
        messages = result if isinstance(result, list) else [result]
        return {"description": told["description"], "messages": [_message(message) for message in messages]}


def error_answer(number: Any, error: MCPError) -> dict[str, Any]:
    told = {"code": error.code, "message": error.message}
    return {"jsonrpc": "2.0", "id": number, "error": told | ({"data": error.data} if error.data is not None else {})}


def _plain(value: Any) -> Any:
    return _native.json_decode(_native.json_encode(value))


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return _native.json_encode(value).decode()
    except TypeError:
        return str(value)


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()


def _content(result: Any) -> list[dict[str, Any]]:
    """Text; what has a `type` already stays as it is."""
    if isinstance(result, dict) and result.get("type") in ("text", "image", "audio", "resource", "resource_link"):
        return [result]
    if isinstance(result, list) and result and all(isinstance(item, dict) and "type" in item for item in result):
        return result
    if isinstance(result, bytes):
        resource = {"uri": "data:", "mimeType": "application/octet-stream", "blob": _base64(result)}
        return [{"type": "resource", "resource": resource}]
    return [_text(_shown(result))]


def _resource_content(uri: str, mime_type: str | None, result: Any) -> dict[str, Any]:
    if isinstance(result, bytes | bytearray):
        kind = mime_type or "application/octet-stream"
        return {"uri": uri, "mimeType": kind, "blob": _base64(bytes(result))}
    kind = mime_type or ("text/plain" if isinstance(result, str | int | float) else "application/json")
    return {"uri": uri, "mimeType": kind, "text": _shown(result)}


def _message(message: Any) -> dict[str, Any]:
    if isinstance(message, dict) and "role" in message:
        content = message.get("content")
        return {**message, "content": _text(content)} if isinstance(content, str) else message
    return {"role": "user", "content": _text(_shown(message))}
