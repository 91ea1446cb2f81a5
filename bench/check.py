"""That a candidate does what it is measured for, before it is measured."""

import http.client
import json
import re
from urllib.parse import urlsplit

import work
from candidates import BAD_KEYS
from process import Failure


def ask(candidate, body, **headers):
    parts = urlsplit(candidate.chat_url())
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("POST", parts.path, body=body,
                       headers=candidate.headers | headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, text


def must(candidate, is_true, what, answer):
    if not is_true:
        status, text = answer
        raise Failure(f"{candidate.name}: {what}; it answers {status} "
                      f"{text[:300].decode(errors='replace')}")


def bodies(candidate):
    """Every body gets a whole answer with its usage."""
    for name, body in work.BODIES.items():
        answer = ask(candidate, body)
        must(candidate, answer[0] == 200, f"a {name} call fails", answer)
        said = json.loads(answer[1])
        must(candidate, said["choices"] and said["usage"]["total_tokens"] > 0,
             f"a {name} call gets no answer", answer)


def stream(candidate, body, tokens):
    """Every token comes, and the end.  Returns how many events it has."""
    answer = ask(candidate, body)
    events = re.findall(rb"^data: ", answer[1], re.M)
    must(candidate, answer[0] == 200 and len(events) >= tokens
         and answer[1].rstrip().endswith(b"data: [DONE]"),
         "a stream is not whole", answer)
    return len(events)


def refusals(candidate):
    """What checks keys really does."""
    for key in BAD_KEYS.values():
        answer = ask(candidate, work.small_call(),
                     Authorization=f"Bearer {key}")
        must(candidate, answer[0] == 401, "a wrong key is not refused", answer)
    if candidate.checks == "all":
        other = work.small_call().replace(work.MODEL.encode(), b"no-such")
        answer = ask(candidate, other)
        must(candidate, 400 <= answer[0] < 500,
             "a model that nobody may use is not refused", answer)


def candidate(it):
    """All that applies, but for streams."""
    bodies(it)
    if it.checks:
        refusals(it)
