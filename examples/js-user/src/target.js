// What a request's target says.

import { badRequest } from './rest.js';

/**
 * What is between the slashes of a path, each decoded once: `/users/%31` is another
 * spelling of `/users/1`. `URL` has seen to `.` and `..`.
 */
export function segments(pathname) {
  return pathname.split('/').slice(1).map(decoded);
}

/** The parameter of this name, or null. Of two, readers disagree on which counts. */
export function parameter(query, name) {
  const values = query.getAll(name);
  if (values.length > 1) throw badRequest(`${name} is there more than once`);
  return values[0] ?? null;
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    // What is no escape, or no UTF-8, stays as it is.
    return segment;
  }
}
