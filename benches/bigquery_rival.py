"""The least that a Python program does for irispool's work: one thread, google-cloud-bigquery, 500 rows a call.

  bigquery_rival.py PORT INCOMING

Reads each file, parses it, inserts the rows, deletes the files. It claims nothing, converts nothing, checks nothing.
Prints the seconds, in which the tables are there already.
"""
import json
import os
import sys
import time

from google.api_core.client_options import ClientOptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

port, incoming = sys.argv[1:]
client = bigquery.Client(
    project="p", credentials=AnonymousCredentials(),
    client_options=ClientOptions(api_endpoint=f"http://127.0.0.1:{port}"))
for dataset in os.listdir(incoming):
    client.create_table(bigquery.Table(f"p.d.bmrs_{dataset.lower()}_iris"))
started = time.monotonic()
for dataset in os.listdir(incoming):
    folder = os.path.join(incoming, dataset)
    table = f"p.d.bmrs_{dataset.lower()}_iris"
    rows, files = [], []  # what is read and not inserted, and each file with the number of its last row
    read = inserted = 0
    names = os.listdir(folder)
    for place, name in enumerate(names):
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            found = json.load(file)
        found = found if isinstance(found, list) else [found]
        rows.extend(found)
        read += len(found)
        files.append((path, read))
        while len(rows) >= 500 or rows and place + 1 == len(names):
            errors = client.insert_rows_json(table, rows[:500])
            assert not errors, errors
            inserted += len(rows[:500])
            del rows[:500]
            while files and files[0][1] <= inserted:
                os.unlink(files.pop(0)[0])
    for path, _ in files:
        os.unlink(path)
print(f"{time.monotonic() - started:.3f}")
