#!/usr/bin/env python3
"""A submission server for tests: SMTP AUTH over TLS on the loopback interface (RFC 6409).

  submission.py DIR USER=PASSWORD... [--lmtp PORT LOCALPART...]

DIR holds server.pem and server.key.  Two listeners, on free ports: implicit TLS, and STARTTLS required.
Their ports are printed as one line of JSON.  Each message taken is stored as DIR/out/NNNN.json (envelope)
and DIR/out/NNNN.eml (the bytes after dot-unstuffing); for the local parts named after --lmtp it also goes to
LOCALPART by LMTP at PORT.  Recipients "reject@..." get 550, "defer@..." 451; over 1 MB gets 552.
Ends when stdin closes, so that it never outlives the test."""

import asyncio, json, logging, os, smtplib, ssl, sys, warnings

warnings.simplefilter("ignore")  # AUTH without STARTTLS: that listener has implicit TLS
logging.disable(logging.WARNING)
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

directory, *rest = sys.argv[1:]
lmtp_port, local_parts = None, []
if "--lmtp" in rest:
    at = rest.index("--lmtp")
    lmtp_port, local_parts = int(rest[at + 1]), [part.lower() for part in rest[at + 2:]]
    rest = rest[:at]
passwords = dict(user.split("=", 1) for user in rest)
out = os.path.join(directory, "out")
os.makedirs(out, exist_ok=True)


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and passwords.get(data.login.decode()) == data.password.decode()
    return AuthResult(success=good, handled=False)


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        local = address.split("@")[0].lower()
        if local == "reject":
            return "550 5.1.1 no such user"
        if local == "defer":
            return "451 4.2.1 try later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        Handler.count += 1
        base = os.path.join(out, "%04d" % Handler.count)
        with open(base + ".eml", "wb") as file:
            file.write(envelope.original_content)
        facts = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "options": envelope.mail_options,
                 "hello": session.host_name}
        with open(base + ".tmp", "w") as file:
            json.dump(facts, file)
        local = [to for to in envelope.rcpt_tos if to.split("@")[0].lower() in local_parts]
        if local:
            try:
                await asyncio.get_running_loop().run_in_executor(None, deliver, envelope, local)
            except Exception as error:
                return "451 4.3.0 local delivery failed: %s" % error
        os.rename(base + ".tmp", base + ".json")  # whole, or not there
        return "250 2.0.0 queued as %04d" % Handler.count


def deliver(envelope, local):
    with smtplib.LMTP("127.0.0.1", lmtp_port) as client:
        recipients = [to.split("@")[0].lower() for to in local]
        client.sendmail(envelope.mail_from, recipients, envelope.original_content)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.path.join(directory, "server.pem"), os.path.join(directory, "server.key"))


def make(implicit):
    tls = {} if implicit else {"tls_context": context, "require_starttls": True}
    return SMTP(Handler(), hostname="localhost", authenticator=authenticate, auth_required=True, auth_require_tls=not implicit,
                data_size_limit=1_000_000, enable_SMTPUTF8=True, loop=asyncio.get_running_loop(), **tls)


async def main():
    loop = asyncio.get_running_loop()
    tls = await loop.create_server(lambda: make(True), "127.0.0.1", 0, ssl=context)
    starttls = await loop.create_server(lambda: make(False), "127.0.0.1", 0)
    ports = {"tls": tls.sockets[0].getsockname()[1], "starttls": starttls.sockets[0].getsockname()[1]}
    print(json.dumps(ports), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    os._exit(0)


asyncio.run(main())
