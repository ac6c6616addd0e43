"""Purchases: lines that come in by import beside a bare insert of the same, and what is asked of people by what they bought."""

import re
import sqlite3
import statistics
import subprocess
import time
import urllib.parse

LINES, PRODUCTS = 3, 2000
QUESTION = "order_count >= 2 and last_order_at < now - 90d and total_spent > 500"


def files(bench, orders):
    """Products, orders of people by chance over two years, three lines each."""
    made = {}
    for name, head in (("products", "sku,name"), ("orders", "number,placed_at,contact.external_id"),
                       ("order_lines", "order.number,position,product.sku,name,quantity,unit_price")):
        made[name] = bench.work / f"{name}.csv"
        with open(made[name], "w") as out:
            out.write(head + "\n")
            if name == "products":
                out.writelines(f"S{i},Product {i}\n" for i in range(PRODUCTS))
            elif name == "orders":
                for i in range(orders):
                    day = i * 7919 % 700
                    out.write(f"B{i},{2024 + day // 350}-{1 + day % 350 // 30:02d}-{1 + day % 28:02d}T10:{i % 60:02d}:00Z,p{1 + i * 104729 % bench.a.people}\n")
            else:
                for i in range(orders):
                    out.writelines(f"B{i},{k + 1},S{(i * 31 + k * 7) % PRODUCTS},Product {(i * 31 + k * 7) % PRODUCTS},{1 + i % 3},{5 + (i * 13 + k) % 90}.50\n"
                                   for k in range(LINES))
    return made


def bare_insert(bench, database):
    """The same lines, their references known, into a table with the columns and indexes of lines: rows per second."""
    bare = bench.work / "bare_lines.db"
    bare.unlink(missing_ok=True)
    with sqlite3.connect(database) as db:
        made = [r[0] for r in db.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'order_lines' AND sql IS NOT NULL")]
        columns = [r[1] for r in db.execute("PRAGMA table_info(order_lines)")]
        rows = db.execute("SELECT * FROM order_lines ORDER BY id").fetchall()
    db = sqlite3.connect(bare, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    for sql in made:
        db.execute(re.sub(r' REFERENCES "\w+" \("id"\) ON DELETE RESTRICT', "", sql))
    insert = f"INSERT INTO order_lines VALUES ({','.join('?' * len(columns))})"
    start = time.monotonic()
    for at in range(0, len(rows), 1000):
        db.execute("BEGIN")
        db.executemany(insert, rows[at:at + 1000])
        db.execute("COMMIT")
    spent = time.monotonic() - start
    db.close()
    bare.unlink()
    return len(rows) / spent


def measure(bench, run, kith):
    database = bench.data / "orgs/main/kith.db"
    orders = bench.a.people // 2
    for name, file in files(bench, orders).items():
        start = time.monotonic()
        run(kith, "import", name, file, "--data", bench.data)
        spent = time.monotonic() - start
    ours = orders * LINES / spent
    bare = bare_insert(bench, database)
    print(f"purchases: {orders * LINES} lines imported, figures of people kept: {ours:.0f} lines/s; bare insert {bare:.0f}/s; ratio {ours / bare:.2f} (goal 0.3)", flush=True)
    spans = []
    for _ in range(5):
        start = time.monotonic()
        found = bench.api("/contacts/aggregate?" + urllib.parse.urlencode({"where": QUESTION, "measure": "count()"}))["rows"][0]["count()"]
        spans.append((time.monotonic() - start) * 1000)
    print(f"purchases: {QUESTION}: {found} of {bench.a.people} people counted in {statistics.median(spans):.0f} ms over kept figures", flush=True)
