"""Checks of a dataset's folders, fast enough for a dry run: they list folders and open no file."""

from pathlib import Path

from gaittake.errors import UserError
from gaittake.settings import Source
from gaittake.sources.layouts import LAYOUTS, Layout

MOST_NAMES = 5  # in a message


def check_folders(source: Source) -> None:
    """Checks that the source's folders exist and fit the layout.

    Raises:
        UserError: names the folder, what it holds, what the layout needs, and the setting.
    """
    layout = LAYOUTS[source.layout]
    if not source.folders and source.masks_from_rgb is None:
        raise UserError("source.silhouettes is empty: set it to the folder that holds the subjects")
    shown = "root" if source.root else "silhouettes"
    for field, folders in ((shown, source.folders), ("videos", source.videos)):
        for folder in folders:
            if not folder.is_dir():
                # A dangling link is not a folder either.
                raise UserError(
                    f"{folder}: no such folder; set source.{field} to the folder of the dataset "
                    "(see config/README.md)"
                )
    roots = source.folders or source.videos
    names = _names(*roots)
    if not any(layout.top.fullmatch(name) for name in names):
        raise UserError(
            f"{roots[0]}: {_held(names)}; source.layout '{source.layout}' requires "
            f"{layout.example} there (see config/README.md)"
        )
    for folder in source.videos:
        _check_videos(folder, source, layout, subjects=set(names))


def _check_videos(folder: Path, source: Source, layout: Layout, *, subjects: set[str]) -> None:
    """Checks that a folder holds colour videos.

    Raises:
        UserError: it does not.
    """
    if folder.resolve() in {path.resolve() for path in source.folders}:
        raise UserError(
            f"{folder}: the same folder in source.videos and source.silhouettes; set source.videos "
            "to the colour videos, or to [] if there are none"
        )
    names = _names(folder)
    if layout.video is None:  # colour has the folders of the silhouettes
        if not subjects.intersection(names):
            raise UserError(
                f"{folder}: {_held(names)}; source.videos requires the folders of the subjects, "
                f"as in source.silhouettes ({', '.join(sorted(subjects)[:MOST_NAMES])})"
            )
    elif not any(layout.video.fullmatch(name) for name in names):
        raise UserError(
            f"{folder}: {_held(names)}; source.videos requires {layout.video_example} directly "
            "in it (see config/README.md)"
        )


def _names(*folders: Path) -> list[str]:
    return sorted(child.name for folder in folders for child in folder.iterdir())


def _held(names: list[str]) -> str:
    return f"holds {', '.join(names[:MOST_NAMES])}" if names else "the folder is empty"
