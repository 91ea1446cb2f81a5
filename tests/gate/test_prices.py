"""The price book through the admin API: rows are added, and stay."""

import datetime

import pytest

from lone_daemon import LoneDaemon

FLAT = {"prompt": "0.2", "completion": "0.8"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("prices") / "home").start()
    yield daemon
    daemon.clean()


def make(daemon, name, **more):
    daemon.must("/models", {"id": name, **more})
    return name


def add(daemon, model, **more):
    answer = daemon.post("/prices", {"model": model, **FLAT, **more})
    assert answer.status in (200, 201), answer.json
    return answer.json


def book(daemon, model=None, **arguments):
    arguments = {"model": model, **arguments} if model else arguments
    query = "&".join(f"{k}={v}" for k, v in arguments.items())
    return daemon.get("/prices?" + query).json["data"]


def test_a_row_is_added_and_in_force(daemon):
    make(daemon, "m")
    made = add(daemon, "m", source="a letter")
    assert made["change"] == "new"
    assert (made["prompt"], made["completion"]) == ("0.20", "0.80")
    assert made["prompt_cache_hit"] == made["prompt_cache_write"] == "0.20"
    assert made["source"] == "a letter" and made["peak"] is None
    assert add(daemon, "m")["change"] == "unchanged"
    assert add(daemon, "m", prompt="0.200000")["change"] == "unchanged"
    assert len(book(daemon, "m")) == 1
    assert add(daemon, "m", prompt="0.3")["change"] == "changed"
    assert [row["prompt"] for row in book(daemon, "m")] == ["0.20", "0.30"]
    assert daemon.get("/models/m").json["price"]["prompt"] == "0.30"


def test_peak_hours_as_people_write_them(daemon):
    make(daemon, "busy")
    made = add(daemon, "busy", peak={
        "prompt": "0.4", "completion": "1.6", "not_on_holidays": True,
        "hours": ["mon-tue 01:00-04:00,06:15-10:00", "sun 23:00-01:30"]})
    assert made["peak"] == {
        "prompt": "0.40", "prompt_cache_hit": "0.40",
        "prompt_cache_write": "0.40", "completion": "1.60",
        "unit_price": None, "not_on_holidays": True,
        "hours": [
            "mon 00:00-04:00", "mon 06:15-10:00", "tue 01:00-04:00",
            "tue 06:15-10:00", "sun 23:00-24:00"]}


def test_what_is_listed_can_be_sent_back(daemon):
    """The whole book, to this daemon and to an empty one, exactly."""
    make(daemon, "painter")
    add(daemon, "painter", unit="image", unit_price="0.04",
        sizes={"1024x1024": "0.04", "hd 1024x1792": "0.12"},
        effective_at="2026-01-01", prompt_cache_hit="0.123456",
        prompt_cache_write="7")
    add(daemon, "painter", effective_at=None)
    add(daemon, "painter", effective_at="2098-01-01T00:00:00.001Z", peak={
        "prompt": "1", "completion": "2", "hours": ["daily 00:00-24:00"]})
    listed = daemon.get("/prices").json
    again = daemon.post("/prices", listed)
    assert again.status == 200
    assert {row["change"] for row in again.json["data"]} == {"unchanged"}
    assert daemon.get("/prices").json == listed


def test_a_book_moves_to_another_home(daemon, tmp_path):
    make(daemon, "moves")
    add(daemon, "moves", effective_at="2026-02-03")
    add(daemon, "moves", effective_at="2026-02-04")  # the same, and stated
    listed = daemon.get("/prices").json
    models = [{"id": m["id"]} for m in daemon.get("/models").json["data"]]
    other = LoneDaemon(tmp_path / "home").start()
    try:
        made = other.post("/prices", {**listed, "models": models})
        assert made.status == 201, made.json
        assert other.get("/prices").json == listed
    finally:
        other.clean()


def test_rows_that_have_begun_stay(daemon):
    make(daemon, "past")
    add(daemon, "past", effective_at="2026-03-01")
    answer = daemon.post("/prices", {"model": "past", "prompt": "0.1",
                                     "completion": "0.1",
                                     "effective_at": "2026-03-01T00:00:00Z"})
    assert (answer.status, answer.error["code"]) == (409, "price_in_force")
    assert answer.error["param"] == "effective_at"
    assert book(daemon, "past")[0]["prompt"] == "0.20"


def test_rows_to_come_can_be_put_right(daemon):
    make(daemon, "future")
    add(daemon, "future", effective_at="2026-01-01")
    add(daemon, "future", effective_at="2097-01-01", prompt="1")
    made = add(daemon, "future", effective_at="2097-01-01", prompt="2")
    assert made["change"] == "changed"
    assert [r["prompt"] for r in book(daemon, "future")] == ["0.20", "2.00"]
    assert [r["prompt"] for r in book(daemon, "future", current="true")] == [
        "0.20", "2.00"]


def test_current_rows_are_those_that_count_or_will(daemon):
    make(daemon, "old")
    for day, prompt in [("01", "1"), ("02", "2"), ("03", "3")]:
        add(daemon, "old", effective_at=f"2026-04-{day}", prompt=prompt)
    add(daemon, "old", effective_at="2096-01-01", prompt="4")
    assert [r["prompt"] for r in book(daemon, "old", current="true")] == [
        "3.00", "4.00"]
    assert len(book(daemon, "old", current="false")) == 4
    all_rows = book(daemon)
    current = book(daemon, current="true")
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    for row in all_rows:
        after = [r for r in all_rows if r["model"] == row["model"] and
                 (r["effective_at"] or "") > (row["effective_at"] or "") and
                 (r["effective_at"] or "") <= now]
        assert (row in current) == (not after)


def test_a_list_is_added_whole_or_not_at_all(daemon):
    make(daemon, "first")
    before = book(daemon)
    bad = daemon.post("/prices", {"data": [
        {"model": "first", **FLAT}, {"model": "first", "prompt": "x",
                                     "completion": "1",
                                     "effective_at": "2095-01-01"}]})
    assert (bad.status, bad.error["param"]) == (400, "data[1].prompt")
    bad = daemon.post("/prices", {
        "models": [{"id": "made-with-it"}],
        "data": [{"model": "made-with-it", **FLAT},
                 {"model": "nobody-made-it", **FLAT}]})
    assert (bad.status, bad.error["code"]) == (404, "model_not_found")
    assert book(daemon) == before
    assert daemon.get("/models/made-with-it").status == 404
    assert "tollgate models add nobody-made-it" in bad.error["message"]


def test_a_dry_run_says_the_same_and_changes_nothing(daemon):
    body = {"effective_at": "2026-05-05",
            "models": [{"id": "tried", "scopes": ["embeddings"],
                        "max_context_tokens": 1000}],
            "data": [{"model": "tried", **FLAT}]}
    before = book(daemon)
    dry = daemon.post("/prices?dry_run=true", body)
    assert dry.status == 200
    assert dry.json["data"][0]["change"] == "new"
    assert book(daemon) == before
    assert daemon.get("/models/tried").status == 404
    done = daemon.post("/prices", body)
    assert (done.status, done.json) == (201, dry.json)
    model = daemon.get("/models/tried").json
    assert model["scopes"] == ["embeddings"]
    assert model["max_context_tokens"] == 1000
    assert model["price"]["effective_at"] == "2026-05-05T00:00:00.000Z"
    again = daemon.post("/prices", body)
    assert again.status == 200
    assert again.json["data"][0]["change"] == "unchanged"


def test_models_that_are_known_stay_as_they_are(daemon):
    make(daemon, "tuned", max_output_tokens=77)
    daemon.must("/prices", {"models": [{"id": "tuned",
                                        "max_output_tokens": 1000}],
                            "data": [{"model": "tuned", **FLAT}]})
    assert daemon.get("/models/tuned").json["max_output_tokens"] == 77


def test_there_is_room_for_512_models_and_nothing_is_lost(daemon):
    have = len(daemon.get("/models").json["data"])
    names = [f"bulk-{n}" for n in range(512 - have + 1)]
    body = {"models": [{"id": name} for name in names],
            "data": [{"model": name, **FLAT} for name in names]}
    full = daemon.post("/prices", body)
    assert (full.status, full.error["code"]) == (409, "limit_reached")
    assert "--only" in full.error["message"]
    assert len(daemon.get("/models").json["data"]) == have
    body["models"].pop(), body["data"].pop()
    assert daemon.post("/prices", body).status == 201
    assert daemon.post("/models", {"id": "one-more"}).status == 409
    assert daemon.post("/models", {"id": names[0], "development": True}
                       ).status == 200
    add_one = daemon.post("/upstreams", {
        "name": "u", "base_url": "http://127.0.0.1:1", "dialect": "vllm",
        "models": ["another-one"]})
    assert add_one.status == 409
    assert len(daemon.get("/models").json["data"]) == 512


@pytest.mark.parametrize("param,members", [
    ("model", {"model": None}),
    ("nothing", {"nothing": 1}),
    ("prompt", {"prompt": None}),
    ("prompt", {"prompt": 0.2}),
    ("prompt", {"prompt": "-1"}),
    ("prompt", {"prompt": "0.0000001"}),
    ("completion", {"completion": "1e-6"}),
    ("prompt_cache_hit", {"prompt_cache_hit": ""}),
    ("effective_at", {"effective_at": "tomorrow"}),
    ("effective_at", {"effective_at": 5}),
    ("effective_at", {"effective_at": "1969-12-31"}),
    ("currency", {"currency": "CNY"}),
    ("unit_price", {"unit_price": "1"}),
    ("unit_price", {"unit": "image"}),
    ("sizes", {"unit": "call", "unit_price": "1", "sizes": {"1x1": "1"}}),
    ("source", {"source": "x" * 128}),
    ("peak", {"peak": "always"}),
    ("peak.hours", {"peak": FLAT}),
    ("peak.hours", {"peak": {**FLAT, "hours": []}}),
    ("peak.hours", {"peak": {**FLAT, "hours": ["mon 01:05-02:00"]}}),
    ("peak.hours", {"peak": {**FLAT, "hours": ["mon 01:00-02:00 UTC"]}}),
    ("peak.hours", {"peak": {**FLAT, "hours": [1]}}),
    ("peak.prompt", {"peak": {"completion": "1", "hours": ["daily "
                                                           "01:00-02:00"]}}),
    ("peak.not_on_holidays", {"peak": {**FLAT, "hours": ["sun 01:00-02:00"],
                                       "not_on_holidays": 1}}),
    ("peak.at", {"peak": {"at": 1}}),
])
def test_what_is_refused(daemon, param, members):
    answer = daemon.post("/prices", {"model": "gpt-4o", **FLAT, **members})
    assert answer.status == 400, answer.json
    assert answer.error["param"] == param, answer.json
    listed = daemon.post("/prices", {"data": [
        {"model": "gpt-4o", **FLAT, **members}]})
    assert listed.error["param"] == "data[0]." + param


@pytest.mark.parametrize("param,body", [
    ("data", {"data": "all"}),
    ("data", {"data": [1]}),
    ("data", {"models": []}),
    ("models", {"models": {}, "data": []}),
    ("extra", {"data": [], "extra": 1}),
    ("effective_at", {"data": [], "effective_at": "x"}),
    ("data", {"data": [{"model": "gpt-4o", **FLAT},
                       {"model": "gpt-4o", **FLAT}]}),
])
def test_what_is_refused_of_a_list(daemon, param, body):
    answer = daemon.post("/prices", body)
    assert (answer.status, answer.error["param"]) == (400, param)


def test_arguments(daemon):
    assert daemon.post("/prices?dry_run=yes", {}).error["param"] == "dry_run"
    assert daemon.get("/prices?current=1").error["param"] == "current"
