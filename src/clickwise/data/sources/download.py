"""Downloads of public data sets, with a checksum and a progress bar."""

from pathlib import Path

from clickwise.errors import InputError
from clickwise.files import user_cache


def fetch(url: str, md5: str | None, folder: Path | None) -> Path:
    """The file behind ``url``, downloaded to ``folder``, or to the user's cache where that is None.

    The file appears under its name only when it is complete and its checksum is right. A file of that name that is
    there already is taken as it is, since the user may have put it there by hand.

    Args:
        url: ends in the name of the file.
        md5: its checksum; None for a file that its owner replaces from time to time.
        folder: where it goes.

    Raises:
        InputError: the download failed; it says what to fetch by hand and where to put it.
    """
    import pooch

    name = url.rsplit("/", 1)[-1]
    target = user_cache() if folder is None else folder
    if (target / name).is_file():
        return target / name
    progress = _ProgressBar(name)
    download = pooch.HTTPDownloader(progressbar=progress)
    try:
        return Path(
            pooch.retrieve(url, None if md5 is None else f"md5:{md5}", fname=name, path=target, downloader=download)
        )
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"cannot download {url} ({reason}); fetch it by hand and put it at {target / name}") from None
    finally:
        progress.close()


class _ProgressBar:
    """What pooch expects of a progress bar, drawn by rich on standard error."""

    def __init__(self, name: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn()
        self._progress = Progress(*columns, console=Console(stderr=True))
        self._task = self._progress.add_task(name, total=None)

    @property
    def total(self) -> float | None:
        """Bytes to come; pooch sets it when the answer starts, which shows the bar."""
        return self._progress.tasks[self._task].total

    @total.setter
    def total(self, size: int) -> None:
        self._progress.start()
        self._progress.update(self._task, total=size)

    def update(self, size: int) -> None:
        """``size`` more bytes have come."""
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        """Back to no bytes; pooch calls this before it sets the bar to the full size."""
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Leave the bar as it stands."""
        self._progress.stop()
