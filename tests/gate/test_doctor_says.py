"""What `tollgate doctor` says to people, in English and in Chinese."""

import json
import os
import pty
import subprocess

import pytest

from conftest import BUILD, clean_env
from doctor_servers import DEEPSEEK_KEY, Answer, envelope, models
from doctor_world import World
from test_doctor import (a_web_page_answers, connections_are_dropped,
                         deepseek_has_no_balance, the_key_is_disabled,
                         the_proxy_is_down)

@pytest.fixture
def world(gate, tmp_path):
    it = World(gate, tmp_path)
    yield it
    it.close()


def test_each_step_has_its_sign_and_the_last_line_is_the_verdict(world):
    key = world.at_gate()
    world.env["OPENAI_API_KEY"] = f"'{key}'"
    result = world.run()
    lines = result.stdout.rstrip("\n").split("\n")
    assert result.returncode == 1
    assert lines[-2:] == ["", (
        "There are quotes or brackets around the key, and they are part of "
        "it. Set OPENAI_API_KEY without them.")]
    assert [line for line in lines if line.startswith("✗")] == [
        "✗ shape       There are quotes or brackets around the key, and they "
        "are part of it"]
    assert "              → Set OPENAI_API_KEY without them" in lines
    assert any(line.startswith("✓ connection") for line in lines)
    assert ("– header, key, scope, model, limits, money  not looked at: the "
            "key was not sent") in lines


def test_several_causes_are_counted_in_the_verdict(world):
    key = world.at_gate(path="/v1/v1")
    world.env["OPENAI_API_KEY"] = f"'{key}'"
    assert world.run("-q").stdout == (
        "There are quotes or brackets around the key, and they are part of "
        "it. Set OPENAI_API_KEY without them. (1 more above)\n")


@pytest.mark.parametrize("env, args", [
    ({"LANG": "zh_CN.UTF-8"}, []), ({"LC_ALL": "zh_TW"}, []),
    ({"LANG": "en_US.UTF-8"}, ["--lang", "zh"])])
def test_it_speaks_chinese(world, env, args):
    world.at_gate(key=world.key()[:30])
    world.env.update(env)
    said = world.run(*args).stdout
    assert said.endswith(
        "\n\n密钥不完整：只有 30 个字符，Tollgate 密钥应为 43 个字符。"
        "重新完整复制；双击不一定能选中整个密钥。\n")
    assert "✗ 密钥格式  密钥不完整：" in said
    assert "✓ 连接      127.0.0.1 的" in said
    assert "– 请求头、密钥、权限、模型、限额、余额  未检查：没有发出密钥" in said


@pytest.mark.parametrize("build", [
    the_proxy_is_down, a_web_page_answers, deepseek_has_no_balance,
    the_key_is_disabled, World.at_gate], ids=lambda b: b.__name__)
def test_in_chinese_no_english_sentence_is_left(world, build):
    build(world)
    _, said = world.look()
    english = {s["cause"] or s["detail"] for s in said["steps"]}
    chinese = json.loads(world.run("--json", "--lang", "zh").stdout)
    assert [s["finding"] for s in said["steps"]] == [
        s["finding"] for s in chinese["steps"]]
    for step in chinese["steps"]:
        text = step["cause"] or step["detail"]
        assert text not in english or step["id"] == "header", text


def test_what_a_server_says_is_nothing_for_the_terminal_to_obey(world):
    def answer(method, path, headers, body):
        if headers.get("Authorization") is None:
            return Answer(401, envelope("no", "x"))
        return Answer(200, models("me", "m\x1b[2J\u202e"))

    world.at(world.http(answer))
    said = world.run().stdout
    assert "\\x1b[2J\\u202e" in said
    assert not any(c in said for c in "\x1b\u202e")


def test_on_a_terminal_it_says_that_it_waits(world):
    connections_are_dropped(world)
    world.timeout = "1500ms"
    ours, theirs = pty.openpty()
    world.run("--lang", "zh", stderr=theirs)
    assert os.read(ours, 1000).decode() == "正在等待 127.0.0.1 …\r\n"
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("args", [
    ["--lang", "fr"], ["--key-env", "A B"], ["--scope", "everything"],
    ["--key-env", DEEPSEEK_KEY], ["--nonsense"], ["KEY"]])
def test_wrong_usage(world, args):
    world.at_gate()
    result = subprocess.run([BUILD / "tollgate", "doctor", *args],
                            capture_output=True, text=True,
                            env=clean_env(**world.env))
    assert (result.returncode, result.stdout) == (2, "")
    assert DEEPSEEK_KEY not in result.stderr
