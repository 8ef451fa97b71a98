"""The order service as a tutorial has it: asks the user service over REST before it
takes an order, and keeps orders in a dict.

python order.py PORT PORT_OF_USERS
"""

import itertools
import sys

import requests
from flask import Flask, jsonify, request

app = Flask(__name__)

orders = {}
ids = itertools.count(1)


@app.post("/orders")
def create_order():
    wanted = request.get_json()
    user_id = wanted["user_id"]
    answer = requests.get(f"http://127.0.0.1:{sys.argv[2]}/users/{user_id}", timeout=10)
    if answer.status_code != 200:
        return jsonify(error="User does not exist"), 400
    order = {"id": next(ids), "user_id": user_id, "item": wanted["item"]}
    orders[order["id"]] = order
    return jsonify(order), 201, {"Location": f"/orders/{order['id']}"}


if __name__ == "__main__":
    app.run(port=int(sys.argv[1]), threaded=True)
