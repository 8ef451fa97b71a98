"""Entity tags, and the headers that name them."""

import re


def etag(body: bytes) -> str:
    """FNV-1a, 64 bits of it."""
    hash = 0xCBF29CE484222325
    for byte in body:
        hash = (hash ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f'"{hash:016x}"'


def names(header: str, tag: str, weak: bool) -> bool:
    """Whether the tag is among those of the header; a weak one only where it may be."""
    if header.strip() == "*":
        return True
    return any(found == tag and (weak or not mark) for mark, found in re.findall('(W/)?("[^"]*")', header))
