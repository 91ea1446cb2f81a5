"""A set-up for `tollgate doctor`, of real files, sockets and processes, and
the doctor who looks at it."""

import json
import subprocess

from conftest import BUILD, clean_env
from doctor_servers import (ANTHROPIC_KEY, DEEPSEEK_KEY, OPENAI_KEY,
                            Servers)

# What would point elsewhere, or tell another language.
ALIEN = ("OPENAI_", "ANTHROPIC_", "DEEPSEEK_", "TOLLGATE_", "LC_", "LANG",
         "SSL_CERT", "MY_")


class World:
    """What a set-up is made of, and the doctor who looks at it."""

    def __init__(self, gate, folder):
        self.gate, self.folder = gate, folder
        self.servers = Servers()
        self.env, self.args, self.secrets = {}, [], []
        self.timeout = "1s"
        self.cwd = folder / "work"
        self.cwd.mkdir()

    def key(self, **policy):
        policy.setdefault("model", "deepseek-flash")
        key = self.gate.key(**policy)
        self.secrets.append(str(key))
        return key

    def at_gate(self, key=None, path="/v1", **env):
        key = self.key() if key is None else key
        self.env.update(OPENAI_API_KEY=key,
                        OPENAI_BASE_URL=self.gate.url + path, **env)
        return key

    def at(self, server, key=DEEPSEEK_KEY, path="", **env):
        self.env.update(OPENAI_API_KEY=key, OPENAI_BASE_URL=server.url + path,
                        **env)
        return server

    def dotenv(self, text, folder=None):
        data = text if isinstance(text, bytes) else text.encode()
        ((folder or self.cwd) / ".env").write_bytes(data)

    def http(self, answer, **options):
        return self.servers.http(answer, **options)

    def run(self, *args, stderr=subprocess.PIPE):
        env = {k: v for k, v in clean_env().items()
               if not k.startswith(ALIEN) and "proxy" not in k.lower()}
        env.update({k: str(v) for k, v in self.env.items()})
        result = subprocess.run(
            [BUILD / "tollgate", "doctor", "--timeout", self.timeout,
             *self.args, *args], cwd=self.cwd, env=env,
            stdout=subprocess.PIPE, stderr=stderr, text=True, timeout=30)
        for secret in self.secrets + [DEEPSEEK_KEY, OPENAI_KEY,
                                      ANTHROPIC_KEY]:
            assert secret not in result.stdout
        assert result.stderr in ("", None)
        return result

    def look(self):
        result = self.run("--json")
        said = json.loads(result.stdout)
        assert said["object"] == "doctor"
        assert said["healthy"] == (result.returncode == 0)
        for step in said["steps"]:
            is_wrong = step["status"] in ("failed", "warning")
            assert (step["cause"] is not None) == is_wrong, step
            assert (step["cure"] is not None) == is_wrong, step
        return result.returncode, said

    def close(self):
        self.servers.stop()


def failed(said):
    return [s["finding"] for s in said["steps"] if s["status"] == "failed"]


def warned(said):
    return [s["finding"] for s in said["steps"] if s["status"] == "warning"]
