// SPDX-License-Identifier: MIT
//
// name-server.mjs - a name server that knows nothing.
//
// name-server.mjs CODE LOG: prints its port on 127.0.0.1. Each question is answered with the code that stands in the file CODE by then (2:
// SERVFAIL, 3: NXDOMAIN), or not at all: "silent". LOG gets the names.
import { createSocket } from "node:dgram";
import { appendFileSync, readFileSync } from "node:fs";

const [codeFile, log] = process.argv.slice(2);

function nameIn(question) {
	const labels = [];
	for (let at = 12; question[at] > 0; at += question[at] + 1)
		labels.push(question.toString("latin1", at + 1, at + 1 + question[at]));
	return labels.join(".");
}

const server = createSocket("udp4");
server.on("message", (question, from) => {
	const code = readFileSync(codeFile, "latin1").trim();
	appendFileSync(log, `${nameIn(question)}\n`);
	if (code === "silent") return;
	question[2] = 0x81; // an answer, as was wished
	question[3] = 0x80 | Number(code);
	server.send(question, from.port, from.address);
});
server.bind(0, "127.0.0.1", () => console.log(server.address().port));
