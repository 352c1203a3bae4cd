#!/usr/bin/env python3
"""Walks an IMAP server with Python's imaplib, as any client would.

  imap_walk.py walk PORT CA USER PASSWORD_FILE     does what clients do, asserts, prints JSON
  imap_walk.py dump PORT CA USER PASSWORD_FILE     prints {mailbox: [{uid, flags, raw (base64)}]}"""

import base64, imaplib, json, re, ssl, sys

what, port, ca, user, password_file = sys.argv[1:]
imaplib._MAXLINE = 10_000_000
context = ssl.create_default_context(cafile=ca)
client = imaplib.IMAP4_SSL("localhost", int(port), ssl_context=context)
password = open(password_file).read()


def ok(answer):
    kind, data = answer
    assert kind == "OK", answer
    return data


def mailboxes(rows):
    return [re.search(rb'"([^"]*)"$', row).group(1).decode() for row in rows]


def dump():
    ok(client.login(user, password))
    out = {}
    for name in mailboxes(ok(client.lsub())):
        ok(client.select(name, readonly=True))
        rows = ok(client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])"))
        out[name] = []
        for row in rows:
            if isinstance(row, tuple):
                head = row[0].decode()
                out[name].append({
                    "uid": int(re.search(r"UID (\d+)", head).group(1)),
                    "flags": re.search(r"FLAGS \(([^)]*)\)", head).group(1).split(),
                    "raw": base64.b64encode(row[1]).decode(),
                })
    return out


def walk():
    assert "IMAP4REV1" in client.capabilities, client.capabilities
    try:
        client.login(user, "wrong")
        raise SystemExit("a wrong password was taken")
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error)
    ok(client.authenticate("PLAIN", lambda challenge: b"\0" + user.encode() + b"\0" + password.encode()))
    names = mailboxes(ok(client.list()))
    assert set(["INBOX", "Sent", "Drafts", "Trash", "Archive"]) <= set(names), names
    assert any(rb"\Sent" in row for row in ok(client.list())), "special use"
    count = int(ok(client.select("INBOX"))[0])
    status = ok(client.status("INBOX", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0].decode()
    assert "MESSAGES %d" % count in status, status
    found = ok(client.uid("SEARCH", None, "ALL"))[0].split()
    assert len(found) == count
    last = found[-1]
    head = ok(client.uid("FETCH", last, "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[HEADER.FIELDS (SUBJECT FROM)])"))
    assert b"BODY[HEADER.FIELDS (SUBJECT FROM)]" in head[0][0] and head[0][1].endswith(b"\r\n\r\n"), head
    whole = ok(client.uid("FETCH", last, "(BODY.PEEK[])"))[0][1]
    part = ok(client.uid("FETCH", last, "(BODY.PEEK[]<10.20>)"))[0]
    assert b"BODY[]<10>" in part[0] and part[1] == whole[10:30], part
    text = ok(client.uid("FETCH", last, "(BODY.PEEK[TEXT])"))[0][1]
    assert whole.endswith(text)
    # Peeking leaves a message unread; reading does not.
    unread = ok(client.uid("SEARCH", None, "UNSEEN"))[0].split()[-1]
    ok(client.uid("FETCH", unread, "(BODY.PEEK[])"))
    assert b"Seen" not in ok(client.uid("FETCH", unread, "(FLAGS)"))[0]
    ok(client.uid("FETCH", unread, "(BODY[])"))
    assert b"Seen" in ok(client.uid("FETCH", unread, "(FLAGS)"))[0]
    # Append, find, flag, copy, move away, expunge.
    message = b"Message-ID: <walk-1@quillpounce.example>\r\nSubject: caf=C3=A9\r\n\r\n.\r\nbody\r\n"
    answer = ok(client.append("Drafts", r"(\Draft \Seen)", '"02-Mar-2026 14:53:07 +0000"', message))[0].decode()
    uid = re.search(r"APPENDUID \d+ (\d+)", answer).group(1)
    ok(client.select("Drafts"))
    assert ok(client.uid("SEARCH", None, "HEADER", "Message-ID", "walk-1@quillpounce.example"))[0].decode() == uid
    assert ok(client.uid("SEARCH", None, "NOT", "DRAFT"))[0] == b""
    row = ok(client.uid("FETCH", uid, "(INTERNALDATE FLAGS BODY.PEEK[])"))[0]
    assert row[1] == message and b"02-Mar-2026 14:53:07 +0000" in row[0], row
    assert b"Flagged" in ok(client.uid("STORE", uid, "+FLAGS", r"(\Flagged)"))[0]
    ok(client.uid("COPY", uid, "Archive"))
    assert client.response("COPYUID")[1][0].split()[1].decode() == uid
    assert client.uid("COPY", uid, "Nowhere")[0] == "NO"
    ok(client.uid("STORE", uid, "+FLAGS.SILENT", r"(\Deleted)"))
    assert ok(client.expunge()) == [b"1"]
    assert ok(client.select("Archive")) == [b"1"]
    ok(client.create("Cases/2026"))
    ok(client.subscribe("Cases/2026"))
    assert "Cases/2026" in mailboxes(ok(client.lsub()))
    assert "Cases/2026" not in mailboxes(ok(client.list('""', "%")))
    ok(client.delete("Cases/2026"))
    assert client.select("Cases/2026")[0] == "NO"
    ok(client.noop())
    ok(client.select("INBOX", readonly=True))
    assert client.uid("STORE", last, "+FLAGS", r"(\Seen)")[0] == "NO"
    ok(client.close())
    # Nonsense is answered, and the connection lives on.
    tag = client._new_tag()
    client.send(tag + b" FETCH ((((\r\n")
    answer = client.readline()
    assert answer.startswith(tag + b" BAD"), answer
    ok(client.noop())
    return {"messages": count, "mailboxes": names}


print(json.dumps(walk() if what == "walk" else dump()))
client.logout()
