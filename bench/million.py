"""A store with a million keys, each with every member of its policy set.

Written into the store while no daemon runs: a million calls of the admin API
would take an hour and measure something else.
"""

import hashlib
import itertools
import sqlite3
import time
import zlib

KEYS = 1_000_000
USED = 50_000  # that calls go through, in random order
BATCH = 50_000
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ORIGIN = "https://app.example.com"

# Every check has something to look at, and nothing that refuses.
POLICY = {
    "kind": "production",
    "status": "active",
    "scopes": '["chat","code"]',
    "models": '["gpt-*","deepseek-*"]',
    "endpoints": '["POST /v1/chat/completions","POST /v1/completions"]',
    "requests_per_second": 1_000_000,
    "requests_per_minute": 10_000_000,
    "requests_per_day": 100_000_000,
    "tokens_per_minute": 1_000_000_000,
    "concurrency": 100_000,
    "daily_nanos": 10**15,
    "monthly_nanos": 10**16,
    "timezone": "Europe/Berlin",
    "allowed_ips": '["10.0.0.0/8","2001:db8::/32","127.0.0.0/8"]',
    "allowed_referrers": '["https://other.example.org/*","%s/*"]' % ORIGIN,
    "hours": "mon-sun 00:00-24:00 Asia/Shanghai",
}


def base62(number, digits):
    text = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        text = ALPHABET[digit] + text
    return text


def secret(number):
    """docs/key-format.md: the random part is the number's, and never 0, which
    is the unknown key's."""
    body = "sk-tgp_" + base62((number + 1) * 48271 % 2**31, 30)
    return body + base62(zlib.crc32(body.encode()), 6)


def fill(store, used_file, say):
    """Puts the keys into the store at this path, under a prepaid account of
    their own, and the secrets that calls use into used_file."""
    db = sqlite3.connect(store, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    now = int(time.time() * 1000)
    account = "acct_" + base62(1, 20)
    columns = ", ".join(POLICY)
    db.execute("BEGIN")
    db.execute(
        "INSERT INTO accounts (id, name, status, verification, billing, "
        "topped_up_nanos, created_at) VALUES (?, 'bench', 'active', "
        "'verified', 'prepaid', ?, ?)", (account, 10**18, now))
    add_key = (f"INSERT INTO keys (id, account_id, name, {columns}, "
               f"created_at) VALUES (?, ?, ?"
               f"{', ?' * len(POLICY)}, ?)")
    add_secret = ("INSERT INTO secrets (id, key_id, digest, prefix, last4, "
                  "created_at) VALUES (?, ?, ?, 'sk-tgp_', ?, ?)")
    numbers = iter(range(KEYS))
    with open(used_file, "w") as used:
        while batch := list(itertools.islice(numbers, BATCH)):
            ids = [base62(n, 20) for n in batch]
            secrets = [secret(n) for n in batch]
            db.executemany(add_key, (
                ("key_" + i, account, f"key {n}", *POLICY.values(), now)
                for i, n in zip(ids, batch)))
            db.executemany(add_secret, (
                ("sec_" + i, "key_" + i, hashlib.sha256(s.encode()).digest(),
                 s[-4:], now) for i, s in zip(ids, secrets)))
            used.writelines(s + "\n" for s in secrets[::KEYS // USED])
            say(f"{batch[-1] + 1:,} keys are in the store")
    db.execute("COMMIT")
    db.close()
