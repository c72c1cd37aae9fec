"""The client of languages.test.mjs in Python. Arguments: URL, "requests", "http.client" or "aiohttp", the CONNECT
packet. Standard input: the event packet. Each sends bodies in chunks, for it does not say how long they are."""
import asyncio
import base64
import http.client
import json
import sys
from urllib.parse import urlsplit

import aiohttp
import requests

URL, HOW, CONNECT = sys.argv[1:]
EVENT = sys.stdin.buffer.read()
HEADERS = {'Content-Type': 'text/plain;charset=UTF-8'}


def parts(body):
    for at in range(0, len(body), 1000):
        yield body[at:at + 1000]


async def slowly(body):
    for part in parts(body):
        await asyncio.sleep(0)
        yield part


async def by_requests():
    session = requests.Session()

    async def send(path, body=None):
        answer = session.get(URL + path) if body is None else session.post(URL + path, data=parts(body), headers=HEADERS)
        return answer.status_code, answer.content
    await talk(send)


async def by_http_client():
    connection = http.client.HTTPConnection(urlsplit(URL).netloc)

    async def send(path, body=None):
        if body is None:
            connection.request('GET', path)
        else:
            headers = {**HEADERS, 'Transfer-Encoding': 'chunked'}
            connection.request('POST', path, parts(body), headers, encode_chunked=True)
        answer = connection.getresponse()
        return answer.status, answer.read()
    await talk(send)


async def by_aiohttp():
    async with aiohttp.ClientSession() as session:
        async def send(path, body=None):
            request = session.get(URL + path) if body is None else session.post(URL + path, data=slowly(body), headers=HEADERS)
            async with request as answer:
                return answer.status, await answer.read()
        await talk(send)


async def talk(send):
    async def tell(*args):
        status, body = await send(*args)
        print(status, base64.b64encode(body).decode(), flush=True)
        return body
    await tell('/healthz')
    await tell('/page.html')
    polling = '/socket.io/?EIO=4&transport=polling'
    polling += '&sid=' + json.loads((await tell(polling))[1:])['sid']
    for packet in CONNECT.encode(), EVENT:
        await tell(polling, packet)
        await tell(polling)


asyncio.run({'requests': by_requests, 'http.client': by_http_client, 'aiohttp': by_aiohttp}[HOW]())
