"""Events of Dovetail by Kafka, from Python: `pip install confluent-kafka`.

    by_kafka.py URL publish EVENT FUNCTION KEY < document.json
    by_kafka.py URL read EVENT COUNT

An event is a CloudEvent in JSON. `shop:orders/events` is the topic `shop.orders.events`, and the
key of a record has the messages of a key in one partition, in order. Which function a message is
for says its `type` alone.
"""

import sys
from urllib.parse import urlsplit

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition


def publish(servers, event, _function, key):
    failed = []
    # The partition of a key as Java's client and Dovetail choose it.
    producer = Producer({**servers, "enable.idempotence": True, "partitioner": "murmur2_random"})
    producer.produce(
        event,
        sys.stdin.buffer.read(),
        key=key or None,
        headers={"content-type": "application/cloudevents+json; charset=UTF-8"},
        on_delivery=lambda error, _: error and failed.append(error),
    )
    # It is kept when all replicas that are in sync have it.
    if producer.flush(30) or failed:
        sys.exit(f"not sent: {failed}")


def read(servers, event, count):
    # It reads all that there is, and keeps no place: a group of its own keeps one.
    consumer = Consumer({**servers, "group.id": "none", "enable.auto.commit": False})
    topic = consumer.list_topics(event, timeout=30).topics[event]
    consumer.assign([TopicPartition(event, number, OFFSET_BEGINNING) for number in topic.partitions])
    while count > 0:
        message = consumer.poll(30)
        if message is None:
            sys.exit("no message came")
        if message.error() is None:
            print(message.value().decode(), flush=True)
            count -= 1
        elif message.error().code() != KafkaError._PARTITION_EOF:
            sys.exit(str(message.error()))
    consumer.close()


def main(url, what, event, *rest):
    servers = {"bootstrap.servers": urlsplit(url).netloc}
    if what == "publish":
        publish(servers, event, *rest)
    else:
        read(servers, event, int(rest[0]))


main(*sys.argv[1:])
