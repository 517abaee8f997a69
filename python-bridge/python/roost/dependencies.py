"""Values that a handler asks for and other functions make: `Depends`.

def database() -> Iterator[Session]:
    session = Session()
    try:
        yield session
    finally:
        session.close()

@app.get("/users/:id")
def read_user(id: int, session: Annotated[Session, Depends(database)]) -> User: ...
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from typing import Any


class Dependency:
    """What `Depends` leaves in a signature."""

    __slots__ = ("function", "use_cache")

    def __init__(self, function: Callable[..., Any] | None, use_cache: bool) -> None:
        self.function = function
        self.use_cache = use_cache

    def __repr__(self) -> str:
        return f"Depends({getattr(self.function, '__name__', self.function)})"


def Depends(dependency: Callable[..., Any] | None = None, *, use_cache: bool = True) -> Any:
    """As a default or in `Annotated[T, ...]`: the parameter is what `dependency` returns for this request.

    `dependency` takes what a handler may take, other dependencies too. It is a function, `async` or not, a class, or a
    generator: what is behind its `yield` runs once the response is made, or its stream has ended, and an exception of
    the handler is raised at the `yield`. It is called where the handler is; plain ones of an `async` handler on the
    event loop, so that they must not block.

    Args:
        dependency: what makes the value; by default the annotation, a class.
        use_cache: call it once for each request, whoever asks for it.
    """
    return Dependency(dependency, use_cache)


class Opened:
    """The generators of one request that stand at their `yield`; closed in reverse."""

    __slots__ = ("_generators", "asynchronous")

    def __init__(self) -> None:
        self._generators: list[Any] = []
        self.asynchronous = False
        """Whether one of them is."""

    def enter(self, generator: Generator[Any, None, None]) -> Any:
        """Runs it to its `yield`, for the value."""
        try:
            value = next(generator)
        except StopIteration:
            raise RuntimeError(f"the dependency {_name(generator)} yields nothing") from None
        self._generators.append(generator)
        return value

    async def enter_async(self, generator: AsyncGenerator[Any, None]) -> Any:
        """Runs it to its `yield`, for the value."""
        try:
            value = await anext(generator)
        except StopAsyncIteration:
            raise RuntimeError(f"the dependency {_name(generator)} yields nothing") from None
        self._generators.append(generator)
        self.asynchronous = True
        return value

    def close(self, error: BaseException | None = None) -> None:
        """Runs what is behind each `yield`, where `error` is raised; then raises it, or what came of it."""
        try:
            while self._generators:
                generator = self._generators.pop()
                try:
                    _advance(generator, error)
                except BaseException as raised:
                    error = raised
            if error is not None:
                raise error
        finally:
            del error  # its traceback holds this frame

    async def close_async(self, error: BaseException | None = None) -> None:
        """As `close`, for generators of both kinds."""
        try:
            while self._generators:
                generator = self._generators.pop()
                try:
                    if hasattr(generator, "__anext__"):
                        await _advance_async(generator, error)
                    else:
                        _advance(generator, error)
                except BaseException as raised:
                    error = raised
            if error is not None:
                raise error
        finally:
            del error


def _name(generator: Any) -> str:
    return str(getattr(generator, "__qualname__", generator))


def _advance(generator: Any, error: BaseException | None) -> None:
    try:
        if error is None:
            next(generator)
        else:
            generator.throw(error)
    except StopIteration:
        return
    finally:
        del error  # its traceback holds this frame
    generator.close()
    raise RuntimeError(f"the dependency {_name(generator)} yields twice")


async def _advance_async(generator: Any, error: BaseException | None) -> None:
    try:
        if error is None:
            await anext(generator)
        else:
            await generator.athrow(error)
    except StopAsyncIteration:
        return
    finally:
        del error
    await generator.aclose()
    raise RuntimeError(f"the dependency {_name(generator)} yields twice")
