// OpenPGP.js as the other end of a conversation: openpgpjs.mjs LIBRARY DIR WHAT [...], the input by standard input, the output by standard output.
//
//   generate KIND USERID      a key of its own in DIR; KIND: curve25519, curve25519-v6 or rsa2048. Prints the certificate
//   know                      takes the other side's certificate in
//   encrypt | seal            encrypts (and signs) to the other side
//   sign                      a detached signature
//   decrypt | open            decrypts (and wants a good signature of the other side)
//   verify FILE               wants FILE to be the other side's signature of the input
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [library, dir, what, ...rest] = process.argv.slice(2);
const openpgp = await import(pathToFileURL(library));
const input = what === "generate" ? Buffer.alloc(0) : readFileSync(0);
const file = (name) => `${dir}/${name}`;
const armored = (name) => readFileSync(file(name), "utf8");
const own = () => openpgp.readPrivateKey({ armoredKey: armored("own.asc") });
const theirs = () => openpgp.readKey({ armoredKey: armored("theirs.asc") });
const config = { allowInsecureDecryptionWithSigningKeys: false };

switch (what) {
  case "generate": {
    const [kind, userId] = rest;
    const [, name, email] = userId.match(/^(.*) <(.*)>$/);
    const type = kind.startsWith("rsa") ? { type: "rsa", rsaBits: 2048 } : { type: "curve25519" };
    const made = await openpgp.generateKey({
      ...type, userIDs: [{ name, email }], format: "armored", config: { v6Keys: kind.endsWith("-v6"), aeadProtect: kind.endsWith("-v6") },
    });
    writeFileSync(file("own.asc"), made.privateKey);
    process.stdout.write(made.publicKey);
    break;
  }
  case "know":
    writeFileSync(file("theirs.asc"), (await openpgp.readKey({ binaryKey: new Uint8Array(input) })).armor());
    break;
  case "encrypt":
  case "seal": {
    const message = await openpgp.createMessage({ binary: new Uint8Array(input) });
    const signingKeys = what === "seal" ? await own() : undefined;
    process.stdout.write(await openpgp.encrypt({ message, encryptionKeys: await theirs(), signingKeys }));
    break;
  }
  case "sign": {
    const message = await openpgp.createMessage({ binary: new Uint8Array(input) });
    process.stdout.write(await openpgp.sign({ message, signingKeys: await own(), detached: true }));
    break;
  }
  case "decrypt":
  case "open": {
    const message = await openpgp.readMessage({ armoredMessage: input.toString() });
    const verificationKeys = what === "open" ? await theirs() : undefined;
    const opened = await openpgp.decrypt({
      message, decryptionKeys: await own(), verificationKeys, expectSigned: what === "open", format: "binary", config,
    });
    process.stdout.write(opened.data);
    break;
  }
  case "verify": {
    const message = await openpgp.createMessage({ binary: new Uint8Array(input) });
    const signature = await openpgp.readSignature({ armoredSignature: readFileSync(rest[0], "utf8") });
    await openpgp.verify({ message, signature, verificationKeys: await theirs(), expectSigned: true });
    break;
  }
  default:
    throw new Error(`no ${what}`);
}
