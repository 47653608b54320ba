// Sends messages by node-hl7-client, one after the other, and writes each answer as a
// line of JSON. Its argument: {host, port, version, tls, messages, batch}.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { Batch, Client, Message } from "node-hl7-client";

const { tls, messages, batch, port, ...where } = JSON.parse(process.argv[2]);
const secured = tls && {
  ca: readFileSync(tls.ca),
  cert: readFileSync(tls.certificate),
  key: readFileSync(tls.key),
  rejectUnauthorized: true,
};

let heard;
const answered = (count) => new Promise((done) => (heard = { count, done }));

const client = new Client(secured ? { ...where, tls: secured } : where);
const connection = client.createConnection({ port }, (response) => {
  const answer = response.getMessage();
  const [code, id] = ["MSA.1", "MSA.2"].map((path) => answer.get(path).toString());
  console.log(JSON.stringify({ code, id }));
  if (--heard.count === 0) heard.done();
});
connection.on("client.error", (error) => {
  throw error;
});
connection.on("data.error", (error) => {
  throw error;
});
await once(connection, "connect");

if (batch) {
  const several = new Batch();
  several.start();
  for (const text of messages) several.add(new Message({ text }));
  several.end();
  const all = answered(messages.length);
  await connection.sendMessage(several);
  await all;
} else {
  for (const text of messages) {
    const one = answered(1);
    await connection.sendMessage(new Message({ text }));
    await one;
  }
}
await connection.close();
