// Removes the records of keys that expired, a few at a time: see
// `components/rest/src/idempotency/expiry.rs`, whose numbers these are.

import { Busy, alive, claim } from './claim.js';

const EVERY = 8;
const MOST = 16;
const WINDOW = 128;

/** Remove some records that expired, if it is time to, for a request that has claimed this key. */
export function sweep(bucket, lifetime, key) {
  const last = Number(bucket.increment('keys', 0n));
  if (last % EVERY !== 0) return;
  const swept = Number(bucket.get('keys/swept') ?? 0);
  const end = Math.min(last, swept + WINDOW);
  const numbers = Array.from({ length: end - swept }, (_, index) => swept + 1 + index);
  const notes = bucket.getMany(numbers.map((number) => `keys/${number}`));
  const noted = numbers.map((number, index) => [number, notes[index]]).filter(([, note]) => note !== undefined);
  let upTo = noted.length === 0 && last > swept + WINDOW ? swept + WINDOW : swept;
  const claimed = new Set([key]);
  for (const [number, note] of noted.slice(0, MOST)) {
    if (alive(note, lifetime) !== undefined || !remove(bucket, number, note, lifetime, claimed)) break;
    upTo = number;
  }
  if (upTo !== swept) bucket.set('keys/swept', String(upTo));
}

/** Whether the record is gone; not if somebody is at it, or this request was. */
function remove(bucket, number, note, lifetime, claimed) {
  const key = note.slice(note.indexOf(' ') + 1);
  const record = bucket.get(`key/${key}`);
  if (record === undefined || alive(record, lifetime) !== undefined) {
    // Removed, or written anew, with a number of its own.
    bucket.delete(`keys/${number}`);
    return true;
  }
  if (claimed.has(key)) return false;
  claimed.add(key);
  try {
    claim(bucket, key, lifetime, (answer, mine) => {
      if (answer === undefined) {
        mine.write(() => bucket.deleteMany([`key/${key}`, `keys/${number}`]));
      } else {
        bucket.delete(`keys/${number}`);
      }
    });
    return true;
  } catch (error) {
    if (error instanceof Busy) return false;
    throw error;
  }
}
