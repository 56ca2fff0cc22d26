"""Checks that a file is complete, as far as its format shows it."""

from pathlib import Path

_JPEG, _END = b"\xff\xd8", 0xD9
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xD9)})


def is_whole_jpeg(content: bytes) -> bool:
    """Returns whether a JPEG has its end; any other content counts as whole.

    Bytes may follow the end: phones and network drives add some. The end of a thumbnail within the
    header is not the image's.
    """
    if not content.startswith(_JPEG):
        return True
    place = 2
    while (place := content.find(b"\xff", place)) >= 0 and place + 1 < len(content):
        marker = content[place + 1]
        if marker == _END:
            return True
        if marker == 0xFF:  # a filling byte
            place += 1
        elif marker in _WITHOUT_LENGTH:
            place += 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return False


def is_cut_off(video: Path) -> bool:
    """Returns whether an AVI, MP4 or MOV file is shorter than its own lengths say.

    Of other forms nothing is known: False.
    """
    size = video.stat().st_size
    with video.open("rb") as file:
        begin = file.read(12)
        if begin[:4] == b"RIFF":
            return size < int.from_bytes(begin[4:8], "little") + 8
        if begin[4:8] != b"ftyp":
            return False
        place = 0
        while place + 8 <= size:
            file.seek(place)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length < 8:  # 0: to the end of the file
                return False
            place += length
        return place > size
