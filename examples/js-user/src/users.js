// The users, as they are kept in the bucket `users`, by this service or one in
// another language: `user/{id}` holds the JSON that a GET answers, and the
// counter `last` says how many ids were given out.
//
// Alice and Bob, whom every new store holds, are part of the service and not
// written by it: one of them whose key is absent is as he was, and an empty value
// says that he was deleted.

import { Bucket } from './bucket.js';

const bucket = new Bucket('users');

const SEEDS = ['{"id":1,"name":"Alice"}', '{"id":2,"name":"Bob"}'];
const DELETED = '';

/** How many are fetched at once, at most. */
const LONGEST_STRETCH = 1024;

/** The JSON of the user with this id, a bigint. */
export function get(id) {
  return present(id, bucket.get(key(id)));
}

export function create(name) {
  const id = bucket.increment('last', 1n) + BigInt(SEEDS.length);
  const json = `{"id":${id},"name":${JSON.stringify(name)}}`;
  bucket.set(key(id), json);
  return { id, json };
}

/** Whether there was such a user; there is none now. */
export function remove(id) {
  if (get(id) === undefined) return false;
  if (seed(id) === undefined) bucket.delete(key(id));
  else bucket.set(key(id), DELETED);
  return true;
}

/** Up to `limit` users with ids after this one, and the `after` of the next page. */
export function list(after, limit) {
  const last = bucket.increment('last', 0n) + BigInt(SEEDS.length);
  const found = [];
  // One more than the page holds tells whether there is another.
  for (let stretch = limit + 1; after < last && found.length <= limit; stretch *= 2) {
    const ids = [];
    while (after < last && ids.length < Math.min(stretch, LONGEST_STRETCH)) ids.push(++after);
    const kept = bucket.getMany(ids.map(key));
    ids.forEach((id, index) => {
      const json = present(id, kept[index]);
      if (json !== undefined) found.push({ id, json });
    });
  }
  const page = found.slice(0, limit);
  return { page: page.map(({ json }) => json), next: found.length > limit ? page.at(-1).id : undefined };
}

function present(id, kept) {
  if (kept === undefined) return seed(id);
  return kept === DELETED ? undefined : kept;
}

function seed(id) {
  return SEEDS[Number(id) - 1];
}

function key(id) {
  return `user/${id}`;
}
