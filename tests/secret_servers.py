"""Servers that hold secrets, as daemons deliver to them: each checks what it
receives as the real one does, and keeps it.

A test sets `server.fault` to a function of the request that returns a status,
bytes to send as they are, or None for the usual answer.
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
import urllib.parse


class Request:
    def __init__(self, handler, body):
        self.method = handler.command
        self.path, _, self.query = handler.path.partition("?")
        self.headers = {k.lower(): v for k, v in handler.headers.items()}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def form(self):
        return dict(urllib.parse.parse_qsl(self.body.decode(),
                                           strict_parsing=True))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def handle_any(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self, body)
        owner = self.server.owner
        owner.requests.append(request)
        fault = owner.fault(request) if owner.fault else None
        if isinstance(fault, bytes):
            self.wfile.write(fault)
            self.close_connection = True
            return
        headers = {}
        if isinstance(fault, tuple):
            fault, headers = fault
        try:
            status, answer, *more = \
                (fault, {}) if fault else owner.answer(request)
            headers.update(*more)
        except Exception as error:  # a wrong request is a wrong request
            owner.errors.append(f"{type(error).__name__}: {error}")
            status, answer = 400, {"error": "bad request"}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any


class Server:
    def __init__(self, tls=None):
        self.requests, self.errors, self.fault = [], [], None
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.owner = self
        if tls is not None:
            self.http.socket = tls.wrap_socket(self.http.socket,
                                               server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self.http.server_address[1]}"
        self.thread = threading.Thread(target=self.http.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()

    def asked(self, method):
        return [r for r in self.requests if r.method == method]


class Vault(Server):
    """KV version 2 at secret/, with check-and-set."""

    kind = "vault"
    place, name = "app/prod", "API_KEY"

    def __init__(self, token, **more):
        self.token = token
        self.secrets = {}  # path: [version, fields]
        super().__init__(**more)

    def config(self):
        return {"url": self.url}

    def credentials(self):
        return {"token": self.token}

    def answer(self, request):
        if request.headers.get("x-vault-token") != self.token:
            return 403, {"errors": ["permission denied"]}
        assert request.headers["x-vault-request"] == "true"
        if request.path == "/v1/auth/token/lookup-self":
            return 200, {"data": {"id": "x"}}
        assert request.path.startswith("/v1/secret/data/")
        path = request.path[len("/v1/secret/data/"):]
        version, fields = self.secrets.get(path, (0, None))
        if request.method == "GET":
            if fields is None:
                return 404, {"errors": []}
            return 200, {"data": {"data": fields,
                                  "metadata": {"version": version}}}
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        if request.json["options"]["cas"] != version:
            return 400, {"errors": ["check-and-set parameter did not match "
                                    "the current version"]}
        self.secrets[path] = (version + 1, request.json["data"])
        return 200, {"data": {"version": version + 1}}

    def put(self, value=None):
        fields = {"OTHER": "stays", "n": 7}
        if value is not None:
            fields[self.name] = value
        self.secrets[self.place] = (3, fields)

    def value(self):
        return self.secrets.get(self.place, (0, {}))[1].get(self.name)

    def others_stay(self):
        fields = self.secrets[self.place][1]
        return fields["OTHER"] == "stays" and fields["n"] == 7


class Kubernetes(Server):
    kind = "kubernetes"
    place, name = "prod/app-keys", "API_KEY"

    def __init__(self, token, **more):
        self.token = token
        self.secrets = {}
        super().__init__(**more)

    def config(self):
        return {"url": self.url}

    def credentials(self):
        return {"token": self.token}

    def answer(self, request):
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return 401, {"kind": "Status", "code": 401}
        if request.path.startswith("/apis/authorization.k8s.io/"):
            assert request.json["kind"] == "SelfSubjectAccessReview"
            return 201, {"status": {"allowed": True}}
        parts = request.path.split("/")
        assert parts[:4] == ["", "api", "v1", "namespaces"]
        assert parts[5] == "secrets" and len(parts) == 7
        data = self.secrets.get(f"{parts[4]}/{parts[6]}")
        if data is None:
            return 404, {"kind": "Status", "reason": "NotFound"}
        if request.method == "PATCH":
            assert request.headers["content-type"] == \
                "application/merge-patch+json"
            assert list(request.json) == ["data"]
            for name, value in request.json["data"].items():
                base64.b64decode(value, validate=True)
                data[name] = value
        else:
            assert request.method == "GET"
        return 200, {"kind": "Secret", "data": data}

    def put(self, value=None):
        data = {"OTHER": base64.b64encode(b"stays").decode()}
        if value is not None:
            data[self.name] = base64.b64encode(value.encode()).decode()
        self.secrets[self.place] = data

    def value(self):
        value = self.secrets[self.place].get(self.name)
        return value and base64.b64decode(value).decode()

    def others_stay(self):
        return self.secrets[self.place]["OTHER"] == "c3RheXM="


def sigv4(request, secret, region, service):
    """The signature that a request should have, by AWS's own description."""
    scheme, _, rest = request.headers["authorization"].partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    parts = dict(p.strip().split("=", 1) for p in rest.split(","))
    names = parts["SignedHeaders"].split(";")
    assert names == sorted(names)
    assert {"host", "x-amz-date", "x-amz-target"} <= set(names)
    canonical = "\n".join(
        [request.method, request.path, request.query] +
        [f"{n}:{' '.join(request.headers[n].split())}" for n in names] +
        ["", ";".join(names), hashlib.sha256(request.body).hexdigest()])
    at = request.headers["x-amz-date"]
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    assert parts["Credential"].partition("/")[2] == scope
    to_sign = "\n".join(["AWS4-HMAC-SHA256", at, scope,
                         hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    want = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return parts["Credential"].partition("/")[0], parts["Signature"], want


class Aws(Server):
    kind = "aws"
    place, name = "prod/app", "API_KEY"
    region = "eu-west-1"
    key_id = "AKIDEXAMPLE0123456789"

    def __init__(self, secret, session=None, **more):
        self.secret, self.session = secret, session
        self.versions = {}  # place: [(id, text), ...]
        super().__init__(**more)

    def config(self):
        return {"url": self.url, "region": self.region}

    def credentials(self):
        return {"access_key_id": self.key_id, "secret_access_key": self.secret,
                **({"session_token": self.session} if self.session else {})}

    def answer(self, request):
        assert request.method == "POST" and request.path == "/"
        assert request.headers["content-type"] == "application/x-amz-json-1.1"
        key_id, signature, want = sigv4(request, self.secret, self.region,
                                        "secretsmanager")
        if key_id != self.key_id or signature != want:
            return 400, {"__type": "com.amazon#InvalidSignatureException"}
        if request.headers.get("x-amz-security-token") != self.session:
            return 400, {"__type": "UnrecognizedClientException"}
        action = request.headers["x-amz-target"].split(".")[1]
        return getattr(self, action)(request.json)

    def ListSecrets(self, body):
        return 200, {"SecretList": []}

    def GetSecretValue(self, body):
        versions = self.versions.get(body["SecretId"])
        if versions is None:
            return 400, {"__type": "ResourceNotFoundException"}
        wanted = body.get("VersionId", versions[-1][0])
        text = dict(versions)[wanted]
        stages = ["AWSCURRENT"] if wanted == versions[-1][0] else []
        return 200, {"SecretString": text, "VersionId": wanted,
                     "VersionStages": stages}

    def PutSecretValue(self, body):
        token = body["ClientRequestToken"]
        assert 32 <= len(token) <= 64
        versions = self.versions.get(body["SecretId"])
        if versions is None:
            return 400, {"__type": "ResourceNotFoundException"}
        if token in dict(versions):
            if dict(versions)[token] != body["SecretString"]:
                return 400, {"__type": "ResourceExistsException"}
        else:
            versions.append((token, body["SecretString"]))
        return 200, {"VersionId": token}

    def put(self, value=None):
        text = value or "old"
        if self.name:
            fields = {"OTHER": "stays"}
            if value is not None:
                fields[self.name] = value
            text = json.dumps(fields)
        self.versions[self.place] = [("v" * 32, text)]

    def value(self):
        text = self.versions[self.place][-1][1]
        return json.loads(text).get(self.name) if self.name else text

    def others_stay(self):
        text = self.versions[self.place][-1][1]
        return not self.name or json.loads(text)["OTHER"] == "stays"


class Azure(Server):
    """Microsoft's login and a Key Vault, at one address."""

    kind = "azure"
    place, name = "app-key", ""
    tenant, client = "11111111-2222-3333-4444-555555555555", "client-1"

    def __init__(self, secret, **more):
        self.secret, self.access = secret, "eyJ0.azure.access"
        self.versions = {}
        super().__init__(**more)

    def config(self):
        return {"url": self.url, "login_url": self.url,
                "tenant_id": self.tenant, "client_id": self.client}

    def credentials(self):
        return {"client_secret": self.secret}

    def answer(self, request):
        if request.path == f"/{self.tenant}/oauth2/v2.0/token":
            assert request.method == "POST"
            form = request.form
            assert form["grant_type"] == "client_credentials"
            assert form["client_id"] == self.client
            assert form["scope"] == "https://vault.azure.net/.default"
            if form["client_secret"] != self.secret:
                return 401, {"error": "invalid_client"}
            return 200, {"access_token": self.access, "expires_in": 3599,
                         "token_type": "Bearer"}
        if request.headers.get("authorization") != f"Bearer {self.access}":
            return 401, {"error": {"code": "Unauthorized"}}, {
                "WWW-Authenticate":
                f'Bearer authorization="{self.url}/{self.tenant}", '
                'resource="https://vault.azure.net"'}
        assert dict(urllib.parse.parse_qsl(request.query))["api-version"] == \
            "7.4"
        if request.path == "/secrets":
            return 200, {"value": []}
        parts = request.path.split("/")
        assert parts[:2] == ["", "secrets"]
        versions = self.versions.setdefault(parts[2], [])
        if request.method == "PUT":
            assert len(parts) == 3
            versions.append(request.json["value"])
            wanted = len(versions)
        else:
            assert request.method == "GET"
            if not versions:
                return 404, {"error": {"code": "SecretNotFound"}}
            wanted = int(parts[3], 16) if parts[3:] and parts[3] else \
                len(versions)
        return 200, {
            "value": versions[wanted - 1],
            "id": f"{self.url}/secrets/{parts[2]}/{wanted:032x}",
            "attributes": {"enabled": True}}

    def put(self, value=None):
        self.versions[self.place] = [value or "old"]

    def value(self):
        return self.versions[self.place][-1]

    def others_stay(self):
        return True


class Google(Server):
    """Google's token endpoint and Secret Manager, at one address.  verify is
    a function of a signature and a text: whether it is the account's."""

    kind = "google"
    place, name = "app-key", ""
    project = "my-project-1"

    def __init__(self, pem, verify, **more):
        self.pem, self.verify, self.access = pem, verify, "ya29.google"
        self.versions = {}
        super().__init__(**more)

    def config(self):
        return {"url": self.url, "project_id": self.project}

    def credentials(self):
        return {"type": "service_account", "project_id": "another",
                "private_key_id": "key-1", "private_key": self.pem,
                "client_email": "gate@my-project-1.iam.gserviceaccount.com",
                "token_uri": f"{self.url}/token"}

    def check_jwt(self, jwt):
        head, claims, signature = jwt.split(".")

        def part(text):
            return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

        assert "=" not in jwt
        assert json.loads(part(head)) == {"alg": "RS256", "typ": "JWT",
                                          "kid": "key-1"}
        claims_ = json.loads(part(claims))
        assert claims_["iss"] == self.credentials()["client_email"]
        assert claims_["aud"] == f"{self.url}/token"
        assert claims_["scope"] == \
            "https://www.googleapis.com/auth/cloud-platform"
        assert abs(claims_["iat"] - time.time()) < 60
        assert 0 < claims_["exp"] - claims_["iat"] <= 3600
        return self.verify(part(signature), f"{head}.{claims}".encode())

    def answer(self, request):
        if request.path == "/token":
            form = request.form
            assert form["grant_type"] == \
                "urn:ietf:params:oauth:grant-type:jwt-bearer"
            if not self.check_jwt(form["assertion"]):
                return 400, {"error": "invalid_grant"}
            return 200, {"access_token": self.access, "expires_in": 3599}
        if request.headers.get("authorization") != f"Bearer {self.access}":
            return 401, {"error": {"status": "UNAUTHENTICATED"}}
        base = f"/v1/projects/{self.project}/secrets"
        if request.path == base:
            return 200, {"secrets": []}
        assert request.path.startswith(base + "/")
        rest = request.path[len(base) + 1:]
        if request.method == "POST":
            secret, action = rest.split(":")
            assert action == "addVersion"
            if secret not in self.versions:
                return 404, {"error": {"status": "NOT_FOUND"}}
            payload = request.json["payload"]
            assert int(payload["dataCrc32c"]) == \
                crc32c(base64.b64decode(payload["data"], validate=True))
            self.versions[secret].append(payload["data"])
            return 200, {"name": f"projects/123/secrets/{secret}/versions/"
                                 f"{len(self.versions[secret])}"}
        secret, _, version = rest.partition("/versions/")
        version, _, action = version.partition(":")
        assert request.method == "GET" and action == "access"
        if secret not in self.versions:
            return 404, {"error": {"status": "NOT_FOUND"}}
        index = -1 if version == "latest" else int(version) - 1
        return 200, {"payload": {"data": self.versions[secret][index]}}

    def put(self, value=None):
        self.versions[self.place] = [
            base64.b64encode((value or "old").encode()).decode()]

    def value(self):
        return base64.b64decode(self.versions[self.place][-1]).decode()

    def others_stay(self):
        return True


def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
