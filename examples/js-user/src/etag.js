// Entity tags, and the headers that name them.

/** FNV-1a, 64 bits of it. */
export function etag(text) {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return `"${hash.toString(16).padStart(16, '0')}"`;
}

/** Whether the tag is among those of the header; a weak one only where it may be. */
export function names(header, tag, { weak }) {
  if (header.trim() === '*') return true;
  return [...header.matchAll(/(W\/)?("[^"]*")/g)].some(([, mark, found]) => found === tag && (weak || !mark));
}
