"""What the candidates are given to do: chat calls, as programs send them."""

import json

MODEL = "deepseek-flash"
SMALL = "Say hello."

# Escapes, quotes and a word outside ASCII, as prompts have them.
PARAGRAPH = (
    "The clerk wrote: \"the ledger is balanced\", and signed it.\n"
    "def total(rows):\n\treturn sum(r['amount'] for r in rows)\n"
    "Please read this and say, in one sentence, what the naïve reader "
    "misses; keep to what the text itself says and do not guess.\n")


def chat(messages, **members):
    return json.dumps({"model": MODEL, "messages": messages, **members},
                      separators=(",", ":"), ensure_ascii=False).encode()


def user(text):
    return {"role": "user", "content": text}


def small_call():
    return chat([user(SMALL)], max_tokens=4)


def long_call(size):
    """A conversation of turns of some 2 KiB, size bytes in all."""
    roles = ["user", "assistant"]
    messages = [{"role": "system", "content": "You are helpful."}]
    turn = PARAGRAPH * 8
    while len(chat(messages, max_tokens=4)) + len(turn) * 1.1 < size - 400:
        messages.append({"role": roles[len(messages) % 2], "content": turn})
    messages.append(user("x"))
    left = size - len(chat(messages, max_tokens=4))
    messages[-1]["content"] += (PARAGRAPH.replace("\n", " ").replace(
        '"', "").replace("ï", "i").replace("\t", " ") * 99)[:left]
    return chat(messages, max_tokens=4)


BODIES = {"100 B": small_call(), "8 KiB": long_call(8192),
          "32 KiB": long_call(32768)}


def stream_call(events, ms_each):
    """A stream of that many tokens, one event each."""
    return chat([user(f"Count. sim:slow={ms_each} sim:tokens={events}")],
                stream=True)


def stalled_stream(after):
    """A stream that stops after some events and stays open."""
    return chat([user(f"Count. sim:stall={after}")], stream=True)


def request_file(path, headers, body):
    """Writes what load.c reads."""
    head = "".join(f"{k}: {v}\n" for k, v in headers.items())
    path.write_bytes(head.encode() + b"\n" + body)
    return path
