"""The user service as a tutorial has it: a process of its own that keeps users in a dict
and answers for them over REST. Python's own library is all that it needs.

python3 user_service.py [HOST:PORT]
"""

import itertools
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

users = {1: {"id": 1, "name": "Alice"}, 2: {"id": 2, "name": "Bob"}}
ids = itertools.count(3)


class UserService(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An answer that leaves in two pieces waits for the first to be acknowledged.
    wbufsize = -1

    def do_GET(self):
        if self.path == "/users":
            return self.answer(200, {"users": list(users.values()), "next": None})
        user = users.get(self.user_id())
        if user is None:
            return self.answer(404, {"error": "User not found"})
        self.answer(200, user)

    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        user = {"id": next(ids), "name": wanted["name"]}
        users[user["id"]] = user
        self.answer(201, user, {"Location": f"/users/{user['id']}"})

    def user_id(self):
        last = self.path.rpartition("/")[2]
        return int(last) if last.isdecimal() else None

    def answer(self, status, value, headers={}):
        body = json.dumps(value, separators=(",", ":")).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": len(body), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:5001").partition(":")
    server = ThreadingHTTPServer((host, int(port)), UserService)
    server.daemon_threads = True
    print(f"user service at http://{host}:{server.server_port}", flush=True)
    server.serve_forever()
