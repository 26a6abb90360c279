// The same fan-out in Node: subscribe to Redis by hand, send each message to every WebSocket with `ws`.
// node ws_server.cjs PORT REDIS_SOCKET_OR_HOST:PORT CHANNEL MODULE
"use strict";
const net = require("node:net");
const [, , port, redis, channel, library] = process.argv;
const loaded = require(library);
const WebSocketServer = loaded.WebSocketServer || loaded.wsServer;
const server = new WebSocketServer({ port: Number(port), host: "127.0.0.1", backlog: 4096, perMessageDeflate: false });

function fanOut(payload) {
  for (const client of server.clients) client.send(payload, { binary: false });
}

// A published message comes as *3 $7 message $n CHANNEL $n PAYLOAD; the answer to SUBSCRIBE ends in a number.
let rest = Buffer.alloc(0);
function take(data) {
  rest = Buffer.concat([rest, data]);
  for (;;) {
    const head = Buffer.from(`$7\r\nmessage\r\n$${Buffer.byteLength(channel)}\r\n${channel}\r\n$`);
    const at = rest.indexOf(head);
    if (at < 0) return;
    const begins = at + head.length;
    const ends = rest.indexOf("\r\n", begins);
    if (ends < 0) return;
    const length = Number(rest.toString("latin1", begins, ends));
    if (rest.length < ends + 2 + length + 2) return;
    fanOut(rest.subarray(ends + 2, ends + 2 + length));
    rest = rest.subarray(ends + 2 + length + 2);
  }
}

const [host, redisPort] = redis.split(":");
const source = redis.startsWith("/") ? net.connect(redis) : net.connect(Number(redisPort), host);
source.on("connect", () => source.write(`SUBSCRIBE ${channel}\r\n`));
source.on("data", take);
source.on("error", (error) => {
  console.error(`Redis: ${error.message}`);
  process.exit(1);
});
