// Receives by node-hl7-server and acknowledges; writes its port, then each message, as
// a line of JSON. Its argument: {tls}. It ends when standard input does.
import { readFileSync } from "node:fs";
import net from "node:net";
import { Server } from "node-hl7-server";

// The library says `hostname` where Node wants `host`, and so listens everywhere.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (options, ...rest) {
  return listen.call(this, { ...options, host: "127.0.0.1" }, ...rest);
};

const { tls } = JSON.parse(process.argv[2]);
const secured = tls && {
  ca: readFileSync(tls.ca),
  cert: readFileSync(tls.certificate),
  key: readFileSync(tls.key),
  requestCert: true,
};

const server = new Server(secured ? { tls: secured } : {});
const inbound = server.createInbound({ port: 0 }, async (request, response) => {
  console.log(JSON.stringify({ text: request.getMessage().toString() }));
  await response.sendResponse("AA");
});
inbound.on("listen", () => {
  console.log(JSON.stringify({ port: inbound._socket.address().port }));
});
inbound.on("data.error", (error) => {
  throw error;
});
process.stdin.on("end", () => process.exit(0)).resume();
