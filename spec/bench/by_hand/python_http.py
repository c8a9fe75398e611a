"""An update by hand on Python's own clients: python_http.py ENDPOINT TOKEN COUNT client=http|urllib|requests warm=N"""
import http.client
import json
import sys
import time
import urllib.parse
import urllib.request
import uuid

PATH = "/referrals/49d90c72-3326-4f61-aacc-2cb57970448c"
URL, TOKEN, COUNT = sys.argv[1] + PATH, sys.argv[2], int(sys.argv[3])
OPTIONS = dict(option.split("=", 1) for option in sys.argv[4:])


def headers_for(etag=None):
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": "referrals-lua/0.1.0",
        "Authorization": "Bearer " + TOKEN,
        "client-request-id": str(uuid.uuid4()),
    }
    if etag:
        headers["Content-Type"] = "application/json"
        headers["If-Match"] = etag
    return headers


def by_http_client():
    parts = urllib.parse.urlsplit(URL)
    connection = http.client.HTTPConnection(parts.netloc)

    def perform(method, headers, body):
        connection.request(method, parts.path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200
        return text, answer.headers["ETag"]

    return perform


def by_urllib():
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def perform(method, headers, body):
        request = urllib.request.Request(URL, data=body, headers=headers, method=method)
        with opener.open(request) as answer:
            return answer.read(), answer.headers["ETag"]

    return perform


def by_requests():
    import requests

    session = requests.Session()
    session.trust_env = False

    def perform(method, headers, body):
        answer = session.request(method, URL, headers=headers, data=body)
        answer.raise_for_status()
        return answer.content, answer.headers["ETag"]

    return perform


perform = {"http": by_http_client, "urllib": by_urllib, "requests": by_requests}[OPTIONS["client"]]()


def update(number):
    text, etag = perform("GET", headers_for(), None)
    referral = json.loads(text)
    referral["status"] = "Closed"
    referral["substatus"] = "Lost" if number % 2 else "Won"
    del referral["links"]
    text, _ = perform("PUT", headers_for(etag), json.dumps(referral).encode())
    return json.loads(text)


warm = int(OPTIONS.get("warm", 0))
for number in range(1, warm + 1):
    update(number)
began = time.monotonic()
for number in range(warm + 1, warm + COUNT + 1):
    update(number)
print("%.6f" % (time.monotonic() - began))
