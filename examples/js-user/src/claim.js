// The right to write or remove the record of a key, and who has it. Why that holds is
// told in `components/rest/src/idempotency.rs`.

import { HttpError } from './rest.js';
import { Turn, now } from './turn.js';

/** Somebody else has it. */
export class Busy extends HttpError {
  constructor() {
    super(409, 'A request with this Idempotency-Key is being answered');
  }
}

class Claim {
  turn = new Turn();
  sure = true;

  /** A write that fails may be done all the same: then the mark stays. */
  write(write) {
    this.turn.check();
    this.sure = false;
    write();
    this.sure = true;
  }
}

/** Work with the answer that is kept for a key, or without one and with the right to keep it. */
export function claim(bucket, key, lifetime, work) {
  const mine = new Claim();
  const mark = mine.turn.mark(`making/${key}`);
  const marks = mine.turn.marks(`making/${key}`);
  const read = () => {
    const [record, ...found] = bucket.getMany([`key/${key}`, ...marks]);
    return { answer: alive(record, lifetime), left: marks.filter((_, index) => found[index] !== undefined) };
  };

  const before = read();
  if (before.answer !== undefined) return work(before.answer);
  if (before.left.length > 0 || bucket.increment(mark, 1n) !== 1n) throw new Busy();
  try {
    const { answer, left } = read();
    if (answer === undefined && left.some((other) => other !== mark)) throw new Busy();
    return work(answer, mine);
  } finally {
    if (mine.sure) bucket.delete(mark);
  }
}

/** The answer in a record, while it counts. */
export function alive(record, lifetime) {
  const [, time, answer] = /^(\d+) (.*)$/s.exec(record ?? '') ?? [];
  return now() < Number(time) + lifetime ? answer : undefined;
}
