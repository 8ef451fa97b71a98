"""The user service: keeps the users, answers for them over HTTP, and is the
directory that other services ask. The classes here are what the host calls."""

import json

import api
import rest
import users
from bucket import BucketError
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.directory import DirectoryError_Unavailable, User


class IncomingHandler(exports.IncomingHandler):
    def handle(self, request, response_out):
        rest.serve(request, response_out, api.answer)


class Directory(exports.Directory):
    def get_user(self, id: int) -> User | None:
        try:
            kept = users.get(id)
        except BucketError as error:
            # A store that fails is an answer; any other exception would end the
            # instance and tell the caller nothing.
            raise Err(DirectoryError_Unavailable(str(error)))
        return kept and User(id, json.loads(kept)["name"])

    def admit(self, id: int) -> bool:
        try:
            return users.admit(id)
        except (BucketError, rest.HTTPError) as error:
            raise Err(DirectoryError_Unavailable(str(error)))
