// Requests and answers in JSON.

import { BucketError } from './bucket.js';

/** A refusal: what the client reads of it, and no more. */
export class HttpError extends Error {
  constructor(status, sentence, headers = {}) {
    super(sentence);
    this.status = status;
    this.headers = headers;
  }

  toResponse() {
    return reply(this.status, JSON.stringify({ error: this.message }), this.headers);
  }
}

export const badRequest = (sentence) => new HttpError(400, sentence);
export const notFound = (sentence) => new HttpError(404, sentence);
export const methodNotAllowed = (allow) => new HttpError(405, `Method not allowed, only ${allow}`, { allow });

/** What went wrong on this side of the wire: its cause is for the log. */
export function internalError(error) {
  const refusal =
    error instanceof BucketError && error.mayPass
      ? new HttpError(503, 'The store is unavailable')
      : new HttpError(500, error instanceof BucketError ? 'The service is misconfigured' : 'The service failed');
  console.error(`${refusal.message}: ${error}`);
  return refusal;
}

export function ok(json) {
  return reply(200, json);
}

/** An answer of JSON that is written already, or without a body. */
export function reply(status, json = null, headers = {}) {
  if (json === null) return new Response(null, { status, headers });
  return new Response(json, { status, headers: { 'content-type': 'application/json', ...headers } });
}

/** The object that the body of a request is. */
export async function readJson(request) {
  const [type] = (request.headers.get('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json') {
    throw new HttpError(415, 'content-type must be application/json');
  }
  const value = parse(await readText(request));
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw badRequest('the body must be a JSON object');
  }
  return value;
}

async function readText(request) {
  const bytes = await request.arrayBuffer().catch(() => {
    throw badRequest('body could not be read');
  });
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw badRequest('the body is not valid UTF-8');
  }
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`malformed JSON: ${error.message}`);
  }
}
