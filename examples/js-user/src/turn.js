// Turns: who leaves a mark now is done with it two turns later. What they are for is
// told in `components/rest/src/turn.rs`.

import { HttpError } from './rest.js';

/** In seconds. */
const LENGTH = 20;

/** Seconds since 1970. */
export const now = () => Math.floor(Date.now() / 1000);

export class Turn {
  #since = now();
  #number = Math.floor(this.#since / LENGTH);

  mark(name) {
    return `${name}/${this.#number}`;
  }

  /** The marks that count now. */
  marks(name) {
    return [-1, 0, 1].map((step) => `${name}/${this.#number + step}`);
  }

  /** A write that begins now is to be done while the mark counts. */
  check() {
    if (Math.abs(now() - this.#since) > LENGTH / 2) {
      throw new HttpError(503, 'The request took too long');
    }
  }
}
