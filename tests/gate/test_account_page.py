"""An account's page: what it has, of which kind, and what it used."""

from decimal import Decimal

CHAT = {"model": "deepseek-flash", "max_tokens": 3,
        "messages": [{"role": "user", "content": "hello"}]}


def page(gate, name):
    code, out, err = gate.cli("accounts", "show", name)
    assert code == 0, err
    rows = [line.strip().split("  ", 1) for line in out.splitlines()]
    return {title: value.strip() for title, value in rows}


def test_granted_money_is_spent_first(gate):
    gate.must("accounts", "create", "--name", "reader", "--plan", "trial")
    gate.must("accounts", "grant", "reader", "0.000000002")
    gate.must("accounts", "top-up", "reader", "1")
    key = gate.key("its", account="reader")
    assert gate.request("POST", "/v1/chat/completions", key, CHAT).status == 200
    account = gate.wait(
        lambda: (lambda a: a if a["held"] == "0.00" and a["spent"] != "0.00"
                 else None)(gate.cli_json("accounts", "show", "reader")),
        what="end of the call")
    spent = Decimal(account["spent"])
    assert spent > Decimal("0.000000002")
    assert account["granted_balance"] == "0.00"
    assert Decimal(account["topped_up_balance"]) == Decimal(
        account["balance"]) == Decimal("1.000000002") - spent
    own = gate.request("GET", "/user/balance", key).json["balance_infos"][0]
    assert own["total_balance"] == account["balance"]
    shown = page(gate, "reader")
    assert shown["Plan"] == "trial" and shown["Verification"] == "unverified"
    assert shown["Balance"] == account["balance"]
    assert shown["of it topped up"] == account["topped_up_balance"]
    assert shown["Spent so far"] == account["spent"]
    assert shown["Topped up so far"] == "1.00"


def test_a_postpaid_account_owes(gate):
    gate.must("accounts", "create", "--name", "owes", "--billing", "postpaid")
    key = gate.key("its", account="owes")
    assert gate.request("POST", "/v1/chat/completions", key, CHAT).status == 200
    account = gate.wait(
        lambda: (lambda a: a if a["spent"] != "0.00" else None)(
            gate.cli_json("accounts", "show", "owes")), what="cost")
    assert account["balance"] == "-" + account["spent"]
    assert page(gate, "owes")["Balance"] == account["balance"]


def test_words_for_the_confused(gate):
    for words, what in [
            (["show", "nobody"], "there is no account 'nobody'"),
            (["top-up", "nobody", "5"], "there is no account 'nobody'"),
            (["top-up", "default", "0"], "above zero"),
            (["top-up", "default", "0.0000000001"], "nine decimals"),
            (["suspend", "nobody"], "there is no account 'nobody'")]:
        code, _, err = gate.cli("accounts", *words)
        assert code == 1 and what in err, (words, err)
        assert "null" not in err


def test_an_account_is_changed_by_those_who_saw_it_as_it_is(gate):
    gate.must("accounts", "create", "--name", "movable", "--plan", "trial")
    seen = gate.admin("GET", "/accounts/movable")
    token = (gate.home / "admin.token").read_text().strip()

    def change(body, etag="*"):
        return gate.request("PATCH", "/admin/v1/accounts/movable", token, body,
                            {"If-Match": etag})

    done = change({"billing": "postpaid", "plan": None}, seen.headers["etag"])
    assert done.status == 200
    assert (done.json["billing"], done.json["plan"]) == ("postpaid", None)
    late = change({"billing": "prepaid"}, seen.headers["etag"])
    assert (late.status, late.code) == (412, "precondition_failed")
    # Money is nothing that an operator would not have seen.
    gate.must("accounts", "top-up", "movable", "1")
    assert change({}, done.headers["etag"]).status == 200
    taken = change({"name": "default"})
    assert (taken.status, taken.code) == (409, "already_exists")
    assert change({"granted": "1"}).code == "unknown_member"
    assert change({"billing": None}).status == 400

    key = gate.key("its", account="movable")
    call = lambda: gate.request("POST", "/v1/chat/completions", key,
                                CHAT).status
    assert call() == 200
    assert change({"status": "suspended"}).status == 200
    assert call() == 403
    assert change({"status": "active"}).status == 200
    assert call() == 200
    gate.must("accounts", "update", "movable", "--name", "moved", "--plan",
              "gold")
    assert page(gate, "moved")["Plan"] == "gold"
