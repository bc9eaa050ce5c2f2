// SPDX-License-Identifier: MIT
//
// delay.mjs - a way to a server on this machine that takes as long as to a distant one: each byte arrives DELAY milliseconds after it was
// sent, in both directions, at any throughput. Prints the port that it listens on; ends with its process.
//
//   node delay.mjs PORT DELAY
import { connect, createServer } from "node:net";

const [port, delay] = process.argv.slice(2).map(Number);

// What came first goes first: timers of the same length fire in the order in which they were set.
function carry(from, to) {
	from.setNoDelay(true);
	from.on("data", (bytes) => setTimeout(() => to.writable && to.write(bytes), delay));
	from.on("error", () => {}); // "close" follows
	from.on("end", () => setTimeout(() => to.end(), delay));
	from.on("close", () => setTimeout(() => to.destroySoon(), delay)); // after what is on its way
}

const server = createServer({ allowHalfOpen: true }, (near) => {
	const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
	carry(near, far);
	carry(far, near);
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
