"""Documents of the shapes that JSON libraries are compared with, made from a seed: no text of others is kept here.

Each has the size, the nesting, the mix of types and the lengths of text of the document that it is named after.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

_JAPANESE = "日本語の文字列は三バイトずつで表されるあいうえおかきくけこサシスセソタチツテト、。！"
_HEX = "0123456789abcdef"
_WORDS = [
    "the",
    "quick",
    "server",
    "answers",
    "every",
    "request",
    "that",
    "comes",
    "in",
    "over",
    "one",
    "port",
    "a",
    "day",
]


def _text(chance: random.Random, letters: str, count: int) -> str:
    return "".join(chance.choices(letters, k=count))


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


def _user(chance: random.Random) -> dict[str, Any]:
    number = chance.randrange(10**8, 10**10)
    image = f"http://images.example.com/profile_images/{number}/{_text(chance, _HEX, 8)}_normal.jpeg"
    return {
        "id": number,
        "id_str": str(number),
        "name": _text(chance, _JAPANESE, 8),
        "screen_name": _text(chance, _HEX, 11),
        "location": _text(chance, _JAPANESE, 6),
        "description": _text(chance, _JAPANESE, chance.randrange(20, 120)),
        "url": None,
        "entities": {"description": {"urls": []}},
        "protected": False,
        "followers_count": chance.randrange(5000),
        "friends_count": chance.randrange(2000),
        "listed_count": chance.randrange(9),
        "created_at": "Sun Aug 31 00:29:15 +0000 2014",
        "favourites_count": chance.randrange(3000),
        "utc_offset": None,
        "time_zone": None,
        "geo_enabled": chance.random() < 0.2,
        "verified": False,
        "statuses_count": chance.randrange(60000),
        "lang": "ja",
        "contributors_enabled": False,
        "is_translator": False,
        "is_translation_enabled": False,
        "profile_background_color": "C0DEED",
        "profile_background_image_url": "http://images.example.com/images/themes/theme1/bg.png",
        "profile_background_image_url_https": "https://images.example.com/images/themes/theme1/bg.png",
        "profile_background_tile": False,
        "profile_image_url": image,
        "profile_image_url_https": image,
        "profile_link_color": "0084B4",
        "profile_sidebar_border_color": "C0DEED",
        "profile_sidebar_fill_color": "DDEEF6",
        "profile_text_color": "333333",
        "profile_use_background_image": True,
        "default_profile": True,
        "default_profile_image": False,
        "following": False,
        "follow_request_sent": False,
        "notifications": False,
    }


def _status(chance: random.Random, depth: int = 0) -> dict[str, Any]:
    number = chance.randrange(5 * 10**17, 6 * 10**17)
    status: dict[str, Any] = {
        "metadata": {"result_type": "recent", "iso_language_code": "ja"},
        "created_at": "Sun Aug 31 00:29:15 +0000 2014",
        "id": number,
        "id_str": str(number),
        "text": _text(chance, _JAPANESE, chance.randrange(40, 140)) + "\n" + '"',
        "source": '<a href="http://example.com/download/iphone" rel="nofollow">Client for iPhone</a>',
        "truncated": False,
        "in_reply_to_status_id": None,
        "in_reply_to_status_id_str": None,
        "in_reply_to_user_id": None,
        "in_reply_to_user_id_str": None,
        "in_reply_to_screen_name": None,
        "user": _user(chance),
        "geo": None,
        "coordinates": None,
        "place": None,
        "contributors": None,
        "retweet_count": chance.randrange(100),
        "favorite_count": 0,
        "entities": {
            "hashtags": [],
            "symbols": [],
            "urls": [],
            "user_mentions": [
                {
                    "screen_name": _text(chance, _HEX, 10),
                    "name": _text(chance, _JAPANESE, 7),
                    "id": chance.randrange(10**9),
                    "id_str": str(chance.randrange(10**9)),
                    "indices": [3, 14],
                }
            ],
        },
        "favorited": False,
        "retweeted": False,
        "lang": "ja",
    }
    if depth == 0 and chance.random() < 0.6:
        status["retweeted_status"] = _status(chance, 1)
    return status


def twitter(chance: random.Random) -> Any:
    """Objects of forty names, most strings short, text of three bytes a character: some 600 KB."""
    return {"statuses": [_status(chance) for _ in range(100)], "search_metadata": {"completed_in": 0.087, "count": 100}}


def citm_catalog(chance: random.Random) -> Any:
    """Deep objects of small integers and nulls, names that are numbers: some 500 KB (the original is indented)."""

    def numbers(count: int) -> list[int]:
        return [chance.randrange(2 * 10**8, 4 * 10**8) for _ in range(count)]

    def performance() -> dict[str, Any]:
        prices = [
            {"amount": chance.randrange(9000, 90000), "audienceSubCategoryId": 337100890, "seatCategoryId": number}
            for number in numbers(4)
        ]
        categories = [
            {
                "areas": [{"areaId": area, "blockIds": []} for area in numbers(chance.randrange(2, 9))],
                "seatCategoryId": price["seatCategoryId"],
            }
            for price in prices
        ]
        return {
            "eventId": numbers(1)[0],
            "id": numbers(1)[0],
            "logo": None,
            "name": None,
            "prices": prices,
            "seatCategories": categories,
            "seatMapImage": None,
            "start": 1372701600000,
            "venueCode": "PLEYEL_PLEYEL",
        }

    names = {str(number): _sentence(chance, 3) for number in numbers(80)}
    events = {
        str(number): {
            "description": None,
            "id": number,
            "logo": f"/images/{_text(chance, _HEX, 28)}.png",
            "name": _sentence(chance, 4),
            "subTopicIds": numbers(4),
            "subjectCode": None,
            "subtitle": None,
            "topicIds": numbers(2),
        }
        for number in numbers(184)
    }
    return {
        "areaNames": names,
        "audienceSubCategoryNames": {"337100890": "Abonné"},
        "blockNames": {},
        "events": events,
        "performances": [performance() for _ in range(243)],
        "seatCategoryNames": names,
        "subTopicNames": names,
        "topicSubTopics": {str(number): numbers(5) for number in numbers(20)},
    }


def canada(chance: random.Random) -> Any:
    """Coordinates: 111,000 floats of 15 to 17 digits in pairs, some 2.2 MB."""

    def point() -> list[float]:
        return [-chance.uniform(52, 141), chance.uniform(42, 83)]

    rings = [[point() for _ in range(chance.randrange(20, 210))] for _ in range(480)]
    features = [
        {"type": "Feature", "properties": {"name": "Canada"}, "geometry": {"type": "Polygon", "coordinates": rings}}
    ]
    return {"type": "FeatureCollection", "features": features}


def github(chance: random.Random, events: int = 30) -> Any:
    """A list of events, ASCII, many addresses: some 55 KB."""

    def event() -> dict[str, Any]:
        name, number = _text(chance, _HEX, 9), chance.randrange(10**9, 2 * 10**9)
        api = f"https://api.example.com/repos/{name}/{name}"
        commits = [
            {
                "sha": _text(chance, _HEX, 40),
                "author": {"email": f"{name}@example.com", "name": name},
                "message": _sentence(chance, 9) + "\n\n" + _sentence(chance, 8),
                "distinct": True,
                "url": f"{api}/commits/{_text(chance, _HEX, 40)}",
            }
            for _ in range(chance.randrange(1, 4))
        ]
        return {
            "type": "PushEvent",
            "created_at": "2012-10-26T16:17:54Z",
            "public": True,
            "id": str(number),
            "actor": {
                "gravatar_id": _text(chance, _HEX, 32),
                "id": number,
                "url": f"https://api.example.com/users/{name}",
                "avatar_url": f"https://images.example.com/avatar/{_text(chance, _HEX, 32)}?d=http%3A%2F%2Fexample.com",
                "login": name,
            },
            "repo": {"id": number, "url": api, "name": f"{name}/{name}"},
            "payload": {
                "head": _text(chance, _HEX, 40),
                "size": len(commits),
                "push_id": number,
                "ref": "refs/heads/master",
                "before": _text(chance, _HEX, 40),
                "commits": commits,
            },
        }

    return [event() for _ in range(events)]


def hello(chance: random.Random) -> Any:
    """The answer of the benchmark's plain route."""
    return {"message": "Hello, World!"}


def rows(chance: random.Random) -> Any:
    """Twenty rows and a count, as a page of a list: some 2 KB."""
    items = [
        {
            "id": i,
            "title": _sentence(chance, 5),
            "body": None,
            "stars": chance.randrange(500),
            "rating": round(chance.uniform(0, 5), 2),
            "done": chance.random() < 0.5,
        }
        for i in range(20)
    ]
    return {"items": items, "total": 1000, "page": 1}


def _of_github(events: int) -> Callable[[random.Random], Any]:
    return lambda chance: github(chance, events)


DOCUMENTS: dict[str, Callable[[random.Random], Any]] = {
    "hello": hello,
    "rows": rows,
    "github-2": _of_github(2),
    "github-5": _of_github(5),
    "github": github,
    "github-100": _of_github(100),
    "twitter": twitter,
    "citm_catalog": citm_catalog,
    "canada": canada,
}
