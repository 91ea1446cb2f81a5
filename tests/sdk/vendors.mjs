// What the vendors' own SDKs send, to the same servers that check what the
// daemon sends: tests/gate/test_sinks_vendors.py.
//
//     node vendors.mjs VENDOR < request.json > answer.json
import { createHash, createHmac } from "node:crypto";
import { readFileSync } from "node:fs";

const ask = JSON.parse(readFileSync(0, "utf8"));

async function aws() {
  const { SecretsManagerClient, PutSecretValueCommand, GetSecretValueCommand } =
    await import("@aws-sdk/client-secrets-manager");
  const client = new SecretsManagerClient({
    region: ask.region, endpoint: ask.url, credentials: ask.credentials,
    maxAttempts: 1,
  });
  await client.send(new PutSecretValueCommand({
    SecretId: ask.place, SecretString: ask.value,
    ClientRequestToken: ask.token,
  }));
  const got = await client.send(new GetSecretValueCommand({
    SecretId: ask.place, VersionId: ask.token,
  }));
  return { value: got.SecretString };
}

// What the signer wants for its arithmetic.
class Sha256 {
  constructor(secret) {
    this.hash = secret === undefined ? createHash("sha256")
                                     : createHmac("sha256", secret);
  }
  update(data) { this.hash.update(data); }
  async digest() { return new Uint8Array(this.hash.digest()); }
}

// The signature that the SDK's own signer gives a request of ours.
async function sign() {
  const { SignatureV4 } = await import("@smithy/signature-v4");
  const signer = new SignatureV4({
    region: ask.region, service: "secretsmanager", sha256: Sha256,
    credentials: ask.credentials, applyChecksum: false,
  });
  const { protocol, hostname, port } = new URL(ask.url);
  const signed = await signer.sign({
    method: "POST", protocol, hostname, port: Number(port), path: "/",
    headers: ask.headers, body: ask.body, query: {},
  }, { signingDate: new Date(ask.at) });
  return { authorization: signed.headers.authorization };
}

async function azure() {
  const { SecretClient } = await import("@azure/keyvault-secrets");
  const credential = {
    getToken: async (scopes) => ({
      token: ask.access, expiresOnTimestamp: Date.now() + 3600000, scopes,
    }),
  };
  const client = new SecretClient(ask.url, credential, {
    serviceVersion: "7.4", disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 0 },
  });
  const set = await client.setSecret(ask.place, ask.value);
  const got = await client.getSecret(ask.place,
                                     { version: set.properties.version });
  return { value: got.value };
}

async function google() {
  const { JWT } = await import("google-auth-library");
  const sent = [];
  const client = new JWT({
    email: ask.email, key: ask.key, keyId: ask.key_id, scopes: [ask.scope],
  });
  const answer = async (options) => {
    sent.push({ url: String(options.url), method: options.method,
                data: String(options.data) });
    return { data: { access_token: "x", expires_in: 3599 }, status: 200 };
  };
  client.transporter = { request: answer, defaults: {} };
  client.gtoken = undefined;
  await client.getAccessToken();
  return { sent };
}

const vendors = { aws, sign, azure, google };
console.log(JSON.stringify(await vendors[process.argv[2]]()));
