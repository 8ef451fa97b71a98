"""The user service as a tutorial has it: users in a dict, over REST.

python user.py PORT
"""

import sys

from flask import Flask, jsonify

app = Flask(__name__)

users = {
    1: {"id": 1, "name": "Alice"},
    2: {"id": 2, "name": "Bob"},
}


@app.get("/users/<int:user_id>")
def get_user(user_id):
    user = users.get(user_id)
    if user is None:
        return jsonify(error="User not found"), 404
    return jsonify(user)


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), threaded=True)
