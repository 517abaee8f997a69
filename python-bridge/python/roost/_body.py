"""A request's body made into the type that a handler asks for, and a handler's result into its response model."""

from __future__ import annotations

from roost import _native, _types
from roost._invalid import BodyError, JsonError
from roost._native import Request, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Read = Callable[[Request], Any]

_JSON = {"Content-Type": "application/json"}


def is_body(annotation: Any) -> bool:
    """Whether a parameter of this type is the body: a model, a record, a dict, or a collection of these."""
    annotation, _ = _types.without_none(_types.annotated(annotation)[0])
    if _types.is_pydantic(annotation) or _types.is_dataclass(annotation) or _types.is_typed_dict(annotation):
        return True
    if annotation is dict or _types.origin(annotation) is dict:
        return True
    members = _types.arguments(annotation)
    return _types.literals(annotation) is None and any(is_body(member) for member in members)


def _is_pydantics(annotation: Any) -> bool:
    """Whether pydantic validates it: a model is in it, and no TypedDict, which pydantic refuses before Python 3.12."""
    annotation, metadata = _types.annotated(annotation)
    if _types.is_typed_dict(annotation):
        return False
    if _types.is_pydantic(annotation) or hasattr(annotation, "__pydantic_validator__"):
        return True
    return _types.constrains(metadata) or any(_is_pydantics(member) for member in _types.arguments(annotation))


def reader(annotation: Any, default: Any) -> Read:
    """What reads the body of a request as this type, raising `BodyError`.

    Raises:
        TypeError: a type in it is not known.
    """
    read = _pydantic_reader(annotation) if _is_pydantics(annotation) else _shape_reader(annotation)
    optional = _types.without_none(_types.annotated(annotation)[0])[1]
    if default is _types.MISSING and not optional:
        return read
    if default is _types.MISSING:
        default = None

    def read_optional(request: Request) -> Any:
        return read(request) if request.body else default

    return read_optional


def _pydantic_reader(annotation: Any) -> Read:
    from pydantic import TypeAdapter, ValidationError

    if _types.is_pydantic(annotation):
        if not annotation.__pydantic_complete__:
            annotation.model_rebuild()
        validate = annotation.__pydantic_validator__.validate_json
    else:
        validate = TypeAdapter(annotation).validate_json

    def read(request: Request) -> Any:
        try:
            return validate(request.body)
        except ValidationError as error:
            raise BodyError(_listed(error)) from None

    return read


def _listed(error: Any) -> list[dict[str, Any]] | str:
    """pydantic's errors as it writes them itself; where it cannot (bytes that are no UTF-8), as JSON can."""
    try:
        return error.json()  # type: ignore[no-any-return]
    except ValueError:
        return [
            {"type": one["type"], "loc": list(one["loc"]), "msg": one["msg"], "input": _shown(one["input"])}
            for one in error.errors(include_url=False)
        ]


def _shown(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _shape_reader(annotation: Any) -> Read:
    from roost._shapes import INVALID, failure, shape

    check = shape(annotation)

    def read(request: Request) -> Any:
        errors: list[dict[str, Any]] = []
        try:
            value = request.json()
        except ValueError as error:
            body = request.body
            text = body if isinstance(body, str) else body.decode(errors="replace")
            errors.append(failure("json_invalid", (), f"Invalid JSON: {error}", text, error=str(error)))
            raise BodyError(errors) from None
        made = check(value, (), errors)
        if made is INVALID:
            raise BodyError(errors)
        return made

    return read


def read_json(request: Request) -> Any:
    """The body read as JSON, whatever it is.

    Raises:
        JsonError: it is none.
    """
    try:
        return request.json()
    except ValueError as error:
        raise JsonError(error) from None


def read_bytes(request: Request) -> bytes:
    """The body as bytes."""
    body = request.body
    return body.encode() if isinstance(body, str) else body


class ResponseModelError(Exception):
    """A handler returned what its `response_model` refuses: an error of the handler's."""


def finisher(name: str, model: Any, status: int | None) -> Callable[[Any], Any] | None:
    """What makes a handler's result into the response with that model and status; None when nothing is to be done.

    A Response that a handler returns stays as it is.

    Raises:
        TypeError: the model, or a type in it, is not known.
    """
    if model is None:
        return _with_status(status) if status is not None else None
    encode = _model_encoder(name, model)

    def finish(result: Any) -> Any:
        if isinstance(result, Response):
            return result
        code, headers = status or 200, None
        if type(result) is tuple:
            body: Any = None
            for part in result:
                if type(part) is int:
                    code = part
                elif part is not result[0] and isinstance(part, dict | _native.Headers):
                    headers = part
                else:
                    body = part
            result = body
            if isinstance(result, Response):
                return result
        response = Response(code, _JSON if headers is None else headers, encode(result))
        if headers is not None and "content-type" not in response.headers:
            response.headers["Content-Type"] = "application/json"
        return response

    return finish


def _with_status(status: int | None) -> Callable[[Any], Any]:
    def finish(result: Any) -> Any:
        if isinstance(result, Response):
            return result
        if type(result) is tuple:
            return result if any(type(part) is int for part in result) else (*result, status)
        return result, status

    return finish


def _model_encoder(name: str, model: Any) -> Callable[[Any], bytes]:
    if _is_pydantics(model):
        from pydantic import TypeAdapter, ValidationError

        adapter = TypeAdapter(model)
        validate = adapter.validator.validate_python
        serialize = adapter.serializer.to_json

        def encode(result: Any) -> bytes:
            try:
                value = validate(result, from_attributes=True)
            except ValidationError as error:
                raise ResponseModelError(f"{name} returned what its response_model refuses: {error}") from None
            return serialize(value, by_alias=True)

        return encode

    from roost._shapes import INVALID, shape

    check = shape(model)

    def encode_shape(result: Any) -> bytes:
        errors: list[dict[str, Any]] = []
        if _types.is_typed_dict(model) and not isinstance(result, dict):
            result = getattr(result, "__dict__", result)
        elif _types.is_dataclass(model) and not isinstance(result, dict) and type(result) is not model:
            names = [field for field in model.__dataclass_fields__ if hasattr(result, field)]
            result = {field: getattr(result, field) for field in names} or result
        value = check(result, (), errors)
        if value is INVALID:
            shown = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in errors)
            raise ResponseModelError(f"{name} returned what its response_model refuses: {shown}")
        return _native.json_encode(value)

    return encode_shape
