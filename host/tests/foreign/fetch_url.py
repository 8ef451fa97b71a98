"""A component of another toolchain: it asks the server that `?url=` names, passes
the answer on as it comes, and prints where it went. Without one it sends back what
it is sent."""

import asyncio
from urllib.parse import parse_qs, urlsplit

import poll_loop
from componentize_py_types import Err, Ok
from poll_loop import PollLoop, Sink, Stream
from wit_world import exports
from wit_world.imports.types import (
    Fields,
    OutgoingRequest,
    OutgoingResponse,
    ResponseOutparam,
    Scheme_Http,
    Scheme_Https,
)


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        loop = PollLoop()
        asyncio.set_event_loop(loop)
        loop.run_until_complete(handle(request, response_out))


async def handle(request, response_out):
    urls = parse_qs(urlsplit(request.path_with_query()).query).get("url")
    if urls is None:
        return await pass_on(200, Stream(request.consume()), response_out)
    print(f"Python asks {urls[0]}")
    try:
        answer = await poll_loop.send(get(urlsplit(urls[0])))
    except Err as error:
        response = OutgoingResponse(Fields())
        response.set_status_code(502)
        body = response.body()
        ResponseOutparam.set(response_out, Ok(response))
        sink = Sink(body)
        await sink.send(str(error.value).encode())
        sink.close()
    else:
        await pass_on(answer.status(), Stream(answer.consume()), response_out)


def get(url):
    request = OutgoingRequest(Fields())
    request.set_scheme(Scheme_Https() if url.scheme == "https" else Scheme_Http())
    request.set_authority(url.netloc)
    request.set_path_with_query(url.path or "/")
    return request


async def pass_on(status, stream, response_out):
    response = OutgoingResponse(Fields())
    response.set_status_code(status)
    sink = Sink(response.body())
    ResponseOutparam.set(response_out, Ok(response))
    while (piece := await stream.next()) is not None:
        await sink.send(piece)
    sink.close()
