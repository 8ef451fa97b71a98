"""Events of Dovetail by NATS, from Python: `pip install nats-py`.

    by_nats.py URL publish EVENT FUNCTION KEY < document.json
    by_nats.py URL read EVENT COUNT

An event is a CloudEvent in JSON. `shop:orders/events` is the stream that has the subjects
`shop.orders.events.>`, and a message of a key goes to `shop.orders.events.placed.KEY`.
"""

import asyncio
import json
import sys

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy


async def publish(stream, event, function, key):
    document = sys.stdin.buffer.read()
    # The server knows the message again by this header for two minutes, a subscriber of
    # Dovetail by the document's id for as long as its `keep` says.
    headers = {"Content-Type": "application/cloudevents+json"}
    try:
        headers["Nats-Msg-Id"] = json.loads(document)["id"]
    except (ValueError, KeyError, TypeError):
        pass
    subject = f"{event}.{function}.{key}" if key else f"{event}.{function}"
    await stream.publish(subject, document, headers=headers)


async def read(stream, event, count):
    config = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
    messages = await stream.pull_subscribe(f"{event}.>", config=config)
    while count > 0:
        for message in await messages.fetch(min(count, 100), timeout=30):
            print(message.data.decode(), flush=True)
            await message.ack()
            count -= 1


async def main(url, what, event, *rest):
    client = await nats.connect(url)
    stream = client.jetstream()
    if what == "publish":
        await publish(stream, event, *rest)
    else:
        await read(stream, event, int(rest[0]))
    await client.close()


asyncio.run(main(*sys.argv[1:]))
