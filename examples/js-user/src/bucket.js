// A bucket of `wasi:keyvalue`. Its values are text here.

import { increment } from 'wasi:keyvalue/atomics@0.2.0-draft';
import { deleteMany, getMany, setMany } from 'wasi:keyvalue/batch@0.2.0-draft';
import { open } from 'wasi:keyvalue/store@0.2.0-draft';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The store failed, or does not let this service in. */
export class BucketError extends Error {
  constructor(bucket, { tag, val }) {
    super(`bucket "${bucket}": ${val ?? tag}`);
    this.mayPass = tag === 'other';
  }
}

export class Bucket {
  #name;
  #opened;

  constructor(name) {
    this.#name = name;
  }

  get(key) {
    return this.#ask((bucket) => text(bucket.get(key)));
  }

  /** What is under each of the keys, in their order. */
  getMany(keys) {
    return this.#ask((bucket) => getMany(bucket, keys).map((pair) => text(pair?.[1])));
  }

  set(key, value) {
    this.#ask((bucket) => bucket.set(key, encoder.encode(value)));
  }

  /** All of these pairs, or none. */
  setMany(entries) {
    const pairs = entries.map(([key, value]) => [key, encoder.encode(value)]);
    this.#ask((bucket) => setMany(bucket, pairs));
  }

  delete(key) {
    this.#ask((bucket) => bucket.delete(key));
  }

  /** All of them, or none. */
  deleteMany(keys) {
    this.#ask((bucket) => deleteMany(bucket, keys));
  }

  /** Add to a counter; the answer is what it has then. */
  increment(counter, by) {
    return this.#ask((bucket) => increment(bucket, counter, by));
  }

  /** It is opened by the first request and stays open as long as the instance. */
  #ask(question) {
    try {
      this.#opened ??= open(this.#name);
      return question(this.#opened);
    } catch (error) {
      throw error?.payload ? new BucketError(this.#name, error.payload) : error;
    }
  }
}

function text(bytes) {
  return bytes === undefined ? undefined : decoder.decode(bytes);
}
