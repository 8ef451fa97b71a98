"""Requests and answers in JSON, over `wasi:http`."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

from bucket import BucketError
from componentize_py_types import Err, Ok
from wit_world.imports.streams import StreamError_Closed
from wit_world.imports.types import (
    Fields,
    IncomingRequest,
    Method_Other,
    OutgoingBody,
    OutgoingResponse,
    ResponseOutparam,
)

READ_SIZE = 64 * 1024


@dataclass
class Reply:
    status: int
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)


class HTTPError(Exception):
    """A refusal: what the client reads of it, and no more."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None):
        super().__init__(sentence)
        self.status = status
        self.headers = headers or {}

    def reply(self) -> Reply:
        body = json.dumps({"error": str(self)}, ensure_ascii=False, separators=(",", ":"))
        return Reply(self.status, body.encode(), self.headers)


def ok(body: bytes) -> Reply:
    return Reply(200, body)


def created(location: str, body: bytes) -> Reply:
    return Reply(201, body, {"location": location})


class Request:
    def __init__(self, incoming: IncomingRequest):
        self._incoming = incoming
        self.method = method_name(incoming.method())
        path, _, query = (incoming.path_with_query() or "").partition("?")
        self.segments = segments(path)
        self._query = parse_qsl(query, keep_blank_values=True)

    def headers(self, name: str) -> list[str]:
        with self._incoming.headers() as headers:
            return [value.decode(errors="replace") for value in headers.get(name)]

    def parameter(self, name: str) -> str:
        """The parameter of this name; empty where there is none. Of two, readers
        disagree on which counts."""
        match [value for key, value in self._query if key == name]:
            case []:
                return ""
            case [value]:
                return value
        raise HTTPError(400, f"{name} is there more than once")

    def json(self) -> dict:
        """The object that the body is."""
        if not self._says_json():
            raise HTTPError(415, "content-type must be application/json")
        try:
            value = json.loads(self._body().decode(), parse_constant=refuse, object_pairs_hook=unique)
            # Half a character, which JSON can spell, is no text.
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeDecodeError as error:
            raise HTTPError(400, f"the body is not valid UTF-8 at byte {error.start + 1}")
        except RecursionError:
            raise HTTPError(400, "malformed JSON: nested too deeply")
        except ValueError as error:
            raise HTTPError(400, f"malformed JSON: {error}")
        if not isinstance(value, dict):
            raise HTTPError(400, "the body must be a JSON object")
        return value

    def _says_json(self) -> bool:
        values = self.headers("content-type")
        return bool(values) and values[0].partition(";")[0].strip().lower() == "application/json"

    def _body(self) -> bytes:
        pieces = []
        with self._incoming.consume() as body, body.stream() as stream:
            while True:
                try:
                    pieces.append(stream.blocking_read(READ_SIZE))
                except Err as error:
                    if isinstance(error.value, StreamError_Closed):
                        return b"".join(pieces)
                    raise HTTPError(400, "body could not be read")


def segments(path: str) -> list[str]:
    """What is between the slashes, each decoded once. A path comes as it was sent, so
    that what is another spelling of it has to be told here."""
    kept, is_folder = [], False
    for segment in map(unquote, path.split("/")[1:]):
        is_folder = segment in (".", "..")
        if segment == "..":
            del kept[-1:]
        elif not is_folder:
            kept.append(segment)
    return kept + [""] * is_folder


def serve(incoming: IncomingRequest, out: ResponseOutparam, answer: Callable[[Request], Reply]):
    with incoming:
        send(reply_to(incoming, answer), out)


def reply_to(incoming: IncomingRequest, answer: Callable[[Request], Reply]) -> Reply:
    try:
        return answer(Request(incoming))
    except HTTPError as error:
        return error.reply()
    except BucketError as error:
        refusal = (
            HTTPError(503, "The store is unavailable")
            if error.may_pass
            else HTTPError(500, "The service is misconfigured")
        )
        print(f"{refusal}: {error}", file=sys.stderr)
        return refusal.reply()


def send(reply: Reply, out: ResponseOutparam):
    headers = dict(reply.headers)
    if reply.body is not None:
        headers |= {"content-type": "application/json", "content-length": str(len(reply.body))}
    fields = Fields.from_list([(name, value.encode()) for name, value in headers.items()])
    response = OutgoingResponse(fields)
    response.set_status_code(reply.status)
    body = response.body()
    # Before the body is written, for whoever reads it must be there first.
    ResponseOutparam.set(out, Ok(response))
    if reply.body:
        write(body, reply.body)
    OutgoingBody.finish(body, None)


def write(body: OutgoingBody, content: bytes):
    with body.write() as stream:
        while content:
            with stream.subscribe() as ready:
                ready.block()
            size = stream.check_write()
            stream.write(content[:size])
            content = content[size:]


def method_name(method) -> str:
    if isinstance(method, Method_Other):
        return method.value
    return type(method).__name__.removeprefix("Method_").upper()


def unique(pairs: list[tuple]) -> dict:
    """Readers disagree on which of two values with one name counts."""
    names = [name for name, _ in pairs]
    if "name" in names and names.count("name") > 1:
        raise HTTPError(400, "name is there more than once")
    return dict(pairs)


def refuse(constant: str):
    raise ValueError(f"{constant} is no number")
