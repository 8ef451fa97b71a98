// `Idempotency-Key`: what is asked for again is done once. How, and why that holds, is
// told in `components/rest/src/idempotency.rs`, whose records these are.

import { getEnvironment } from 'wasi:cli/environment@0.2.10';
import { BucketError } from './bucket.js';
import { claim } from './claim.js';
import { sweep } from './expiry.js';
import { HttpError, badRequest } from './rest.js';
import { now } from './turn.js';

const LONGEST = 255;
const DAY = 24 * 60 * 60;

/** The key of a request; undefined where it has none. */
export function keyOf(request) {
  const value = request.headers.get('idempotency-key');
  if (value === null) return undefined;
  const key = parse(value.trim());
  if (key === '' || key.length > LONGEST) {
    throw badRequest(
      `Idempotency-Key must be one key of 1 to ${LONGEST} characters of ASCII, as in 8e03978e-40d5; ` +
        'one with spaces, commas, semicolons, quotes or backslashes must be a string in double quotes',
    );
  }
  return key;
}

/** The key that stands bare or, with whatever ASCII, in quotes; empty if none does. */
function parse(value) {
  if (/^[!#-&(-+\--:<-\[\]-~]+$/.test(value)) return value;
  const [, quoted = ''] = /^"((?:[ !#-\[\]-~]|\\["\\])+)"$/.exec(value) ?? [];
  return quoted.replace(/\\(.)/g, '$1');
}

/** Make what `make` says, its answer and the entries to keep, once for a key. */
export function once(bucket, key, isSame, make) {
  const lifetime = Number(Object.fromEntries(getEnvironment()).IDEMPOTENCY_SECONDS ?? DAY);
  if (key === undefined || lifetime === 0) {
    const { json, entries } = make();
    bucket.setMany(entries);
    return json;
  }
  return claim(bucket, key, lifetime, (answer, mine) => {
    if (answer !== undefined) {
      if (isSame(answer)) return answer;
      throw new HttpError(422, 'Idempotency-Key was used for another request');
    }
    const { json, entries } = make();
    const number = bucket.increment('keys', 1n);
    const kept = [
      [`key/${key}`, `${now()} ${json}`],
      [`keys/${number}`, `${now()} ${key}`],
    ];
    mine.write(() => bucket.setMany([...entries, ...kept]));
    try {
      sweep(bucket, lifetime, key);
    } catch (error) {
      // What was asked for is done; what expired can wait for another request.
      if (!(error instanceof BucketError || error instanceof HttpError)) throw error;
    }
    return json;
  });
}
