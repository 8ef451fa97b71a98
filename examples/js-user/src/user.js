// The user service: keeps the users, answers for them over HTTP, and is the
// directory that other services ask.

import { answer } from './http.js';
import * as users from './users.js';

addEventListener('fetch', (event) => event.respondWith(answer(event.request)));

/** `shop:users/directory`. Whole numbers of 64 bits are bigints here. */
export const directory = {
  getUser(id) {
    const json = told(() => users.get(id));
    return json === undefined ? undefined : { id, name: JSON.parse(json).name };
  },

  admit(id) {
    return told(() => users.admit(id));
  },
};

/**
 * A store that fails is an answer: what is thrown is the error of the interface, and
 * any other error would end the instance.
 */
function told(question) {
  try {
    return question();
  } catch (error) {
    throw { tag: 'unavailable', val: String(error) };
  }
}
