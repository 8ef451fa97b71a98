// The users, as they are kept in the bucket `users`, by this service or one in
// another language: `user/{id}` holds the JSON that a GET answers, and the
// counter `last` says how many ids were given out.
//
// Alice and Bob, whom every new store holds, are part of the service and not
// written by it: one of them whose key is absent is as he was, and an empty value
// says that he was deleted. Who was admitted, to order, is never deleted: how an
// admission and a deletion are kept apart is told in
// `components/user/src/users/latch.rs`.

import { Bucket } from './bucket.js';
import { once } from './idempotency.js';
import { HttpError } from './rest.js';
import { Turn } from './turn.js';

const bucket = new Bucket('users');

const SEEDS = ['{"id":1,"name":"Alice"}', '{"id":2,"name":"Bob"}'];
const DELETED = '';

/** How many are fetched at once, at most. */
const LONGEST_STRETCH = 1024;

/** The JSON of the user with this id, a bigint. */
export function get(id) {
  return present(id, bucket.get(key(id)));
}

/** The new user's JSON; under a key it is made once. */
export function create(idempotencyKey, name) {
  const isSame = (json) => JSON.parse(json).name === name;
  return once(bucket, idempotencyKey, isSame, () => {
    const id = bucket.increment('last', 1n) + BigInt(SEEDS.length);
    const json = `{"id":${id},"name":${JSON.stringify(name)}}`;
    return { json, entries: [[key(id), json]] };
  });
}

/** Whether there is such a user, who is kept from now on. */
export function admit(id) {
  const { there, ordered } = read(id);
  if (ordered || !there) return there;
  const turn = new Turn();
  const mark = turn.mark(`ordering/${id}`);
  bucket.increment(mark, 1n);
  const now = read(id, turn.marks(`deleting/${id}`));
  if (now.there && !now.ordered) {
    if (now.marked) throw new HttpError(503, 'The user is being deleted');
    turn.check();
    bucket.set(`ordered/${id}`, '');
  }
  bucket.delete(mark);
  return now.there;
}

/** Leave no such user; whether there was one. Refused for one that was admitted. */
export function remove(id) {
  if (read(id).ordered) throw new HttpError(409, 'User has orders');
  const turn = new Turn();
  const mark = turn.mark(`deleting/${id}`);
  if (bucket.increment(mark, 1n) !== 1n) throw new HttpError(409, 'User is being deleted');
  const others = turn.marks(`deleting/${id}`).filter((other) => other !== mark);
  const { there, ordered, marked } = read(id, [...turn.marks(`ordering/${id}`), ...others]);
  if (there && !ordered && !marked) {
    turn.check();
    if (seed(id) === undefined) bucket.delete(key(id));
    else bucket.set(key(id), DELETED);
  }
  bucket.delete(mark);
  if (ordered) throw new HttpError(409, 'User has orders');
  if (there && marked) throw new HttpError(409, 'User may be about to order or to be deleted; try again');
  return there;
}

/** Whether there is the user, one that was admitted, and one of the marks. */
function read(id, marks = []) {
  const [user, ordered, ...left] = bucket.getMany([key(id), `ordered/${id}`, ...marks]);
  return {
    there: present(id, user) !== undefined,
    ordered: ordered !== undefined,
    marked: left.some((mark) => mark !== undefined),
  };
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
