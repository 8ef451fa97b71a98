"""Events of Dovetail by RabbitMQ, from Python: `pip install pika`.

    by_rabbitmq.py URL publish EVENT FUNCTION KEY < document.json
    by_rabbitmq.py URL read EVENT COUNT

An event is a CloudEvent in JSON. `shop:orders/events` is the topic exchange
`shop.orders.events`, and a message of a key has the routing key `placed.KEY`. What is read is
what has come since this program first had a queue: with COUNT 0 it only makes the queue.
"""

import sys

import pika


def publish(channel, event, function, key):
    document = sys.stdin.buffer.read()
    # Returns when the broker keeps it, and fails if no queue takes it.
    channel.confirm_delivery()
    properties = pika.BasicProperties(content_type="application/cloudevents+json", delivery_mode=2)
    routing_key = f"{function}.{key}" if key else function
    channel.basic_publish(event, routing_key, document, properties, mandatory=True)


def read(channel, event, count):
    queue = f"python.{event}"
    channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind(queue, event, "#")
    # No more than it is to read: what it has had and does not acknowledge comes again.
    channel.basic_qos(prefetch_count=max(count, 1))
    if count == 0:
        return
    for method, _, document in channel.consume(queue, inactivity_timeout=30):
        if method is None:
            raise SystemExit("nothing came for 30 seconds")
        print(document.decode(), flush=True)
        channel.basic_ack(method.delivery_tag)
        count -= 1
        if count == 0:
            return


def main(url, what, event, *rest):
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.exchange_declare(event, "topic", durable=True)
    if what == "publish":
        publish(channel, event, *rest)
    else:
        read(channel, event, int(rest[0]))
    connection.close()


main(*sys.argv[1:])
