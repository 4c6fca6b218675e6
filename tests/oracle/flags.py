#!/usr/bin/env python3
"""Red flags F01-F29 of a synthetic data set, computed from its voucher files alone, in the plainest way.

Reads the files of `mingzhang sim`, which a ledger accepts as they stand; shares no code and no table with the program.
Every flag has its first parameters, the evaluation date is the day of the last voucher, and only flag and subject are
told, as rows of `mingzhang alerts --json`. It is no reference for the flags: it says that what was injected can be
found, and that the honest rest is quiet.

    mingzhang sim --profile xs --out gd
    python3 tests/oracle/flags.py gd/post/*.jsonl | mingzhang findings score --labels gd/labels.csv --alerts -

Readings: the head-count base of F15 is the register at the end; F13 takes two staff numbers with one person token for
one official; F19 fires for every home city and county with a baseline. Python 3.9 or newer, nothing else. Money is in
whole fen, days count from year 1.
"""
import json
import sys
from collections import defaultdict
from datetime import date

FOREVER = 10**9
AFTER_EXIT_NO = ("P01", "P02", "P03", "P05", "S01", "S03")
STATES = {"HouseholdExited": "exited", "HouseholdReturned": "registered", "HouseholdRemoved": "removed",
          "HouseholdReinstated": "registered", "HouseholdDissolved": "dissolved"}
WEIGHTS = {"P": 6, "H": 3, "L": 1}
PAYING_ROLES = ("preparer", "approver", "registrar", "notice")
THRESHOLD, PER_HEAD = 5_000_000, 2_000_000

def ordinal(text):
    return date.fromisoformat(text).toordinal()

def fen(text):
    yuan, _, cents = text.partition(".")
    return int(yuan) * 100 + int((cents + "00")[:2])

def quarter(day):
    when = date.fromordinal(day)
    return f"{when.year}Q{(when.month + 2) // 3}"

class Line:
    """A voucher line with its header, its key, its dates and its amount."""

    def __init__(self, header, fields, posted):
        self.header, self.fields, self.posted = header, fields, posted
        self.voucher = f"{header['organisation']}/{header['voucher_no']}"
        self.key = f"{self.voucher}/{fields['line_no']}"
        self.kind, self.date = fields["kind"], ordinal(header["effective_date"])
        self.amount = fen(fields.get("amount_yuan", "0"))
        self.came_back, self.refunds, self.is_reversed, self.village = 0, [], False, None

    def __getitem__(self, name):
        return self.fields.get(name)

    @property
    def net(self):
        return self.amount - self.came_back

class Member:
    """A person in a household, active on `since` and before `until`."""

    def __init__(self, household, number, person, since):
        self.household, self.number, self.person, self.since = household, number, person, since
        self.until, self.died = FOREVER, None

    def active(self, day):
        return self.since <= day < self.until

class Facts:
    """What the files say, line by line."""

    def __init__(self, paths):
        self.lines, self.alerts, self.today = {}, set(), 0
        self.members, self.households, self.village, self.lineage = {}, defaultdict(list), {}, {}
        self.states, self.bindings, self.grants = defaultdict(list), defaultdict(list), []
        self.payments, self.quotas, self.tranches, self.released = [], {}, [], defaultdict(int)
        self.sent, self.cash, self.closed, self.baselines = {}, defaultdict(list), set(), {}
        self.counts, self.reversals = defaultdict(int), defaultdict(int)
        self.projects = defaultdict(lambda: {"open": 0, "paid": 0, "due": 0, "declared": 0})
        for path in sorted(paths):
            for text in open(path, encoding="utf-8"):
                fields = json.loads(text)
                if fields["type"] == "voucher":
                    header = fields
                    self.today = max(self.today, ordinal(header["effective_date"]))
                    continue
                line = Line(header, fields, self.today)
                self.lines[line.key] = line
                self.apply(line)

    def hit(self, flag, *subject):
        self.alerts.add((flag, "/".join(str(part) for part in subject)))

    def apply(self, line):
        if "exception_reason" in line.header:
            self.hit("F20", line.key)
        if 31 < line.posted - line.date:
            self.hit("F25", line.key)
        for group in (self.registry, self.quota, self.transfer, self.payment, self.other):
            if group(line):
                return

    def join(self, line, household, number, person):
        self.members[household, number] = Member(household, number, person, line.date)
        self.households[household].append(self.members[household, number])

    def registry(self, line):
        home, number = line["household"], line["no"]
        if line.kind in STATES:
            self.states[home].append((line.date, STATES[line.kind]))
        elif line.kind == "HouseholdRegistered":
            self.village[home] = line["village"]
            self.states[home].append((line.date, "registered"))
            for member in line["members"]:
                self.join(line, home, member["no"], member["person"])
        elif line.kind == "HouseholdMoved":
            self.village[home] = line["village"]
        elif line.kind == "HouseholdSplit":
            new = line["new_household"]
            self.lineage[new], self.village[new] = home, self.village[home]
            self.states[new].append((line.date, "registered"))
            for member in line["members"]:
                old = self.members[home, member["no"]]
                old.until = line.date
                self.join(line, new, member["no"], old.person)
        elif line.kind == "MemberAdded":
            self.join(line, home, line["member"]["no"], line["member"]["person"])
        elif line.kind == "MemberDied":
            self.members[home, number].died = ordinal(line["died"])
            self.members[home, number].until = ordinal(line["died"]) + 1
        elif line.kind == "MemberLeft":
            self.members[home, number].until = line.date
        elif line.kind == "MemberMoved":
            old = self.members[line["from"], number]
            old.until = line.date
            self.join(line, line["to"], line["new_no"], old.person)
        elif line.kind == "AccountBound":
            self.bindings[home].append(line)
        else:
            return False
        return True

    def quota(self, line):
        if line.kind == "TrancheOpened":
            self.tranches.append(line)
        elif line.kind == "QuotaIssued":
            self.quotas[line["quota"]] = line
            self.counts[line["treasury"], quarter(line.date)] += 1
        elif line.kind == "QuotaReleased":
            self.counts[line["from_unit"], quarter(line.date)] += 1
            if len(line["from_unit"]) == 4:
                self.released[line["from_unit"], line["to_unit"], "20" + line["quota"][1:3]] += line.amount
        else:
            return False
        return True

    def move(self, line, unit, sign):
        self.cash[unit, line["quota"] or self.lines[line["ref"]]["quota"]].append((line.date, sign * line.amount))
        self.counts[unit, quarter(line.date)] += 1

    def transfer(self, line):
        if line.kind in ("TransferSent", "FundsReturnedUp"):
            self.sent[line.key] = [line, 0]
            if line["from_unit"]:
                self.move(line, line["from_unit"], -1)
        elif line.kind in ("TransferReceived", "TransferReturned"):
            self.sent[line["ref"]][1] += line.amount
            sent = self.sent[line["ref"]][0]
            unit = sent["to_unit"] if line.kind == "TransferReceived" else sent["from_unit"]
            if sent["to"] != "src":
                self.move(line, unit, 1)
        else:
            return False
        return True

    def payment(self, line):
        if line.kind == "DisbursedToHousehold":
            line.village = self.village[line["household"]]
            self.payments.append(line)
            self.move(line, line["unit"], -1)
            if line.date < self.quotas[line["quota"]].date:
                self.hit("F16", line["unit"], line["quota"])
            if line["purpose"].startswith("N"):
                self.hit("F11", line.key)
        elif line.kind in ("PaymentReturned", "OverpaymentRepaid"):
            paid = self.lines[line["ref"]]
            paid.came_back += line.amount
            paid.refunds.append(line.date)
            self.move(line, paid["unit"], 1)
        elif line.kind == "Reversed":
            paid = self.lines[line["ref"]]
            paid.came_back, paid.is_reversed = paid.amount, True
            self.move(line, paid["unit"], 1)
            self.reversals[paid["unit"], quarter(line.date)] += 1
            if (paid["unit"], date.fromordinal(paid.date).strftime("%Y-%m")) in self.closed:
                self.hit("F17", paid["unit"], quarter(line.date))
                if line["reason"] == "purpose":
                    self.hit("F11", line.key)
        else:
            return False
        return True

    def other(self, line):
        project = self.projects[line["project"]] if line["project"] else None
        if line.kind == "DisbursedToProject":
            project["open"] += line.amount
            project["paid"] = line.date
            self.move(line, line["unit"], -1)
        elif line.kind == "BenefitAttributed":
            project["open"] -= line.amount
        elif line.kind == "IncomeDeclared":
            project["due"] += line.amount
            project["declared"] = line.date
        elif line.kind == "IncomeDistributed":
            project["due"] -= line.amount
        elif line.kind == "PeriodClosed":
            self.closed.add((line["unit"], line["period"]))
        elif line.kind == "BalanceAsserted":
            held = sum(amount for (unit, quota), moves in self.cash.items()
                       if unit == line["unit"] and line["quota"] in ("*", quota)
                       for day, amount in moves if day <= line.date)
            if held != line.amount:
                self.hit("F21", line["unit"])
        elif line.kind == "BaselineSet":
            self.baselines[line["home_city"]] = line
        elif line.kind == "RoleGranted":
            self.grants.append(line)
        return True

    def root(self, household):
        while household in self.lineage:
            household = self.lineage[household]
        return household

    def state(self, household, day):
        known = [state for since, state in sorted(self.states[household], key=lambda s: s[0]) if since <= day]
        return known[-1] if known else None

    def active(self, household, day):
        return [member for member in self.households[household] if member.active(day)]

    def binding(self, payment):
        bound = [b for b in self.bindings[payment["household"]]
                 if b["account"] == payment["account"] and b.date <= payment.date]
        return bound[-1] if bound else None

def grouped(rows, key):
    groups = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.date):
        groups[key(row)].append(row)
    return groups.items()

def who_was_paid(facts, live):
    accounts, named = defaultdict(list), defaultdict(set)
    persons = {g["official"]: g for g in facts.grants if g["person"]}
    for paid in live:
        home, day, binding = paid["household"], paid.date, facts.binding(paid)
        people = {member.person for member in facts.active(home, day)}
        exits = [since for since, state in facts.states[home] if state == "exited" and since + 30 < day]
        if paid["purpose"] in AFTER_EXIT_NO and exits and facts.state(home, day) == "exited":
            facts.hit("F02", home)
        if facts.state(home, FOREVER) == "removed" or facts.state(home, day) is None:
            facts.hit("F03", home)
        member = facts.members.get((home, paid["member_no"]))
        if not people or (member and member.died is not None and member.died < day):
            facts.hit("F04", home)
        if member:
            named[member.person, paid["purpose"], date.fromordinal(day).year].add(facts.root(home))
        if binding and not binding["guardian_reason"]:
            accounts[paid["account"]].append((facts.root(home), day))
            if binding["holder"] not in people:
                facts.hit("F26", home)
        earlier = [b for b in facts.bindings[home] if b["account"] != paid["account"]]
        if binding and 50_000 <= paid.amount and day - binding.date <= 15:
            if any(b.date < binding.date for b in earlier):
                facts.hit("F10", home)
        for official, grant in persons.items():
            over = any(paid.village.startswith(scope) for scope in grant["scope"])
            if over and grant["person"] in people and grant["role"] in PAYING_ROLES and grant.date <= day:
                facts.hit("F29", official)
        makers = [persons.get(line.header["prepared_by"]) for line in (binding, paid) if line]
        if len(makers) == 2 and all(makers) and makers[0]["person"] == makers[1]["person"]:
            if day - binding.date <= 30:
                facts.hit("F13", paid.header["prepared_by"])
    for account, uses in accounts.items():
        if any(a != b and abs(since - until) <= 365 for a, since in uses for b, until in uses):
            facts.hit("F01", account)
    for (person, _, _), homes in named.items():
        if 1 < len(homes):
            facts.hit("F14", person)
    for person, rows in grouped_members(facts):
        for i, a in enumerate(rows):
            if any(a.household != b.household and max(a.since, b.since) < min(a.until, b.until) for b in rows[i + 1:]):
                facts.hit("F14", person)

def grouped_members(facts):
    people = defaultdict(list)
    for member in facts.members.values():
        people[member.person].append(member)
    return people.items()

def how_much(facts, live):
    for (unit, home), rows in grouped(live, lambda p: (p["unit"], p["household"])):
        for i, first in enumerate(rows):
            rest = [p for p in rows[i + 1:] if p.date - first.date <= 3]
            if any((p.amount, p["purpose"]) == (first.amount, first["purpose"]) and p.voucher != first.voucher
                   and 10_000 <= p.amount for p in rest):
                facts.hit("F28", home)
            near = [p.amount for p in rows[i:] if p.date - first.date < 7 and THRESHOLD // 2 <= p.amount < THRESHOLD]
            if 2 <= len(near) and THRESHOLD <= sum(near):
                facts.hit("F05", unit, home)
    for (unit, home, _), rows in grouped(facts.payments, lambda p: (p["unit"], p["household"], p["purpose"])):
        cycles = [(a.date, b.date) for a, b in zip(rows, rows[1:]) if not a.is_reversed and a.refunds
                  and 8_000 * a.amount <= a.came_back * 10_000 and a.refunds[0] <= b.date]
        if any(second[1] - first[0] <= 90 for first, second in zip(cycles, cycles[1:])):
            facts.hit("F12", unit, home)
    receipts, villages = defaultdict(int), defaultdict(int)
    for paid in live:
        if facts.quotas[paid["quota"]]["programme"] == "dev":
            receipts[facts.root(paid["household"])] += paid.net
        villages[paid.village, date.fromordinal(paid.date).year] += paid.net
    for root, total in receipts.items():
        people = [m for home, rows in facts.households.items() if facts.root(home) == root for m in rows]
        if max(sum(m.active(day) for m in people) for day in {m.since for m in people}) * PER_HEAD < total:
            facts.hit("F08", root)
    outliers(facts, villages)

def outliers(facts, villages):
    homes, heads = defaultdict(int), defaultdict(int)
    for home, village in facts.village.items():
        if facts.state(home, facts.today) in ("registered", "exited"):
            homes[village] += 1
            heads[village] += len(facts.active(home, facts.today))
    for county in sorted({village[:6] for village in homes}):
        known = [v for v in homes if v.startswith(county) and 10 <= homes[v] and heads[v]]
        for year in (2016, 2017, 2018):
            rates = sorted(villages[v, year] // heads[v] for v in known)
            for v in known if 5 <= len(known) else ():
                if 30_000 * rates[(len(rates) - 1) // 2] * heads[v] < villages[v, year] * 10_000:
                    facts.hit("F15", v, year)

def when(facts, live):
    burst, years = defaultdict(lambda: [0, 0, 0]), defaultdict(lambda: [0, 0])
    for paid in live:
        row, last = burst[paid["unit"], quarter(paid.date)], quarter(paid.date) != quarter(paid.date + 5)
        round_sum = paid.net if last and paid.amount % 100_000 == 0 else 0
        row[0], row[1], row[2] = row[0] + paid.net, row[1] + round_sum, row[2] + (0 < round_sum)
        year = years[paid["unit"], date.fromordinal(paid.date).year]
        year[0], year[1] = year[0] + paid.net, year[1] + paid.net * (date.fromordinal(paid.date).month == 12)
    for key, (total, rounded, count) in burst.items():
        if 10 <= count and 5_000 * total <= rounded * 10_000:
            facts.hit("F06", *key)
    for key, (total, december) in years.items():
        if 10_000_000 <= total and 4_000 * total < december * 10_000:
            facts.hit("F23", *key)
    for (unit, quota), moves in facts.cash.items():
        days = defaultdict(int)
        for day, amount in moves:
            days[day] += amount
        if any(sum(days[d] for d in days if d <= day) < 0 for day in days):
            facts.hit("F16", unit, quota)

def where_money_stopped(facts):
    for key, moves in facts.cash.items():
        lots = []
        for day, amount in sorted(moves, key=lambda m: m[0]):
            if 0 < amount:
                lots.append([day, amount])
            for lot in lots if amount < 0 else ():
                used = min(lot[1], -amount)
                lot[1], amount = lot[1] - used, amount + used
        if 1_000_000 <= sum(rest for day, rest in lots if 90 < facts.today - day):
            facts.hit("F07", *key)
    for key, (sent, arrived) in facts.sent.items():
        if arrived < sent.amount and 15 < facts.today - sent.date:
            facts.hit("F09", key)
    for project, row in facts.projects.items():
        if 0 < row["open"] and 180 < facts.today - row["paid"]:
            facts.hit("F24", project)
        if 0 < row["due"] and 90 < facts.today - row["declared"]:
            facts.hit("F27", project)
    ends = [date(y + m // 12, m % 12 + 1, 1).toordinal() - 1 for y in (2016, 2017, 2018) for m in (3, 6, 9, 12)]
    for city in sorted(facts.baselines):
        for end in (end for end in ends if end <= facts.today):
            owed = sum(t.amount for t in facts.tranches if t["home_city"] == city and t.date + 90 <= end)
            for source, weight in WEIGHTS.items():
                issued = sum(q.amount for q in facts.quotas.values()
                             if (q["source"], q["home_city"]) == (source, city) and q.date <= end)
                if issued * 100_000 < 9_000 * owed * weight:
                    facts.hit("F18", source, city, quarter(end))
    for (city, county, year), amount in facts.released.items():
        total = sum(fen for (c, _, y), fen in facts.released.items() if (c, y) == (city, year))
        base = facts.baselines[city]
        heads = next(row["heads"] for row in base["counties"] if row["unit"] == county)
        if 500 * total * base["heads"] < abs(amount * base["heads"] - total * heads) * 10_000:
            facts.hit("F22", city, county, year)

def how_it_was_kept(facts):
    for key, count in facts.counts.items():
        if 50 <= count and 200 * count < facts.reversals[key] * 10_000:
            facts.hit("F17", *key)
    for city, base in facts.baselines.items():
        facts.hit("F19", city)
        for row in base["counties"]:
            facts.hit("F19", row["unit"])

def main():
    facts = Facts(sys.argv[1:])
    live = [paid for paid in facts.payments if 0 < paid.net]
    who_was_paid(facts, live)
    how_much(facts, live)
    when(facts, live)
    where_money_stopped(facts)
    how_it_was_kept(facts)
    for flag, subject in sorted(facts.alerts):
        print(json.dumps({"flag": flag, "subject": subject}))

if __name__ == "__main__":
    main()
