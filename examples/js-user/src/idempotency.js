// `Idempotency-Key`: what is asked for again is done once. How, and why that holds, is
// told in `components/rest/src/idempotency.rs`, whose records these are. Those that
// expired are removed by the service in Rust.

import { getEnvironment } from 'wasi:cli/environment@0.2.10';
import { HttpError, badRequest } from './rest.js';
import { Turn, now } from './turn.js';

const LONGEST = 255;
const DAY = 24 * 60 * 60;

/** The key of a request; undefined where it has none. */
export function keyOf(request) {
  const value = request.headers.get('idempotency-key');
  if (value === null) return undefined;
  const [, quoted = ''] = /^"((?:[ !#-\[\]-~]|\\["\\])+)"$/.exec(value.trim()) ?? [];
  const key = quoted.replace(/\\(.)/g, '$1');
  if (key === '' || key.length > LONGEST) {
    throw badRequest(
      `Idempotency-Key must be a string in quotes, as in "8e03978e-40d5", with 1 to ${LONGEST} characters of ASCII`,
    );
  }
  return key;
}

/** Make what `make` says, its answer and the entries to keep, once for a key. */
export function once(bucket, key, isSame, make) {
  const lifetime = Number(Object.fromEntries(getEnvironment()).IDEMPOTENCY_SECONDS ?? DAY);
  if (key === undefined || lifetime === 0) {
    const { json, entries } = make();
    bucket.setMany(entries);
    return json;
  }
  const turn = new Turn();
  const mark = turn.mark(`making/${key}`);
  const marks = turn.marks(`making/${key}`);
  const read = () => {
    const [record, ...found] = bucket.getMany([`key/${key}`, ...marks]);
    return { answer: alive(record, lifetime), left: marks.filter((_, index) => found[index] !== undefined) };
  };
  const again = (answer) => {
    if (isSame(answer)) return answer;
    throw new HttpError(422, 'Idempotency-Key was used for another request');
  };

  const before = read();
  if (before.answer !== undefined) return again(before.answer);
  if (before.left.length > 0 || bucket.increment(mark, 1n) !== 1n) throw busy();
  let sure = true;
  try {
    const { answer, left } = read();
    if (answer !== undefined) return again(answer);
    if (left.some((other) => other !== mark)) throw busy();
    const { json, entries } = make();
    const number = bucket.increment('keys', 1n);
    const kept = [
      [`key/${key}`, `${now()} ${json}`],
      [`keys/${number}`, `${now()} ${key}`],
    ];
    turn.check();
    // A write that fails may be done all the same: then the mark stays.
    sure = false;
    bucket.setMany([...entries, ...kept]);
    sure = true;
    return json;
  } finally {
    if (sure) bucket.delete(mark);
  }
}

/** The answer in a record, while it counts. */
function alive(record, lifetime) {
  const [, time, answer] = /^(\d+) (.*)$/s.exec(record ?? '') ?? [];
  return now() < Number(time) + lifetime ? answer : undefined;
}

function busy() {
  return new HttpError(409, 'A request with this Idempotency-Key is being answered');
}
