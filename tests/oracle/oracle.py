#!/usr/bin/env python3
"""Balances and the accounts digest of a ledger, computed a second time from its records alone.

Reads what `mingzhang log --data DIR --json` prints; shares no code and no table with the program. Checks that no
position is missing, that each record names the hash of the one before, that the legs of each book sum to zero, that no
account is on the wrong side of zero, and that the last seal states the digest of the balances before it. Prints each
balance as `mingzhang balance KIND CODE --json` does, to the byte.

    mingzhang log --data gd --json > log.jsonl
    python3 tests/oracle/oracle.py log.jsonl                 # all balances, one a line, and last the digest
    python3 tests/oracle/oracle.py log.jsonl city 4414       # one of them
    mingzhang balance city 4414 --data gd --json             # the same line

`-` in place of a file is standard input. Exit code 1 when the records contradict themselves or their seal. Python 3.9
or newer, nothing else. Money is in whole fen.
"""
import json
import sys
from collections import defaultdict

import blake3

SOURCES = ("", "P", "H", "L", "U", "S")                    # in the order of every table
LEVELS = {2: "province", 4: "city", 6: "county", 9: "town", 12: "village"}     # by digits of the unit code
STATES = {"HouseholdExited": "exited", "HouseholdReturned": "registered", "HouseholdRemoved": "removed",
          "HouseholdReinstated": "registered", "HouseholdDissolved": "dissolved"}
HOUSEHOLD = ("paid", "refunded", "attributed", "net", "asset_income")
UNIT = "quota_held cash_held in_transit paid_to_households paid_to_projects refunded spent returned_up".split()
CITY = ("owed allocated sent received in_transit held_city held_county held_town held_village in_transit_within spent "
        "paid_before refunded returned_up outstanding unsent").split()
# What one fen into an account adds to columns of a unit, and of a city.
UNIT_OF = {"Q.quota": "quota_held", "C.hold": "cash_held", "C.way": "in_transit"}
ISSUED, PAID = {"allocated": 1, "outstanding": -1, "unsent": 1}, {"spent": 1}
CITY_OF = {"Q.plan": {"owed": -1, "outstanding": -1}, "Q.quota": ISSUED, "Q.used": ISSUED,
           "C.src": {"sent": -1, "received": -1, "unsent": 1}, "C.hh": PAID, "C.prj": PAID,
           "C.prior": {"spent": 1, "paid_before": 1}}
FROM_OR_TO_SOURCE, BELOW = {"in_transit": 1, "received": -1}, {"in_transit_within": 1}     # both of C.way

sums = lambda: defaultdict(lambda: defaultdict(int))       # sums of fen by key and column

def legs_of(record):
    """(account, the rest of the path in parts, fen) of each leg: `C.hold`, [`4414`, `Q16-4401-0001`], 100."""
    for leg in record["legs"]:
        book, name, *rest = leg["path"].split(".")
        yield f"{book}.{name}", rest, leg["fen"]

def quota_of(record):
    """The quota that a record's legs name; a record names one at most."""
    return next((rest[-1] for account, rest, _ in legs_of(record) if account in UNIT_OF), None)

class Ledger:
    """Plain sums over records, in the order of the log."""

    def __init__(self, today):
        self.today = today                                 # days since 1970-01-01
        self.records, self.reversed, self.sealed = [], set(), None
        self.accounts = defaultdict(int)
        self.areas, self.homes, self.helpers, self.heads = set(), set(), set(), {}
        self.per_head, self.quotas = 0, {}
        self.households, self.lineage = {}, {}             # and those joined with each by splits and mergers
        self.changes = []                                  # (household, members more or less), record by record
        self.by_household = sums()                         # household, year, source, quota, purpose, project
        self.by_unit = sums()                              # unit, year, source, purpose
        self.by_city = sums()                              # home city, source, tranche, year, helper
        self.payments = []                                 # (household, paying unit, date)

    def add(self, record):
        last = self.records[-1] if self.records else {"seq": -1, "hash": "0" * 64}
        if record["seq"] != last["seq"] + 1 or record["prev"] != last["hash"]:
            sys.exit(f"oracle.py: record {record['seq']} does not follow record {last['seq']}")
        self.records.append(record)
        self.post(record)
        kind, body = record["kind_name"], record["payload"]
        if kind == "Seal":
            self.sealed = record, dict(self.accounts)
        elif kind == "Reversed":
            self.reversed |= {body["ref_seq"], record["seq"]}
        elif kind in ("OpeningBalance", "QuotaIssued"):
            tranche = "opening" if kind == "OpeningBalance" else body.get("tranche", "")
            self.quotas[quota_of(record)] = {**body, "tranche": tranche}
        elif kind.startswith(("Household", "Member")):
            self.register(kind, body)
        elif body.get("effective_from", 0) <= self.today:
            self.rule(kind, body)

    def post(self, record):
        """Legs into balances. Origin accounts are never above zero, all others never below."""
        books = defaultdict(int)
        for path, fen in ((leg["path"], leg["fen"]) for leg in record["legs"]):
            books[path[0]] += fen
            self.accounts[path] += fen
            sign = -1 if path.startswith(("Q.plan.", "C.src.", "B.base.", "I.op.")) else 1
            if self.accounts[path] * sign < 0:
                sys.exit(f"oracle.py: record {record['seq']} leaves {path} at {self.accounts[path]} fen")
        if any(books.values()):
            sys.exit(f"oracle.py: record {record['seq']}: the legs do not sum to zero: {dict(books)}")

    def rule(self, kind, body):
        if kind == "AreasAdopted":
            cells = [cell for row in body["rows"] for cell in row["cells"]]
            self.areas |= {unit_code(cell["value"]) for cell in cells if cell["column"] == "code"}
        elif kind == "AreaRegistered":
            self.areas.add(unit_code(body["code"]))
        elif kind == "PairingAdopted":
            self.homes.add(body["home"])
            self.helpers.add(body["helper"])
        elif kind == "CapRuleAdopted":
            self.per_head = body["per_head_fen"]
        elif kind == "BaselineSet":
            self.homes.add(body["home_city"])
            self.heads[body["home_city"]] = body["heads"]

    def register(self, kind, body):
        code = body.get("household")
        if kind == "HouseholdRegistered":
            self.households[code] = {"state": "registered", "class": body["class"], "village": body["village"]}
            self.changes.append((code, len(body["members"])))
        elif kind in ("HouseholdAmended", "HouseholdMoved"):
            self.households[code].update({name: body[name] for name in ("class", "village") if name in body})
        elif kind == "HouseholdSplit":
            self.households[body["new_household"]] = dict(self.households[code])
            self.join(code, body["new_household"], -len(body["members"]))
        elif kind == "HouseholdsMerged":
            into, gone = self.households[body["into"]], self.households[body["from"]]
            into["state"] = "registered" if "registered" in (into["state"], gone["state"]) else into["state"]
            gone["state"] = "dissolved"
            self.join(body["from"], body["into"], -len(body["members"]))
        elif kind in STATES:
            self.households[code]["state"] = STATES[kind]
        elif kind == "MemberMoved":
            self.changes += [(body["from"], -1), (body["to"], 1)]
        else:
            self.changes.append((code, {"MemberAdded": 1, "MemberLeft": -1, "MemberDied": -1}.get(kind, 0)))

    def join(self, one, other, members):
        """Two households become one lineage; members of the first change over."""
        whole = self.lineage.get(one, {one}) | self.lineage.get(other, {other})
        self.lineage.update({household: whole for household in whole})
        self.changes += [(one, members), (other, -members)]

    def members(self, households):
        """Active members of some households together, and the most there ever were at the same time."""
        active = most = 0
        for household, more in self.changes:
            active += more if household in households else 0
            most = max(most, active)
        return active, most

    def fold(self):
        """Money by subject, once all records are read."""
        for record in filter(lambda record: record["legs"], self.records):
            self.fold_legs(record)
            if record["seq"] not in self.reversed:         # a record and its reversal: as if never made
                self.fold_movement(record)

    def cause(self, record):
        """The record that a reversal, an arrival or a return speaks of; every other speaks of itself."""
        while record["kind_name"] in ("Reversed", "TransferReceived", "TransferReturned"):
            record = self.records[record["payload"]["ref_seq"]]
        return record

    def city_row(self, quota):
        helper = quota["treasury"] if quota["source"] == "H" else ""
        return self.by_city[quota["home_city"], quota["source"], quota["tranche"], quota["year"], helper]

    def fold_legs(self, record):
        """What is planned, issued, held, under way and spent; a reversal counts in the year of what it reverses."""
        cause, quota = self.cause(record), self.quotas.get(quota_of(record))
        made = self.records[record["payload"]["ref_seq"]] if record["kind_name"] == "Reversed" else record
        from_source = any(account == "C.src" for account, _, _ in legs_of(cause))
        way = FROM_OR_TO_SOURCE if from_source or cause["payload"].get("to") == "src" else BELOW
        for account, rest, fen in legs_of(record):
            about, columns = quota, CITY_OF.get(account, {})
            if quota is None and account == "Q.plan":      # a tranche, split over the sources
                plan = cause["payload"]
                about = {**plan, "source": rest[0], "home_city": rest[1], "treasury": plan["helper"]}
            elif account == "C.way":
                columns = way
            elif account == "C.hold":
                columns = {"held_" + LEVELS[len(rest[0])]: 1}
            for column, sign in columns.items():
                self.city_row(about)[column] += sign * fen
            if account in UNIT_OF:
                self.by_unit[rest[0], made["date"][:4], quota["source"], ""][UNIT_OF[account]] += fen

    def fold_movement(self, record):
        """What was paid, came back, went back up, was attributed or earned, by the year of its date."""
        kind, year, quota = record["kind_name"], record["date"][:4], self.quotas.get(quota_of(record))
        legs = {account: (rest[0], abs(fen)) for account, rest, fen in legs_of(record)}
        if "C.hh" in legs or "C.prj" in legs:
            self.fold_payment(record, legs, quota)
        elif "B.hh" in legs:
            row = self.by_household[legs["B.hh"][0], year, "", "", "", legs["B.open"][0]]
            row["attributed"] += legs["B.hh"][1] * (-1 if kind == "BenefitWithdrawn" else 1)
        elif "I.hh" in legs:
            self.by_household[legs["I.hh"][0], year, "", "", "", legs["I.due"][0]]["asset_income"] += legs["I.hh"][1]
        elif kind != "TransferReceived" and self.cause(record)["kind_name"] == "FundsReturnedUp":
            unit, fen = legs["C.hold"]
            fen = fen if kind == "FundsReturnedUp" else -fen             # less what bounced
            self.by_unit[unit, year, quota["source"], ""]["returned_up"] += fen
            if self.cause(record)["payload"].get("to") == "src":
                self.city_row(quota)["returned_up"] += fen

    def fold_payment(self, record, legs, quota):
        """A payment, or what came back of one."""
        purpose, year = record["payload"]["purpose"], record["date"][:4]
        column = {"DisbursedToHousehold": "paid_to_households", "DisbursedToProject": "paid_to_projects"}.get(
            record["kind_name"], "refunded")
        (unit, fen), paid = legs["C.hold"], column != "refunded"
        row = self.by_unit[unit, year, quota["source"], purpose]
        row[column] += fen
        row["spent"] += fen if paid else -fen
        self.city_row(quota)["refunded"] += 0 if paid else fen
        if "C.hh" in legs:
            household = legs["C.hh"][0]
            self.payments += [(household, unit, record["date"])] * paid
            row["payments"] += paid
            row = self.by_household[household, year, quota["source"], quota_of(record), purpose, ""]
            row["paid" if paid else "refunded"] += fen
            row["net"] += fen if paid else -fen

def unit_code(area):
    """An area code without its trailing zero groups."""
    return next(area[:n] for n in LEVELS if not area[n:].strip("0"))

def money(columns, row):
    """Columns as `mingzhang balance --json` prints them, as all that follows."""
    return [{"name": name, "fen": row[name],
             "yuan": f"{'-' * (row[name] < 0)}{abs(row[name]) // 100}.{abs(row[name]) % 100:02}"} for name in columns]

def values(**pairs):
    return [{"name": name, "value": value} for name, value in pairs.items()]

def rate(part, whole):
    return part * 10_000 // whole if whole else None

def rows_of(items, parts, order=None):
    """Rows summed by the parts of their keys that stand where `parts` says; a row of zeros is no row."""
    summed = sums()
    for key, row in items:
        for column, fen in row.items():
            summed[tuple(str(key[at]) for at in parts.values())][column] += fen
    place = lambda part: str(SOURCES.index(part)) if part in SOURCES else part
    return sorted((item for item in summed.items() if any(item[1].values())),
                  key=lambda item: [place(item[0][at]) for at in order or range(len(parts))])

def total(rows):
    return next((row for _, row in rows_of(rows, {})), defaultdict(int))

def answer(columns, rows, parts, each=lambda key, row: {}, more={}, counts=(), texts=()):
    return {"fields": money(columns, total(rows)) + money(more, more),
            "rows": [{"key": dict(zip(parts, key)), "fields": money(columns, row), **each(key, row)}
                     for key, row in rows], "counts": counts, "texts": texts}

def household(ledger, code):
    about, lineage = ledger.households[code], ledger.lineage.get(code, {code})
    parts = {"year": 1, "source": 2, "quota": 3, "purpose": 4, "project": 5}
    rows = rows_of((item for item in ledger.by_household.items() if item[0][0] == code), parts, order=(0, 2, 3, 4))
    (active, peak), (_, together) = ledger.members({code}), ledger.members(lineage)
    had = sum(row["net"] + row["attributed"] for (of, _, source, *_), row in ledger.by_household.items()
              if of in lineage and source in ("", "P", "H", "L"))
    line = {"review_line": ledger.per_head * together, "headroom": ledger.per_head * together - had}
    last = max((day for of, _, day in ledger.payments if of == code), default="")
    return answer(HOUSEHOLD, rows, parts, more=line, texts=values(**about, last_payment=last), counts=values(
        active_members=active, peak_members=peak, lineage_households=len(lineage), lineage_peak_members=together))

def unit(ledger, code):
    """A village, or a town or county with all that lies in it."""
    parts = {"year": 1, "source": 2, "purpose": 3}
    rows = rows_of((item for item in ledger.by_unit.items() if item[0][0].startswith(code)), parts)
    paid = {(household, by) for household, by, _ in ledger.payments if by.startswith(code)}
    registered = {household for household, about in ledger.households.items()
                  if about["state"] == "registered" and about["village"].startswith(code)}
    members = ledger.members(registered)[0]
    payments = lambda _, row: {"counts": values(payments=row["payments"])}
    return answer(UNIT, rows, parts, payments, counts=values(
        households_paid=len(paid), registered_households=len(registered), registered_members=members,
        per_head=total(rows)["spent"] // members if members else None))

def cities(items, parts, **more):
    rows = rows_of(items, parts)
    spent, received = total(rows)["spent"], total(rows)["received"]
    return answer(CITY, rows, parts, counts=values(spending_rate_bp=rate(spent, received)), **more)

def city(ledger, code):
    side = lambda at, parts: cities([item for item in ledger.by_city.items() if item[0][at] == code], parts)
    home = side(0, {"source": 1, "tranche": 2, "year": 3})
    helper = side(4, {"home_city": 0, "tranche": 2, "year": 3})
    return {"as_home": home if code in ledger.homes else None,
            "as_helper": helper if helper["rows"] or code in ledger.helpers else None}

def province(ledger, _):
    shared = [item for item in ledger.by_city.items() if item[0][1] in "PHL"]
    of_year = dict(rows_of(shared, {"year": 3}))
    share = lambda key, row, name: rate(row[name], of_year[key[:1]][name]) if key[1] in "PHL" else None
    shares = lambda key, row: {"counts": values(**{
        f"{name}_share_bp": share(key, row, name) for name in ("allocated", "received", "spent")})}
    plan = {"planned": total(shared)["owed"], "ceiling": sum(ledger.heads.values()) * ledger.per_head}
    return cities(ledger.by_city.items(), {"year": 3, "source": 1}, each=shares, more=plan)

def balance(ledger, kind, code):
    make = {"household": household, "city": city, "province": province}.get(kind, unit)
    return {"kind": kind, "code": code, "as_of": {"position": ledger.records[-1]["seq"], "date": None},
            "group_shortened": False, **make(ledger, code)}

def accounts_digest(accounts):
    """Number of rows and digest of view 1: docs/format.md, "Accounts and digests"."""
    u16 = lambda number: number.to_bytes(2, "little")
    lanes, rows = [0] * 1024, 0
    for path, fen in accounts.items():
        if fen:
            row = u16(1) + u16(len(path)) + path.encode() + fen.to_bytes(8, "little", signed=True)
            wide = blake3.derive_key("mingzhang 2026-11-24 view row v1", row, 2048)
            lanes = [(lane + wide[2 * i] + 256 * wide[2 * i + 1]) % 65536 for i, lane in enumerate(lanes)]
            rows += 1
    state = u16(1) + rows.to_bytes(8, "little") + b"".join(map(u16, lanes))
    return rows, blake3.derive_key("mingzhang 2026-11-24 view digest v1", state).hex()

def main(path="-", *one):
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines if line.strip()] or sys.exit("oracle.py: there are no records")
    ledger = Ledger((records[-1]["time_ms"] + 28_800_000) // 86_400_000)
    for record in records:
        ledger.add(record)
    if not ledger.sealed or record["part"] + 1 != record["parts"]:
        sys.exit("oracle.py: the records end before the first seal, or inside a voucher")
    ledger.fold()
    show = lambda document: print(json.dumps(document, ensure_ascii=False, separators=(",", ":")))
    if one:
        return show(balance(ledger, *one))
    all_ = [("household", code) for code in ledger.households] + [(LEVELS[len(code)], code) for code in ledger.areas]
    for kind, code in sorted(all_):
        show(balance(ledger, kind, code))
    rows, digest = accounts_digest(ledger.accounts)
    show({"kind": "accounts", "position": ledger.records[-1]["seq"], "rows": rows, "digest": digest})
    seal, sealed = ledger.sealed
    digest = digest if sealed == ledger.accounts else accounts_digest(sealed)[1]
    if digest != seal["payload"]["accounts"]:
        sys.exit(f"oracle.py: the accounts digest before record {seal['seq']} is {digest}, and the seal states another")

if __name__ == "__main__":
    main(*sys.argv[1:])
