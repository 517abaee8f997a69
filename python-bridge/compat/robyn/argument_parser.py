"""Robyn's command line and variables: Roost's options, under ROBYN_* as well."""

from __future__ import annotations

from collections.abc import Mapping

from roost import config


class Config(config.Config):
    """The options; `ROBYN_HOST`, `ROBYN_PORT` and so on name them in the environment, beside those of Roost."""

    prefix = "ROBYN_"
    variables: Mapping[str, str] = {
        "ROBYN_BROWSER_OPEN": "open_browser",
        "ROBYN_DEV_MODE": "dev",
        **{"ROOST_" + name.upper(): name for name in config.names()},
    }


__all__ = ["Config"]
