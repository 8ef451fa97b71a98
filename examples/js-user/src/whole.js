// Whole numbers of 0 or more, as ids and parameters are.

import { badRequest } from './rest.js';

export const MAX_U64 = 2n ** 64n - 1n;

/** The number a text spells in decimal digits, which has one spelling; undefined if it spells none. */
export function parseWhole(text) {
  return /^(0|[1-9][0-9]*)$/.test(text) ? BigInt(text) : undefined;
}

/** The number in a parameter, which fits 64 bits. */
export function wholeParameter(name, text) {
  const number = parseWhole(text);
  if (number === undefined) throw badRequest(`${name} must be a whole number of 0 or more`);
  if (number > MAX_U64) throw badRequest(`${name} must be at most ${MAX_U64}`);
  return number;
}
