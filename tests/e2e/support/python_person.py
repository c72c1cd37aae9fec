"""A client of Python's socketio package, on threads or on asyncio, that is told by lines of JSON what to
do and tells what it hears, for python_person.mjs. Bytes stand as {"$bytes": base64} in both directions."""
import asyncio
import base64
import inspect
import json
import os
import sys

import engineio
import socketio

EVENTS = ["connect", "connect_error", "disconnect"]  # "*" leaves these out
engineio.payload.Payload.max_decode_packets = 1000  # it gives up a poll of more than 16 otherwise


def to_json(value):
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    raise TypeError(value)


def from_json(members):
    return base64.b64decode(members["$bytes"]) if "$bytes" in members else members


def tell(**what):
    sys.stdout.write(json.dumps(what, default=to_json) + "\n")  # one call, as threads tell too
    sys.stdout.flush()


async def done(result):
    return await result if inspect.isawaitable(result) else result


async def main(options):
    kind = {"threads": socketio.Client, "asyncio": socketio.AsyncClient}[options.pop("kind")]
    client = kind(reconnection=options.pop("reconnection"), reconnection_delay=0.05, reconnection_delay_max=0.2)
    namespace = options.pop("namespace")

    def listen(event):
        client.on(event, lambda *args: tell(event=event, args=args), namespace=namespace)

    for event in EVENTS:
        listen(event)
    client.on("*", lambda event, *args: tell(event=event, args=args), namespace=namespace)

    @client.on("question", namespace=namespace)
    def answer(question):
        return {"question": question, "answer": 42}

    await done(client.connect(options.pop("url"), namespaces=[namespace], wait=False, **options))
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line, object_hook=from_json)
        if "emit" in command:
            number = command.get("number")
            reply = None if number is None else lambda *args, number=number: tell(number=number, args=args)
            event, *args = command["emit"]
            await done(client.emit(event, tuple(args), namespace=namespace, callback=reply))
        else:
            tell(number=command["number"], args=[client.transport(), client.get_sid(namespace)])
    os._exit(0)  # whatever its threads are at


asyncio.run(main(json.loads(sys.argv[1])))
