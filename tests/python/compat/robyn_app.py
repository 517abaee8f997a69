"""An application written for Robyn 0.88, which the tests run on Robyn and on python-bridge/compat."""

import os
import pathlib
import sys
from typing import TypedDict
from uuid import UUID

from pydantic import BaseModel
from robyn import (
    Headers,
    JsonBody,
    Request,
    Response,
    Robyn,
    SSEMessage,
    SSEResponse,
    StreamingResponse,
    SubRouter,
    WebSocketDisconnect,
    html,
    jsonify,
    serve_file,
    serve_html,
    status_codes,
)
from robyn.authentication import AuthenticationHandler, BearerGetter, Identity
from robyn.robyn import QueryParams, Url
from robyn.templating import JinjaTemplate
from robyn.types import Body, Files, FormData, IPAddress, Method, PathParams

HERE = pathlib.Path(__file__).parent
app = Robyn(__file__)
templates = JinjaTemplate(os.path.join(HERE, "templates"))


@app.exception
def handle_exception(error):
    return Response(status_code=500, headers=Headers({}), description=f"error msg: {error}")


# Results -----------------------------------------------------------------------------------------------------------


@app.get("/text")
def text():
    return "text"


@app.get("/async/text")
async def async_text():
    return "async text"


@app.get("/dict")
def dictionary():
    return {"a": 1, "b": [True, None, 1.5, "ü"]}


@app.get("/list")
async def array():
    return [1, {"a": 2}]


@app.get("/bytes")
def raw():
    return b"\x00\xff"


@app.get("/number")
def number():
    return 42


@app.get("/none")
def nothing():
    return None


@app.get("/object")
def unknown_object():
    return type({})


@app.get("/jsonify")
def jsonified():
    return jsonify({"hello": "world"})


@app.get("/tuple")
def triple():
    return {"made": True}, Headers({"X-Tuple": "yes"}), 201


@app.get("/tuple/wrong")
def pair():
    return "body", 201


@app.get("/response")
def response():
    return Response(status_code=status_codes.HTTP_202_ACCEPTED, headers=Headers({"X-Own": "1"}), description="accepted")


@app.get("/response/dict-headers")
def response_dict():
    return Response(status_code=200, headers={"X-Own": "2"}, description="own")


@app.get("/response/bytes")
def response_bytes():
    return Response(200, {"Content-Type": "application/octet-stream"}, b"\x01\x02")


@app.get("/response/many")
def many_headers():
    headers = Headers({})
    headers.append("X-Many", "1")
    headers.append("X-Many", "2")
    return Response(200, headers, "many")


@app.get("/cookie")
def cookie():
    made = Response(200, Headers({}), "cookie")
    made.set_cookie("session", "abc", path="/", max_age=60, secure=True, http_only=True, same_site="Lax")
    made.set_cookie("second", "2")
    return made


@app.get("/html")
def page():
    return html("<b>bold</b>")


@app.get("/html/file")
def page_file():
    return serve_html(os.path.join(HERE, "site", "index.html"))


@app.get("/file")
def file():
    return serve_file(os.path.join(HERE, "site", "style.css"), file_name="own.css")


@app.get("/template")
def template():
    return templates.render_template("page.html", name="<Ada>")


@app.get("/status", status_code=201)
def status():
    return {"created": True}


@app.get("/const", const=True)
def constant():
    return "constant"


@app.get("/stream")
def stream():
    def pieces():
        yield "one "
        yield b"two "
        yield "three"

    return StreamingResponse(pieces(), media_type="text/plain", headers=Headers({"X-Stream": "yes"}))


@app.get("/stream/async")
async def async_stream():
    async def pieces():
        for word in ("a", "b", "c"):
            yield word

    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/sse")
def events():
    def pieces():
        yield SSEMessage("hello", event="greeting", id="1", retry=500)
        yield SSEMessage("two\nlines")

    return SSEResponse(pieces())


@app.get("/raise")
def raises():
    raise ValueError("Bad value")


@app.get("/async/raise")
async def async_raises():
    raise ValueError("Bad value")


# Requests ----------------------------------------------------------------------------------------------------------


@app.get("/query")
def query(request: Request):
    params = request.query_params
    return {
        "get": params.get("a", None),
        "default": params.get("missing", "none"),
        "first": params.get_first("a"),
        "all": params.get_all("a"),
        "dict": params.to_dict(),
        "in": "a" in params,
        "contains": params.contains("b"),
        "empty": params.empty(),
        "items": sorted(params.multi_items()),
    }


@app.get("/query/get")
def query_get(query_params):
    return query_params.get("a")


@app.get("/headers")
def headers(request: Request):
    given = request.headers
    return {
        "get": given.get("x-one"),
        "upper": given.get("X-ONE"),
        "item": given["x-one"],
        "contains": given.contains("x-one"),
        "in": "X-One" in given,
        "missing": given.get("x-missing"),
        "dict": given.to_dict()["x-one"],
    }


@app.get("/headers/write")
def written(request: Request):
    request.headers.set("x-new", "new")
    request.headers["x-other"] = "other"
    return {"new": request.headers.get("x-new"), "other": request.headers.get("x-other")}


@app.get("/param/:id")
def param(request: Request):
    return request.path_params["id"]


@app.get("/param/:id/rest/*rest")
def rest(request: Request):
    return request.path_params


@app.post("/body")
def body(request: Request):
    return {"type": type(request.body).__name__, "len": len(request.body)}


@app.post("/body/echo")
def echo(request: Request):
    return request.body


@app.post("/json")
def json_body(request: Request):
    data = request.json()
    return {"type": type(data).__name__, "data": data}


@app.post("/form")
def form(request: Request):
    return dict(request.form_data)


@app.post("/files")
def files(request: Request):
    return {name: [type(content).__name__, len(content)] for name, content in request.files.items()}


@app.get("/url")
def url(request: Request):
    return {"path": request.url.path, "scheme": request.url.scheme, "host": request.url.host.split(":")[0]}


@app.get("/method")
def method(request: Request):
    return {"method": request.method, "ip": request.ip_addr}


for verb in ("put", "patch", "delete", "post"):

    def answer(request: Request):
        return request.method

    getattr(app, verb)("/verb")(answer)


@app.options("/options")
def options():
    return "options"


@app.head("/head")
def head():
    return Response(200, Headers({"X-Head": "1"}), "")


# Typed handlers ----------------------------------------------------------------------------------------------------


@app.get("/typed/path/:id")
def typed_path(id: int):
    return {"id": id, "type": type(id).__name__}


@app.get("/typed/query")
def typed_query(a: int, b: float = 1.5, c: str | None = None, d: bool = False):
    return {"a": a, "b": b, "c": c, "d": d}


@app.get("/typed/list")
def typed_list(a: list[int]):
    return {"a": a}


@app.get("/typed/uuid")
def typed_uuid(a: UUID):
    return str(a)


@app.get("/typed/names")
def names(query_params, headers, method, ip_addr, url):
    return [query_params.get("a", None), headers.get("x-one"), method, ip_addr, url.path]


@app.post("/typed/annotations/:id")
def annotations(q: QueryParams, h: Headers, p: PathParams, m: Method, b: Body, u: Url, i: IPAddress):
    return [q.get("a", None), h.get("x-one"), p["id"], m, b, u.path, i]


@app.post("/typed/form")
def typed_form(form_data: FormData, files: Files):
    return [dict(form_data), sorted(files)]


@app.post("/typed/jsonbody")
def typed_jsonbody(data: JsonBody):
    return data


class Item(BaseModel):
    name: str
    price: float


class Loose(TypedDict):
    a: int


@app.post("/typed/pydantic")
def pydantic(item: Item):
    return {"name": item.name, "price": item.price}


@app.post("/typed/model")
def model(item: Item):
    return item


@app.post("/typed/typeddict")
def typed_dict(data: Loose):
    return data


@app.get("/typed/response-model", response_model=Item)
def response_model():
    return {"name": "pen", "price": "2.5", "secret": 1}


# Middleware --------------------------------------------------------------------------------------------------------


@app.before_request()
def first(request: Request):
    request.headers.set("x-order", "global")
    return request


@app.before_request("/order")
async def second(request: Request):
    request.headers.set("x-order", (request.headers.get("x-order") or "") + ",route")
    return request


@app.get("/order")
def order(request: Request):
    return request.headers.get("x-order").split(",")[-1]


@app.after_request("/order")
def after(response: Response):
    response.headers.set("X-After", "route")
    return response


@app.before_request("/stopped")
def stop(request: Request):
    return Response(status_code=403, headers=Headers({}), description="stopped")


@app.before_request("/stopped/dict")
def stop_dict(request: Request):
    return {"stopped": True}


@app.get("/stopped")
def stopped():
    return "never"


@app.get("/stopped/dict")
def stopped_dict():
    return "never"


@app.after_request("/after/two")
def after_two(request: Request, response: Response):
    response.description = f"{response.description} after {request.method}"
    return response


@app.get("/after/two")
def two():
    return Response(200, Headers({}), "two")


app.set_response_header("X-Global", "set")
app.add_response_header("X-Added", "added")
app.exclude_response_headers_for(["/excluded"])


@app.get("/excluded")
def excluded():
    return Response(200, Headers({}), "excluded")


# Authentication ----------------------------------------------------------------------------------------------------


class Bearer(AuthenticationHandler):
    def authenticate(self, request: Request):
        token = self.token_getter.get_token(request)
        return Identity(claims={"user": token}) if token == "good" else None


app.configure_authentication(Bearer(token_getter=BearerGetter()))


@app.get("/auth", auth_required=True)
async def authenticated(request: Request):
    return request.identity.claims["user"]


# Dependencies ------------------------------------------------------------------------------------------------------

app.inject_global(GLOBAL="global dependency")
app.inject(ROUTER="router dependency")


@app.get("/inject/global")
def injected_global(request, global_dependencies):
    return global_dependencies["GLOBAL"]


@app.get("/inject/router")
async def injected_router(router_dependencies):
    return router_dependencies["ROUTER"]


# Routers -----------------------------------------------------------------------------------------------------------

sub = SubRouter(__file__, prefix="/sub")


@sub.get("/one")
def sub_one():
    return "sub one"


@sub.get("/param/:id")
def sub_param(id: int):
    return id + 1


@sub.post("/one")
async def sub_post(request: Request):
    return request.json()


sub.inject(SUB="of the router")


@sub.get("/inject")
def sub_inject(router_dependencies):
    return router_dependencies["SUB"]


app.include_router(sub)
app.add_route("GET", "/added", lambda: "added")
app.serve_directory("/static", os.path.join(HERE, "site"), index_file="index.html")


# WebSockets --------------------------------------------------------------------------------------------------------


@app.websocket("/ws")
async def socket(websocket):
    try:
        while True:
            message = await websocket.receive_text()
            if message == "json":
                await websocket.send_json({"got": message})
            elif message == "bytes":
                await websocket.send_bytes(b"\x00\x01")
            elif message == "close":
                await websocket.close()
            else:
                await websocket.send_text(f"echo {message} {websocket.query_params.get('q', None)}")
    except WebSocketDisconnect:
        pass


@socket.on_connect
def connected(websocket):
    return "hello"


@socket.on_close
def closed(websocket):
    return "bye"


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 8080)
