"""socketify: uWebSockets under Python."""

import os

from socketify import App

app = App()


def sync(response, request):
    response.end({"message": "Hello, World!"})


async def asynchronous(response, request):
    response.end({"message": "Hello, World!"})


app.get("/sync", sync)
app.get("/async", asynchronous)
app.listen({"port": int(os.environ["BENCH_PORT"]), "host": "127.0.0.1"}, lambda config: None)
app.run()
