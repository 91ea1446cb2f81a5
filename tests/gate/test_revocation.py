"""After the API answered a revocation, no call of that key is admitted."""

import threading
import time


def test_no_call_is_admitted_after_a_revocation_was_answered(gate):
    rounds = 60
    late, admitted, refused = [], [], []
    state = {"key": None, "answered": None}
    over = threading.Event()

    def run():
        while not over.is_set():
            key, begun = state["key"], time.monotonic()
            if key is None:
                continue
            answered = state["answered"]
            status = gate.chat(key, "hello", max_tokens=3).status
            if status == 200:
                admitted.append(key)
                if answered is not None and begun > answered \
                        and state["key"] is key:
                    late.append(key.id)
            else:
                refused.append(status)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for n in range(rounds):
            key = gate.key(f"revoked {n}", rpm=10**8, tpm=10**9)
            state.update(answered=None, key=key)
            wanted = len(admitted) + 3
            gate.wait(lambda: len(admitted) >= wanted, 10, "calls of the key")
            answer = gate.admin("POST", f"/keys/{key.id}/disable")
            state["answered"] = time.monotonic()
            assert answer.status == 200, answer.text
            answer = gate.chat(key)
            assert (answer.status, answer.code) == (401, "key_disabled")
            wanted_refusals = len(refused) + 2
            gate.wait(lambda: len(refused) >= wanted_refusals, 10, "refusals")
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert late == []
    assert set(refused) == {401}
