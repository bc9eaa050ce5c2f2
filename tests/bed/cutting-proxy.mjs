// SPDX-License-Identifier: MIT
//
// cutting-proxy.mjs - hands on what a client and a server on 127.0.0.1 say, until the server has said so much.
//
// cutting-proxy.mjs PORT FILE: prints its own port. FILE has by the time of a connection: nothing, or "BYTES cut" (it ends behind that many of
// the server's bytes), or "BYTES garbage" (something that is no TLS comes in their place).
import { createServer, connect } from "node:net";
import { readFileSync } from "node:fs";

const [port, file] = process.argv.slice(2);

function serve(client) {
	const [bytes, manner] = readFileSync(file, "latin1").trim().split(" ");
	const server = connect(Number(port), "127.0.0.1");
	let left = bytes ? Number(bytes) : Infinity;
	const end = () => { client.destroy(); server.destroy(); };
	client.on("data", (data) => server.write(data));
	server.on("data", (data) => {
		if (left <= 0) return;
		client.write(data.subarray(0, left));
		left -= data.length;
		if (left <= 0 && manner === "cut") { client.end(); server.destroy(); }
		if (left <= 0 && manner === "garbage") client.write(Buffer.alloc(64, 0xaa));
	});
	for (const socket of [client, server]) {
		socket.on("error", end);
		socket.on("close", end);
	}
}

const proxy = createServer(serve);
proxy.listen(0, "127.0.0.1", () => console.log(proxy.address().port));
