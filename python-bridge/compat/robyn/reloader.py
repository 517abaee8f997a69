"""Robyn's reloader: processes and reloads are the server's here."""

raise ImportError(
    "robyn.reloader is Robyn's way to run its processes: Roost's server does that itself, "
    "see app.start(), --processes and --dev",
    name=__name__,
)
