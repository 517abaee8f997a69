"""A typed handler of this server: beside the other application, so that pydantic is measured where it is used alone."""

from pydantic import BaseModel
from roost import App

app = App(__file__)


class Item(BaseModel):
    name: str
    price: float
    quantity: int
    tags: list[str]


@app.post("/typed")
async def typed(item: Item) -> Item:
    return item
