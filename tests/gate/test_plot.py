"""Plots: what they show is what was used, and a picture is one."""

import json
import random
import shutil
import sqlite3
import struct
import subprocess
import xml.etree.ElementTree as ElementTree
import zlib
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import call_rows
from conftest import BUILD, Gate, clean_env, require_build
from lone_daemon import LoneDaemon

NEW_YORK = "America/New_York"
# Clocks are put back on November 1.
SINCE, UNTIL = "2026-10-20", "2026-11-10"
MODELS = ["deepseek-flash", "deepseek-pro", "通义千问", "gpt-4o-mini", "a", "b",
          "c", "d"]
NAME = "支付网关 生产"


def ms(text, zone=NEW_YORK):
    at = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    return int(at.timestamp() * 1000)


def some_calls(key, account):
    dice = random.Random(7)
    at = ms(SINCE)
    while at < ms(UNTIL):
        prompt = dice.randrange(5000)
        completion = dice.randrange(900)
        yield {"at": at, "key_id": key, "account_id": account,
               "model": MODELS[min(int(dice.expovariate(0.7)),
                                   len(MODELS) - 1)],
               "status": dice.choice([200] * 20 + [502]),
               "prompt_tokens": prompt, "completion_tokens": completion,
               "prompt_cache_hit_tokens": dice.randrange(prompt + 1),
               "reasoning_tokens": dice.randrange(completion + 1),
               "cost_nanos": dice.randrange(10 ** dice.randrange(3, 10))}
        at += dice.randrange(40 * 60 * 1000)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = LoneDaemon(tmp_path_factory.mktemp("plot") / "home").start()
    account = daemon.must("/accounts", {"name": "部门甲"})["id"]
    daemon.account = account
    daemon.key = daemon.must("/keys", {"name": NAME, "account": account})["id"]
    daemon.stop()
    call_rows.put(daemon.home / "store.db",
                  some_calls(daemon.key, account))
    yield daemon.start()
    daemon.clean()


def ask(daemon, path, **arguments):
    query = "&".join(f"{k}={v}" for k, v in arguments.items())
    reply = daemon.get(f"{path}?{query}")
    assert reply.status == 200, reply.body
    return reply


def plot(daemon, **arguments):
    """The data of a plot, with sums of points as /usage has them."""
    data = ask(daemon, "/usage/plot", format="json", **arguments).json
    data["panel"] = {panel["title"]: panel for panel in data["panels"]}
    return data


def column(panel, kind=int):
    """The sum of a panel's series, point by point."""
    return [sum(map(kind, values))
            for values in zip(*(s["values"] for s in panel["series"]))]


def sums(data):
    panels = data["panel"]
    tokens = {s["label"]: s["values"] for s in panels["Tokens"]["series"]}
    return list(zip(column(panels["Requests"]),
                    [p + c for p, c in zip(tokens["prompt"],
                                           tokens["prompt, cached"])],
                    tokens["prompt, cached"],
                    [c + r for c, r in zip(tokens["completion"],
                                           tokens["reasoning"])],
                    tokens["reasoning"],
                    column(panels["Cost"], Decimal)))


def sums_of_usage(row):
    return (row["requests"], row["prompt_tokens"],
            row["prompt_cache_hit_tokens"], row["completion_tokens"],
            row["reasoning_tokens"], Decimal(row["cost"]))


@pytest.mark.parametrize("by", ["15m", "hour", "day", "week", "month"])
@pytest.mark.parametrize("zone", ["UTC", NEW_YORK, "Asia/Kolkata"])
def test_points_of_a_plot_are_the_rows_of_usage(daemon, by, zone):
    asked = {"since": SINCE, "until": UNTIL, "by": by, "timezone": zone}
    usage = ask(daemon, "/usage", **asked).json
    data = plot(daemon, **asked)
    points = sums(data)
    rows = [sums_of_usage(row) for row in usage["rows"]]
    assert [point for point in points if point[0] > 0] == rows
    assert len(data["edges"]) == len(points) + 1
    assert (data["from"], data["to"]) == (usage["from"], usage["to"])
    total = sums_of_usage(usage["total"])
    assert tuple(map(sum, zip(*points))) == total
    panels = data["panel"]
    assert panels["Requests"]["total"] == total[0]
    assert panels["Tokens"]["total"] == usage["total"]["total_tokens"]
    assert Decimal(panels["Cost"]["total"]) == total[5]


def test_each_point_begins_where_its_span_does(daemon):
    asked = {"since": SINCE, "until": UNTIL, "by": "day",
             "timezone": NEW_YORK}
    edges = plot(daemon, **asked)["edges"]
    begins = [datetime.fromisoformat(e.replace("Z", "+00:00"))
              .astimezone(ZoneInfo(NEW_YORK)) for e in edges]
    assert all((b.hour, b.minute) == (0, 0) for b in begins)
    assert len({b.date() for b in begins}) == len(begins) == 22
    hours = [(b.timestamp() - a.timestamp()) / 3600
             for a, b in zip(begins, begins[1:])]
    assert hours.count(25) == 1 and hours.count(24) == 20


def test_a_share_of_errors_is_of_what_was_called_then(daemon):
    asked = {"since": SINCE, "until": UNTIL, "by": "hour"}
    rows = {row["hour"]: row
            for row in ask(daemon, "/usage", **asked).json["rows"]}
    data = plot(daemon, **asked)
    panel = data["panel"]["Error rate"]
    assert panel["unit"] == "ppm"
    for edge, ppm in zip(data["edges"], panel["series"][0]["values"]):
        row = rows.get(edge)
        if row is None:
            assert ppm is None
        else:
            assert ppm == (row["errors"] * 1000000 + row["requests"] // 2
                           ) // row["requests"]


def test_the_largest_groups_are_told_apart_and_the_rest_is_one(daemon):
    asked = {"since": SINCE, "until": UNTIL, "timezone": NEW_YORK}
    data = plot(daemon, by="day,model", **asked)
    usage = ask(daemon, "/usage", by="day,model", **asked).json["rows"]
    cost = {}
    for row in usage:
        cost[row["model"]] = cost.get(row["model"], 0) + Decimal(row["cost"])
    order = sorted(cost, key=lambda model: -cost[model])
    series = data["panel"]["Cost"]["series"]
    assert [s["label"] for s in series] == order[:5] + ["3 others"]
    assert [s["label"] for s in data["panel"]["Requests"]["series"]] == [
        s["label"] for s in series]
    assert [sum(map(Decimal, s["values"])) for s in series] == [
        *(cost[model] for model in order[:5]),
        sum(cost[model] for model in order[5:])]
    days = {}
    for row in usage:
        days[row["day"]] = days.get(row["day"], 0) + row["requests"]
    assert [r for r in column(data["panel"]["Requests"]) if r] == list(
        days.values())


def test_a_plot_says_what_it_is_of(daemon):
    data = plot(daemon, key=daemon.key, model="deepseek-flash", status=502,
                by="day,model", since=SINCE, until=UNTIL, timezone=NEW_YORK)
    assert data["title"] == (f"Usage by model · key {NAME} ({daemon.key}) · "
                             "model deepseek-flash · status 502")
    assert data["subtitle"] == ("2026-10-20 00:00 – 2026-11-10 00:00 · per "
                                f"day · {NEW_YORK} · USD")
    data = plot(daemon, by="account", since=SINCE, until=UNTIL)
    assert [s["label"] for s in data["panel"]["Cost"]["series"]] == ["部门甲"]
    assert data["by"] == "day"


@pytest.mark.parametrize("model, shown", [
    ("a\u202egnp.b", "a???gnp.b"), ("bell\a\n", "bell??"),
    (b"\xe9t\xe9 \xff", "?t? ?"), ("", "(none)")])
def test_names_of_strangers_are_drawn_safely(tmp_path, model, shown):
    daemon = LoneDaemon(tmp_path / "home").start()
    daemon.stop()
    call_rows.put(daemon.home / "store.db", [
        {"at": ms("2026-11-01"), "model": ""}])
    db = call_rows.writable(sqlite3.connect(daemon.home / "store.db"))
    with db:
        db.execute("UPDATE calls SET model = CAST(? AS TEXT)",
                   (model if isinstance(model, bytes) else model.encode(),))
    db.close()
    daemon.start()
    try:
        asked = {"by": "day,model", "since": SINCE, "until": UNTIL}
        data = plot(daemon, **asked)
        assert [s["label"] for s in data["panel"]["Cost"]["series"]] == [shown]
        pixels(ask(daemon, "/usage/plot", **asked).body)
    finally:
        daemon.clean()


@pytest.mark.parametrize("since, span", [
    ("2026-11-09T18:00:00Z", "15m"), ("2026-11-08", "hour"),
    ("2026-10-01", "day"), ("2025-06-01", "week"), ("2010-01-01", "month")])
def test_time_is_divided_as_its_length_asks_for(daemon, since, span):
    assert plot(daemon, since=since, until=UNTIL)["by"] == span


def test_what_has_no_calls_says_so(daemon):
    data = plot(daemon, since="2020-01-01", until="2020-02-01")
    assert data["empty"] == "no calls"
    assert data["panel"]["Requests"]["total"] == 0
    assert data["panel"]["Error rate"]["total"] is None
    ask(daemon, "/usage/plot", since="2020-01-01", until="2020-02-01")


def pixels(png):
    """Width, height and the lines of a PNG without alpha."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at:at + 8])
        body = png[at + 8:at + 8 + size]
        crc, = struct.unpack(">I", png[at + 8 + size:at + 12 + size])
        assert crc == zlib.crc32(kind + body)
        chunks[kind] = chunks.get(kind, b"") + body
        at += 12 + size
    width, height, depth, color = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, color) == (8, 2)
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (1 + 3 * width)
    return width, height, raw


def test_a_png_has_the_pixels_that_were_asked_for(daemon):
    reply = ask(daemon, "/usage/plot", since=SINCE, until=UNTIL, width=640,
                height=480, scale=2, by="day,model")
    assert reply.headers["content-type"] == "image/png"
    width, height, raw = pixels(reply.body)
    assert (width, height) == (1280, 960)
    assert len(set(raw)) > 100, "it is not blank"
    again = ask(daemon, "/usage/plot", since=SINCE, until=UNTIL, width=640,
                height=480, scale=2, by="day,model")
    assert again.body == reply.body
    other = ask(daemon, "/usage/plot", since=SINCE, until=UNTIL, width=640,
                height=480, scale=2, by="day")
    assert other.body != reply.body


def test_an_svg_is_shapes_and_no_text(daemon):
    asked = {"since": SINCE, "until": UNTIL, "format": "svg", "width": 800,
             "height": 600, "key": daemon.key}
    reply = ask(daemon, "/usage/plot", **asked)
    assert reply.headers["content-type"] == "image/svg+xml"
    root = ElementTree.fromstring(reply.body)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "path" in names and not names & {"text", "script", "image", "use"}
    assert (root.get("width"), root.get("height")) == ("800px", "600px")
    assert ask(daemon, "/usage/plot", **asked).body == reply.body


def test_no_character_of_a_chinese_name_lacks_a_shape(daemon):
    ask(daemon, "/usage/plot", since=SINCE, until=UNTIL, key=daemon.key)
    assert "no font has" not in daemon.said()


def test_the_daemon_itself_has_nothing_that_draws(daemon):
    ask(daemon, "/usage/plot", since=SINCE, until=UNTIL)
    maps = Path(f"/proc/{daemon.process.pid}/maps").read_text()
    assert "libsqlite3" in maps
    assert not any(name in maps for name in ("pango", "cairo", "glib"))


def test_several_are_drawn_at_once(daemon):
    asked = {"since": SINCE, "until": UNTIL, "by": "day,model", "width": 800,
             "height": 600}
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(
            lambda _: ask(daemon, "/usage/plot", **asked).body, range(12)))
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("argument, value", [
    ("format", "gif"), ("width", "399"), ("width", "4001"), ("height", "12"),
    ("height", "x"), ("scale", "0"), ("scale", "5"), ("by", "minute"),
    ("timezone", "Mars"), ("since", "2030-01-01"), ("key", "key_no"),
    ("account", "nobody")])
def test_what_cannot_be_drawn_is_refused_with_its_argument(daemon, argument,
                                                           value):
    reply = daemon.get(f"/usage/plot?{argument}={value}")
    assert reply.status in (400, 404), reply.body
    if argument not in ("account", "upstream"):
        assert reply.error["param"] == argument


def test_too_many_pixels_or_points_are_refused(daemon):
    reply = daemon.get("/usage/plot?width=4000&height=3000&scale=2")
    assert (reply.status, reply.error["param"]) == (400, "scale")
    reply = daemon.get("/usage/plot?by=15m&since=2026-01-01&until=2026-11-10")
    assert (reply.status, reply.error["param"]) == (400, "by")
    assert "longer spans" in reply.error["message"]


NO_FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}/none</dir><cachedir>{0}/cache</cachedir></fontconfig>
"""


@pytest.fixture
def start(tmp_path):
    """Starts a daemon behind a command; plots have it say why it cannot."""
    started = []

    def start(*prefix):
        it = LoneDaemon(tmp_path / "home", prefix)
        started.append(it)
        return it.start()

    yield start
    for it in started:
        it.clean()


def refuses(daemon, because):
    reply = daemon.get("/usage/plot")
    assert (reply.status, reply.code) == (503, "plot_unavailable")
    assert because in reply.error["message"]
    assert because in daemon.said()
    assert daemon.get("/usage/plot?format=json").status == 200


def test_a_machine_without_fonts_gets_no_picture_and_the_cure(start, tmp_path):
    conf = tmp_path / "fonts.conf"
    conf.write_text(NO_FONTS.format(tmp_path))
    refuses(start("env", f"FONTCONFIG_FILE={conf}"),
            "apt-get install fonts-dejavu-core")


@pytest.mark.parametrize("script, because", [
    (None, "tollgate-draw is not beside the daemon"),
    ("exit 1", "ended early"),
    ("kill -9 $$", "ended early"),
    ("exec 0<&-; echo nonsense", "made no sense"),
    ("cat > /dev/null; echo error out of paint", "out of paint")])
def test_a_picture_that_fails_leaves_the_daemon_well(start, tmp_path, script,
                                                     because):
    """The daemon stands alone in a folder, with that in place of what
    draws."""
    folder = tmp_path / "programs"
    folder.mkdir()
    shutil.copy(BUILD / "tollgated", folder)
    if script is not None:
        (folder / "tollgate-draw").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "tollgate-draw").chmod(0o755)
    daemon = start("sh", "-c", 'shift; exec "$0" "$@"',
                   folder / "tollgated")
    for _ in range(3):
        refuses(daemon, because)
    children = Path(f"/proc/{daemon.process.pid}/task/{daemon.process.pid}"
                    "/children").read_text()
    assert children == "", "it has waited for all that it started"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A gate, for the command line."""
    require_build()
    gate = Gate(tmp_path_factory.mktemp("drawn") / "home").start()
    account = gate.cli_json("accounts", "create", "--name", "部门甲")["id"]
    gate.named = gate.key(NAME, account=account)
    gate.stop_up()
    call_rows.put(gate.home / "store.db",
                  some_calls(gate.named.id, account))
    gate.start_up()
    yield gate
    gate.stop()


TIME = ("--since", SINCE, "--until", UNTIL)


def run(gate, *args, **env):
    result = subprocess.run(
        [BUILD / "tollgate", "usage", *TIME, *map(str, args)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        env=clean_env(TOLLGATE_HOME=str(gate.home), **env))
    return result.returncode, result.stdout, result.stderr


def test_plot_writes_a_png_by_its_name(drawn, tmp_path):
    file = tmp_path / "a.png"
    code, out, err = run(drawn, "--plot", file, "--size", "640x480")
    assert (code, out) == (0, "") and f"wrote {file}, " in err
    assert pixels(file.read_bytes())[:2] == (640, 480)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_plot_writes_an_svg_by_its_name(drawn, tmp_path):
    file = tmp_path / "a.SVG"
    assert run(drawn, "--plot", file, "--by", "day,model", "--quiet") == (
        0, "", "")
    ElementTree.parse(file)


def test_a_plot_that_fails_leaves_what_was_there(drawn, tmp_path):
    file = tmp_path / "a.png"
    file.write_text("old")
    code, out, err = run(drawn, "--plot", file, "--size", "10x10")
    assert code == 1 and "width is a number from 400 to 4000" in err
    assert file.read_text() == "old"
    code, out, err = run(drawn, "--plot", tmp_path / "none" / "a.png")
    assert code == 1 and "cannot write" in err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("args, said", [
    (("--plot", "a.jpg"), "ends in .png or .svg"),
    (("--plot", "png"), "ends in .png or .svg"),
    (("--plot", "a.png", "--csv"), "does not go with --csv"),
    (("--plot", "a.png", "--size", "wide"), "1600x1200"),
    (("--plot", "a.png", "--size", "1600x1200x"), "1600x1200"),
    (("--size", "1600x1200"), "--plot FILE.png")])
def test_what_is_no_plot_is_refused_with_the_cure(drawn, args, said):
    code, out, err = run(drawn, *args)
    assert (code, out) == (2, "") and said in err


def width_of(line):
    """Columns on a terminal."""
    return sum(1 + ("\u2e80" <= c <= "\uffef") for c in line)


def test_a_terminal_without_pictures_gets_blocks_and_bars(drawn):
    code, out, err = run(drawn, "--plot", "-", "--by", "model", "--timezone",
                         NEW_YORK, LC_ALL="de_DE.UTF-8", COLUMNS="72")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "Usage by model · all calls"
    usage = drawn.cli_json("usage", *TIME, "--timezone", NEW_YORK)
    total = usage["total"]["requests"]
    at = lines.index(f"Requests  {total:,}")
    assert len(lines[at + 1].strip()) == len(usage["rows"])
    assert set(lines[at + 1].strip()) <= set("▁▂▃▄▅▆▇█") and "█" in lines[at + 1]
    requests = [row["requests"] for row in usage["rows"]]
    assert lines[at + 2].split() == ["min", f"{min(requests):,}", "max",
                                     f"{max(requests):,}"]
    bars = lines[at + 3:at + 9]
    assert all("█" in bar or "▏" <= bar[-1] <= "▉" for bar in bars)
    assert any(bar.strip().startswith("通义千问") for bar in bars)
    first = {width_of(bar.rstrip("▏▎▍▌▋▊▉█")) for bar in bars}
    assert len(first) == 1, "the bars begin in one column"
    assert max(map(width_of, lines)) <= 72
    cost = next(line for line in lines if line.startswith("Cost"))
    assert Decimal(cost.split()[1].replace(",", "")) == Decimal(
        usage["total"]["cost"])


def test_a_terminal_without_utf8_gets_ascii(drawn):
    code, out, err = run(drawn, "--plot", "-", "--by", "day", LC_ALL="C")
    assert code == 0 and out.isascii()
    assert "Usage | all calls" in out and "#" in out


def test_a_terminal_is_told_that_there_were_no_calls(drawn):
    code, out, err = run(drawn, "--plot", "-", "--key", drawn.named.id,
                         "--status", "418", LC_ALL="C.UTF-8")
    assert code == 0 and out.splitlines()[-1] == "no calls"
    assert f"key {NAME} ({drawn.named.id}) · status 418" in out


def test_json_is_the_data_of_the_plot(drawn):
    code, out, err = run(drawn, "--plot", "-", "--json")
    data = json.loads(out)
    assert (code, data["object"]) == (0, "usage_plot")
    assert data["panels"][0]["total"] == drawn.cli_json(
        "usage", *TIME)["total"]["requests"]
