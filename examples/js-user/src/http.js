// The users over HTTP.

import { etag, names } from './etag.js';
import { keyOf } from './idempotency.js';
import { HttpError, badRequest, internalError, methodNotAllowed, notFound, ok, readJson, reply } from './rest.js';
import { parameter, segments } from './target.js';
import { MAX_U64, parseWhole, wholeParameter } from './whole.js';
import * as users from './users.js';

const LONGEST_NAME = 1000;
const DEFAULT_LIMIT = 100;
const MOST = 1000;

export async function answer(request) {
  try {
    return await route(request, new URL(request.url));
  } catch (error) {
    return (error instanceof HttpError ? error : internalError(error)).toResponse();
  }
}

function route(request, { pathname, searchParams }) {
  const [collection, id, ...more] = segments(pathname);
  if (collection !== 'users' || id === '' || more.length > 0) throw notFound('Not found');
  if (id === undefined) {
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return list(searchParams);
      case 'POST':
        return create(request);
      default:
        throw methodNotAllowed('GET, HEAD, POST');
    }
  }
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      return get(request, id);
    case 'DELETE':
      return remove(request, id);
    default:
      throw methodNotAllowed('GET, HEAD, DELETE');
  }
}

function list(query) {
  const after = wholeParameter('after', parameter(query, 'after') || '0');
  const limit = parseWhole(parameter(query, 'limit') || String(DEFAULT_LIMIT));
  if (limit === undefined || limit < 1n || limit > BigInt(MOST)) {
    throw badRequest(`limit must be a whole number from 1 to ${MOST}`);
  }
  const { page, next } = users.list(after, Number(limit));
  return ok(`{"users":[${page.join()}],"next":${next ?? null}}`);
}

async function create(request) {
  const key = keyOf(request);
  const { name } = await readJson(request);
  if (name === undefined) throw badRequest('name is missing');
  if (typeof name !== 'string') throw badRequest('name must be a string');
  if (!name.isWellFormed()) throw badRequest('malformed JSON: name has half a character');
  if (name.trim() === '') throw badRequest('name must not be empty');
  // By code points, of which some take two places in a string.
  if ([...name].length > LONGEST_NAME) throw badRequest(`name must be at most ${LONGEST_NAME} characters long`);
  const json = users.create(key, name);
  return reply(201, json, { location: `/users/${JSON.parse(json).id}` });
}

function get(request, text) {
  const json = found(text);
  const tag = etag(json);
  if (names(request.headers.get('if-none-match') ?? '', tag, { weak: true })) return reply(304, null, { etag: tag });
  return reply(200, json, { etag: tag });
}

function remove(request, text) {
  const json = found(text);
  const meant = request.headers.get('if-match');
  if (meant !== null && !names(meant, etag(json), { weak: false })) {
    throw new HttpError(412, 'The user is not the one that If-Match names');
  }
  if (!users.remove(idOf(text))) throw unknown();
  return reply(204);
}

function found(text) {
  const json = users.get(idOf(text));
  if (json === undefined) throw unknown();
  return json;
}

function idOf(text) {
  const id = parseWhole(text);
  if (id === undefined || id > MAX_U64) throw unknown();
  return id;
}

function unknown() {
  return notFound('User not found');
}
