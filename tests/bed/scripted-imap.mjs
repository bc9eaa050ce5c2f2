// SPDX-License-Identifier: MIT
//
// scripted-imap.mjs - an IMAP server that says what a script says, for what real servers do not do on demand; or one of SMTP or POP.
//
// scripted-imap.mjs SCRIPT TLS-DIRECTORY LOG [CUT]: prints its port, then serves any number of connections, each from the script's first line,
// as the script and the certificate are by then.
// CUT: closes a connection after that many bytes of its own; @FILE: the number stands there when the connection is made, nothing: it is
// not closed. Lines of the script:
//   tls             TLS begins: in the first line, implicitly, later as after STARTTLS
//   C: REGEX        waits for a line; its tag becomes $tag in what follows, and that of the command before $former
//   S: TEXT         sends it with CRLF, in one packet; \r, \n and \xHH are escapes
//   stall           says nothing more
//   close           ends the connection
// What mailoauth-fetch asks for before the list of messages is here is refused, unless the script waits for it: it then asks for what is listed.
// LOG gets every line that the client sent, but for these.
import { createServer } from "node:net";
import { TLSSocket, createSecureContext } from "node:tls";
import { appendFileSync, readFileSync } from "node:fs";

const [script, tlsDir, log, cutText] = process.argv.slice(2);

function cutNow() {
	const text = cutText?.startsWith("@") ? readFileSync(cutText.slice(1), "latin1").trim() : cutText;
	return text ? Number(text) : Infinity;
}

function unescape(text) {
	return text.replace(/\\x([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)))
		.replace(/\\r/g, "\r").replace(/\\n/g, "\n");
}

function serve(raw) {
	const lines = readFileSync(script, "latin1").split("\n").filter((line) => line && !line.startsWith("#"));
	const secureContext = createSecureContext({ key: readFileSync(`${tlsDir}/server.key`), cert: readFileSync(`${tlsDir}/server.pem`) });
	let socket = raw, next = 0, input = "", tag = "*", former = "*", left = cutNow(), over = false;
	const attach = () => {
		socket.on("data", (data) => { input += data.toString("latin1"); run(); });
		socket.on("error", () => {});
	};
	const say = (text) => {
		const bytes = Buffer.from(unescape(text.replaceAll("$tag", tag).replaceAll("$former", former)) + "\r\n", "latin1").subarray(0, left);
		left -= bytes.length;
		socket.write(bytes);
		if (left <= 0) { over = true; socket.end(); }
	};
	const early = /^\S+ UID FETCH \d+:\d+ \(UID INTERNALDATE BODY\.PEEK\[\]\)$/;
	let listing = false;
	const expect = (pattern) => {
		const end = input.indexOf("\n");
		if (end < 0) return false;
		const line = input.slice(0, end).replace(/\r$/, "");
		input = input.slice(end + 1);
		if (listing && early.test(line) && !new RegExp(pattern).test(line)) {
			listing = false;
			say(`${line.split(" ")[0]} NO it is not listed yet`);
			return expect(pattern);
		}
		listing = / UID FETCH \d+:\* \(UID RFC822\.SIZE\)$/.test(line);
		appendFileSync(log, `${line}\n`);
		if (/^\S+ \S/.test(line)) [former, tag] = [tag, line.split(" ")[0]]; // not a SASL response
		if (!new RegExp(pattern).test(line)) { appendFileSync(log, `UNEXPECTED: wanted ${pattern}\n`); over = true; socket.destroy(); }
		return true;
	};
	const run = () => {
		while (!over && next < lines.length) {
			const line = lines[next];
			if (line.startsWith("C: ")) {
				if (!expect(line.slice(3))) return;
			} else if (line.startsWith("S: ")) {
				say(line.slice(3));
			} else if (line === "tls") {
				socket.removeAllListeners("data");
				socket = new TLSSocket(socket, { isServer: true, secureContext });
				input = "";
				attach();
			} else if (line === "close") {
				over = true;
				socket.end();
			} else if (line === "stall") {
				return;
			} else {
				throw new Error(`${script}: ${line}`);
			}
			next++;
		}
		// What comes after the script's end is written down: it should be nothing.
		if (!over && next >= lines.length && input) { appendFileSync(log, input); input = ""; }
	};
	attach();
	run();
}

const server = createServer(serve);
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
