"""What a page's times say against those of the other pages of its folder: a reason to trust what else is found in it, or not.

Set-up writes the pages of a folder on one day; a page that came months later was put there by something else: an update, an
administrator, an intruder. Nothing is said where the page does not differ, so a copy that lost the times says nothing.

References: content/waves.csv; learn.microsoft.com, "File Times" (NTFS: a copied file is created when it is copied and keeps the
time of its last change; both can be set by programs), MITRE ATT&CK T1070.006.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

from exhume.model import File
from exhume.readers.content import rows
from exhume.readers.hashes import extension, place
from exhume.readers.pages import shipped_beside

APART = timedelta(days=90)
"""Less is no difference: the files of one build are weeks apart, and updates follow each other."""
FEWEST = 3
"""Pages that a page is compared with, at least."""
MOST = (3, 4)
"""Share of the other pages that have to be older: an update may have changed some of them, an intruder may have come twice."""
LOOKED = 1000
"""Files of a folder that are looked at."""
_DAY = timedelta(days=1)


def times_beside(file: File, pages: frozenset[str]) -> tuple[str, ...]:
    """What is odd about the file's times, in words; empty when nothing is, or when nobody knows its neighbours.

    ``pages``: extensions of files that are compared.
    """
    if file.neighbours is None or extension(file.name) not in pages:
        return ()
    near = [f for f in islice(file.neighbours(), LOOKED) if f.path != file.path and extension(f.name) in pages]
    shipped = shipped_beside(place(file)[0] or file.path)
    own = [f for f in near if f.name.lower() in shipped]
    others, which = (own, "pages of Exchange beside it") if len(own) >= FEWEST else (near, "other pages of its folder")
    return tuple(_told(file, others, which))


def _told(file: File, others: Sequence[File], which: str) -> Iterator[str]:
    made, changed = file.created, file.modified
    born = _later(made, [f.created for f in others], "made", which)
    later = _later(changed, [f.modified for f in others], "last changed", which)
    if born or later:
        yield born or later
    if born and made and changed and changed < made - _DAY:
        yield f"last changed {changed.date()}, before it was made here: it was copied with its time, or the time was set back"
    if changed and _as_another(changed, [f.modified for f in others if f.modified]):
        yield "last changed in the same second as a page beside it: copied together, or its time was set to that of the other"


def _later(time: datetime | None, known: Iterable[datetime | None], what: str, which: str) -> str:
    times = [t for t in known if t]
    older = [t for t in times if time and time - t >= APART]
    if time is None or len(older) < FEWEST or len(older) * MOST[1] < len(times) * MOST[0]:
        return ""
    days = (time - max(older)).days
    told = f"{what} {time.date()}, {days} days after {len(older)} of the {len(times)} {which}"
    if max(older) - min(older) < _DAY:
        told += f", which are all of {min(older).date()}"
    wave = next((row for row in rows("waves.csv") if row["first"] <= str(time.date()) <= row["last"]), None)
    return told + (f"; in these days servers were broken into in masses ({wave['name']})" if wave else "")


def _as_another(time: datetime, times: Sequence[datetime]) -> bool:
    """The same second as few others have, in a folder whose pages are not of one day."""
    same = sum(abs(t - time) < timedelta(seconds=1) for t in times)
    return 0 < same <= max(1, len(times) // 4) and len(times) >= FEWEST and max(times) - min(times) >= APART
