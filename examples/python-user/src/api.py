"""The users over HTTP."""

import json
import re

import idempotency
import users
from etag import etag, names
from rest import HTTPError, Reply, Request, created, ok

LONGEST_NAME = 1000
DEFAULT_LIMIT = 100
MOST = 1000
MAX_U64 = 2**64 - 1


def answer(request: Request) -> Reply:
    match request.segments:
        case ["users"]:
            return all_users(request)
        case ["users", id] if id:
            return one_user(request, id)
    raise HTTPError(404, "Not found")


def all_users(request: Request) -> Reply:
    match request.method:
        case "GET" | "HEAD":
            return list_users(request)
        case "POST":
            return create_user(request)
    raise not_allowed("GET, HEAD, POST")


def one_user(request: Request, id: str) -> Reply:
    match request.method:
        case "GET" | "HEAD":
            return get_user(request, id)
        case "DELETE":
            return delete_user(request, id)
    raise not_allowed("GET, HEAD, DELETE")


def list_users(request: Request) -> Reply:
    after = parse_whole(request.parameter("after") or "0")
    if after is None:
        raise HTTPError(400, "after must be a whole number of 0 or more")
    if after > MAX_U64:
        raise HTTPError(400, f"after must be at most {MAX_U64}")
    limit = parse_whole(request.parameter("limit") or str(DEFAULT_LIMIT))
    if limit is None or not 1 <= limit <= MOST:
        raise HTTPError(400, f"limit must be a whole number from 1 to {MOST}")
    page, next_after = users.page(after, limit)
    next_page = "null" if next_after is None else str(next_after)
    return ok(b'{"users":[' + b",".join(page) + b'],"next":' + next_page.encode() + b"}")


def create_user(request: Request) -> Reply:
    key = idempotency.key_of(request)
    match request.json():
        case {"name": str(name)} if not name.strip():
            raise HTTPError(400, "name must not be empty")
        case {"name": str(name)} if len(name) > LONGEST_NAME:
            raise HTTPError(400, f"name must be at most {LONGEST_NAME} characters long")
        case {"name": str(name)}:
            user = users.create(key, name)
            return created(f"/users/{json.loads(user)['id']}", user)
        case {"name": _}:
            raise HTTPError(400, "name must be a string")
    raise HTTPError(400, "name is missing")


def get_user(request: Request, text: str) -> Reply:
    user = found(text)
    tag = etag(user)
    if names(",".join(request.headers("if-none-match")), tag, weak=True):
        return Reply(304, headers={"etag": tag})
    return Reply(200, user, {"etag": tag})


def delete_user(request: Request, text: str) -> Reply:
    user = found(text)
    meant = request.headers("if-match")
    if meant and not names(",".join(meant), etag(user), weak=False):
        raise HTTPError(412, "The user is not the one that If-Match names")
    if not users.delete(parse_id(text)):
        raise unknown()
    return Reply(204)


def found(text: str) -> bytes:
    user = users.get(parse_id(text))
    if user is None:
        raise unknown()
    return user


def parse_id(text: str) -> int:
    id = parse_whole(text)
    if id is None or id > MAX_U64:
        raise unknown()
    return id


def parse_whole(text: str) -> int | None:
    """The number that plain digits spell, the one way there is; `int` alone takes more than those."""
    return int(text) if re.fullmatch("0|[1-9][0-9]{0,3999}", text) else None


def unknown() -> HTTPError:
    return HTTPError(404, "User not found")


def not_allowed(methods: str) -> HTTPError:
    return HTTPError(405, f"Method not allowed, only {methods}", {"allow": methods})
