"""Whoever changes an object says which version of it he has seen: PATCH and
DELETE of each resource take If-Match, by the ETag of what is shown."""

import re
import threading

import pytest

from lone_daemon import ROOT, LoneDaemon

TABLE = (ROOT / "src/daemon/routes.c").read_text()
CHANGES = sorted({path for method, path in re.findall(
    r'CHANGE\("(PATCH|DELETE)", "(/\w+/\{\})"', TABLE)})

# Of each a new one, and two changes.
EXAMPLES = {
    "/accounts/{}": ({"name": "a"}, {"plan": "x"}, {"plan": "y"}),
    "/keys/{}": ({"name": "k"}, {"name": "x"}, {"name": "y"}),
    "/operators/{}": ({"name": "ann", "role": "admin"}, {"role": "auditor"},
                      {"role": "billing"}),
    "/alerts/{}": ({"kind": "cost", "name": "n"}, {"name": "x"},
                   {"name": "y"}),
    "/channels/{}": ({"kind": "webhook", "name": "n", "secret": "s" * 32,
                      "url": "https://192.0.2.1/x"}, {"name": "x"},
                     {"name": "y"}),
    "/sinks/{}": ({"name": "s", "kind": "vault", "config": {
        "url": "https://192.0.2.1"}, "credentials": {"token": "t" * 20}},
                  {"config": {"url": "https://192.0.2.2"}},
                  {"config": {"url": "https://192.0.2.3"}}),
    "/credentials/{}": ({"upstream": "u", "secret": "s" * 20},
                        {"concurrency": 2}, {"concurrency": 3}),
}
# They are ended, never changed, and shown in lists only.
ENDED = {"/tokens/{}", "/sessions/{}"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("tags") / "home").start()
    daemon.must("/upstreams", {"name": "u", "base_url": "http://127.0.0.1:1"})
    yield daemon
    daemon.clean()


def test_each_resource_has_an_example():
    assert set(CHANGES) == set(EXAMPLES) | ENDED


@pytest.mark.parametrize("path", sorted(EXAMPLES))
def test_old_news_change_nothing(daemon, path):
    made, first, second = EXAMPLES[path]
    one = path.replace("{}", daemon.must(path[:-3], made)["id"])
    seen = daemon.get(one)
    tag = seen.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert daemon.get(one).headers["etag"] == tag
    changed = daemon.ask("PATCH", one, first, headers={"If-Match": tag})
    assert changed.status == 200, changed.body
    new = changed.headers["etag"]
    assert new != tag and daemon.get(one).headers["etag"] == new
    late = daemon.ask("PATCH", one, second, headers={"If-Match": tag})
    assert late.status == 412 and late.error["code"] == "precondition_failed"
    assert new in late.error["message"]
    assert daemon.get(one).json == changed.json
    for match in (f'{tag}, {new}', "*"):
        reply = daemon.ask("PATCH", one, second, headers={"If-Match": match})
        assert reply.status == 200, reply.body


@pytest.mark.parametrize("path", ["/alerts/{}", "/channels/{}",
                                  "/operators/{}", "/keys/{}"])
def test_what_was_changed_is_not_taken_away(daemon, path):
    made, first, _ = EXAMPLES[path]
    made = {**made, "name": "other"}
    one = path.replace("{}", daemon.must(path[:-3], made)["id"])
    tag = daemon.get(one).headers["etag"]
    assert daemon.ask("PATCH", one, first).status == 200
    late = daemon.ask("DELETE", one, headers={"If-Match": tag})
    assert late.status == 412
    assert daemon.get(one).status == 200
    tag = daemon.get(one).headers["etag"]
    assert daemon.ask("DELETE", one, headers={"If-Match": tag}).status == 200


def test_what_is_not_there_is_not_found(daemon):
    reply = daemon.ask("PATCH", "/alerts/alr_" + "0" * 20, {"name": "x"},
                       headers={"If-Match": '"x"'})
    assert reply.status == 404


def test_of_many_at_once_one_is_first(daemon):
    """Between the look and the change nobody else changes anything."""
    alert = daemon.must("/alerts", {"kind": "cost", "name": "race"})["id"]
    for turn in range(20):
        tag = daemon.get(f"/alerts/{alert}").headers["etag"]
        replies = []
        threads = [threading.Thread(target=lambda n=n: replies.append(
            daemon.ask("PATCH", f"/alerts/{alert}",
                       {"name": f"race {turn} {n}"},
                       headers={"If-Match": tag}).status)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(replies) == [200, 412, 412, 412]
