// SPDX-License-Identifier: MIT
//
// power-loss.mjs - the disks that may be found when the power fails during a run that strace(1) has recorded.
//
// power-loss.mjs TRACE DISK BEFORE OUT STEPS [WITHOUT]
//   TRACE    strace -f -xx -s (large) -e trace= (the calls in `calls` below)
//   DISK     the directory of the run that is looked at; BEFORE: a copy of it from before the run, all of it durable
//   OUT      gets a directory a disk: NUMBER/disk, and NUMBER/told, the UIDs that the server has expunged by then
//   STEPS    so many of the disks at most, spread over all
//   WITHOUT  a regular expression: fsync(2) and the like of these paths, relative to DISK, did not happen
// Prints "N disks", a line for each that is written: NUMBER MODEL "after" CALL-NUMBER CALL, the last first; and "not durable: ..." where the
// server is told of a message that is not.
//
// Only what was synced is promised: the data of a file by a sync of it, a name in a directory by a sync of that directory, everything by
// syncfs(2); a rename is on the disk in both directories or in none (Linux file systems with a journal). What is found of the rest:
//   dropped  nothing
//   kept     all names; data that was not synced is zeros, or the file is empty
//   torn     names up to some moment; of the data some writes, and not others
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const [traceFile, disk, before, out, steps, withoutText] = process.argv.slice(2);
const without = withoutText === undefined ? undefined : new RegExp(withoutText);

// The model ------------------------------------------------------------------------------------------------

const file = (data) => ({ durable: data, writes: [] }); // durable undefined: nothing was ever synced
const directory = () => ({ names: new Map(), durable: new Map() });
const root = directory();
let pending = []; // changes of names that are not synced: { dir, name, node, of (the call that made it) }
const open = new Map(); // descriptor: node, or undefined
const paths = new Map(); // node: path, for people and WITHOUT
const told = new Map(); // UID: the tag of the command that has the server expunge it
const answered = new Set(); // UIDs of which it says that they are

function load(dir, path) {
	for (const name of readdirSync(path)) {
		const at = join(path, name);
		const node = statSync(at).isDirectory() ? directory() : file(readFileSync(at));
		dir.names.set(name, node);
		dir.durable.set(name, node);
		paths.set(node, relative(before, at));
		if (node.names) load(node, at);
	}
}

function apply(data, write) {
	if (write.size !== undefined) return Buffer.concat([data.subarray(0, write.size), Buffer.alloc(Math.max(0, write.size - data.length))]);
	const end = write.at + write.bytes.length;
	const grown = end > data.length ? Buffer.concat([data, Buffer.alloc(end - data.length)]) : Buffer.from(data);
	write.bytes.copy(grown, write.at);
	return grown;
}

const now = (node) => node.writes.reduce(apply, node.durable ?? Buffer.alloc(0));

function setName(dir, name, node, of) {
	if (node) dir.names.set(name, node);
	else dir.names.delete(name);
	pending.push({ dir, name, node, of });
}

// These changes are durable, and with them what the same calls did elsewhere. What was done to these names before is over.
function commit(changes) {
	const calls = new Set(changes.map((change) => change.of));
	const durable = pending.filter((change) => calls.has(change.of));
	for (const change of durable) {
		if (change.node) change.dir.durable.set(change.name, change.node);
		else change.dir.durable.delete(change.name);
		pending = pending.filter((other) => other !== change &&
			(other.of > change.of || other.dir !== change.dir || other.name !== change.name));
	}
}

function syncedFile(node, count, data) {
	node.durable = data;
	node.writes.splice(0, count);
}

// What a sync that begins now will have made durable when it returns.
function syncBegins(node) {
	if (node.names) {
		const changes = pending.filter((change) => change.dir === node);
		return () => commit(changes.filter((change) => pending.includes(change)));
	}
	const count = node.writes.length, data = now(node);
	return () => syncedFile(node, count, data);
}

function everyNode(dir = root, nodes = new Set()) {
	nodes.add(dir);
	for (const node of dir.names.values()) node.names ? everyNode(node, nodes) : nodes.add(node);
	return nodes;
}

// The calls ------------------------------------------------------------------------------------------------

let number = 0;

function lookUp(path, at = root) { // the directory, the last component, and what is there; undefined: not on this disk
	let under = at;
	if (path.startsWith("/")) {
		const inside = relative(disk, normalize(path));
		if (inside.startsWith("..")) return undefined;
		under = root;
		path = inside;
	}
	const words = path.split("/").filter((word) => word && word !== ".");
	const name = words.pop();
	if (name === "..") return undefined; // the directory above: synced, and not looked at
	for (const word of words) {
		under = under.names?.get(word);
		if (!under) return undefined;
	}
	return { dir: under, name, node: name === undefined ? under : under.names?.get(name) };
}

const from = (fd, path) => path.startsWith("/") || fd === "AT_FDCWD" ? lookUp(path) : open.get(fd)?.names && lookUp(path, open.get(fd));

function opened([fd, path, flags], result) {
	const place = from(fd, path);
	let node = place?.node;
	if (place && !node && flags.includes("O_CREAT")) {
		node = file(undefined);
		paths.set(node, join(paths.get(place.dir), place.name));
		setName(place.dir, place.name, node, number);
	} else if (node && !node.names && flags.includes("O_TRUNC")) {
		node.writes.push({ size: 0 });
	}
	open.set(result, node);
	if (node) node.at = 0;
}

function wrote(fd, bytes, at) {
	const node = open.get(fd);
	if (node && !node.names) {
		node.writes.push({ at: at ?? node.at, bytes });
		if (at === undefined) node.at += bytes.length;
	}
	if (fd !== "2") return;
	// The debug log: what is given to the connection from here on.
	const text = bytes.toString("latin1");
	for (const [, tag, set] of text.matchAll(/ C: (\S+) UID EXPUNGE (\S+)/g))
		for (const range of set.split(",")) {
			const [first, last = first] = range.split(":").map(Number);
			for (let uid = first; uid <= last; uid++) told.set(uid, tag);
		}
	for (const [, tag] of text.matchAll(/ S: (\S+) OK/g))
		for (const [uid, by] of told) if (by === tag) answered.add(uid);
}

function renamed(fromFd, fromPath, toFd, toPath) {
	const a = from(fromFd, fromPath), b = from(toFd, toPath);
	if (!a?.node || !b || a.node === b.node) return;
	setName(b.dir, b.name, a.node, number);
	setName(a.dir, a.name, undefined, number);
}

function unlinked(fd, path) {
	const place = from(fd, path);
	if (place?.node) setName(place.dir, place.name, undefined, number);
}

function made(fd, path) {
	const place = from(fd, path);
	if (!place) return;
	const node = directory();
	paths.set(node, join(paths.get(place.dir), place.name));
	setName(place.dir, place.name, node, number);
}

const cut = (bytes, result) => bytes.subarray(0, Number(result));
const calls = {
	openat: (a, result) => opened(a, result),
	open: ([path, flags], result) => opened(["AT_FDCWD", path, flags], result),
	close: ([fd]) => open.delete(fd),
	write: ([fd, bytes], result) => wrote(fd, cut(bytes, result)),
	pwrite64: ([fd, bytes, , at], result) => wrote(fd, cut(bytes, result), Number(at)),
	ftruncate: ([fd, size]) => open.get(fd)?.writes?.push({ size: Number(size) }),
	rename: ([a, b]) => renamed("AT_FDCWD", a, "AT_FDCWD", b),
	renameat: (a) => renamed(...a),
	unlink: ([path]) => unlinked("AT_FDCWD", path),
	unlinkat: ([fd, path]) => unlinked(fd, path),
	mkdir: ([path]) => made("AT_FDCWD", path),
	mkdirat: ([fd, path]) => made(fd, path),
};
const syncs = {
	fsync: ([fd]) => [open.get(fd)],
	fdatasync: ([fd]) => [open.get(fd)],
	syncfs: () => [...everyNode()],
	sync: () => [...everyNode()],
};
// Would change the disk in a way that is not modelled.
const unknown = /^(writev|pwritev2?|link(at)?|renameat2|truncate|fallocate|copy_file_range|sendfile|dup[23]?|rmdir)$/;

function argumentsOf(text, call) {
	const bytes = /^p?write/.test(call);
	return [...text.matchAll(/"((?:\\x[0-9a-f]{2})*)"(?:\.\.\.)?|[^,\s][^,]*/g)].map(([word, hex]) => {
		if (hex === undefined) return word.trim();
		const value = Buffer.from(hex.replaceAll("\\x", ""), "hex");
		return bytes ? value : value.toString();
	});
}

// The disks ------------------------------------------------------------------------------------------------

function random(seed) { // the same at each run
	return () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
}

const models = {
	dropped: () => ({ names: (dir) => dir.durable, data: (node) => node.durable ?? Buffer.alloc(0) }),
	kept: () => ({
		names: (dir) => dir.names,
		data: (node) => node.durable && node.writes.some((write) => write.size === undefined)
			? Buffer.concat([node.durable, Buffer.alloc(Math.max(0, now(node).length - node.durable.length))])
			: node.durable ?? Buffer.alloc(0),
	}),
	torn: () => {
		const dice = random(number * 7919 + 1);
		const seen = pending.length === 0 ? -1 : pending[Math.floor(dice() * pending.length)].of;
		return {
			names: (dir) => {
				const names = new Map(dir.durable);
				for (const change of pending.filter((one) => one.dir === dir && one.of <= seen))
					change.node ? names.set(change.name, change.node) : names.delete(change.name);
				return names;
			},
			data: (node) => node.writes.filter((write) => write.size !== undefined || dice() < 0.5)
				.reduce(apply, node.durable ?? Buffer.alloc(0)),
		};
	},
};

function build(model, dir = root, path = "", content = new Map()) {
	for (const [name, node] of [...model.names(dir)].sort(([a], [b]) => (a < b ? -1 : 1))) {
		content.set(path + name, node.names ? undefined : model.data(node));
		if (node.names) build(model, node, `${path}${name}/`, content);
	}
	return content;
}

const seen = new Set();
const found = [];

function add(content, uids, line) {
	const hash = createHash("sha256").update(JSON.stringify([...content.keys(), uids]));
	for (const data of content.values()) hash.update(data ? createHash("sha256").update(data).digest() : "directory");
	const digest = hash.digest("hex");
	if (seen.has(digest)) return;
	seen.add(digest);
	found.push({ content, uids, line });
}

function write({ content, uids, line }, count) {
	const top = join(out, String(count));
	mkdirSync(join(top, "disk"), { recursive: true });
	for (const [path, data] of content) {
		const at = join(top, "disk", path);
		mkdirSync(data ? dirname(at) : at, { recursive: true });
		if (data) writeFileSync(at, data);
	}
	writeFileSync(join(top, "told"), uids.map((uid) => `${uid}\n`).join(""));
	console.log(`${count} ${line}`);
}

// Whoever is told must find each of these whole when the power fails now.
function checkTold(content, call) {
	const whole = new Set();
	for (const [path, data] of content) {
		const uid = /(?:new|cur)\/\d+\.U(\d+)_/.exec(path)?.[1];
		if (uid && data.toString("latin1").endsWith(`text of ${uid}\n`)) whole.add(Number(uid));
	}
	const missing = [...told.keys()].filter((uid) => !whole.has(uid));
	if (missing.length > 0) console.log(`not durable: UID ${missing.join(" ")} after ${number} ${call}`);
}

function record(call) {
	for (const [name, make] of Object.entries(models)) {
		const content = build(make());
		add(content, [...told.keys()], `${name} after ${number} ${call}`);
		if (told.size > answered.size) add(content, [...answered], `${name}, the server not told, after ${number} ${call}`);
	}
	checkTold(build(models.dropped()), call);
}

// The run --------------------------------------------------------------------------------------------------

const begun = new Map(); // thread: what its unfinished call has of arguments, or of syncs

function begin(call, text) {
	const words = argumentsOf(text, call);
	if (!syncs[call]) return { call, words };
	const nodes = syncs[call](words).filter((node) => node && !(without && without.test(paths.get(node))));
	return { call, words, commits: nodes.map(syncBegins) };
}

function end({ call, words, commits }, result) {
	number++;
	if (result.startsWith("-") || result === "?") return;
	if (unknown.test(call) && [open.get(words[0]), lookUp(String(words[0]))?.node].some(Boolean)) throw new Error(`${call} is not modelled`);
	if (commits) commits.forEach((commit) => commit());
	else calls[call]?.(words, result);
	if (call !== "close") record(call);
}

paths.set(root, ".");
load(root, before);
record("the beginning");
for (const line of readFileSync(traceFile, "latin1").split("\n")) {
	let match;
	if ((match = /^(\d+) +<\.\.\. (\w+) resumed>.*\) += (\S+)/.exec(line)) && begun.has(match[1])) {
		const unfinished = begun.get(match[1]);
		begun.delete(match[1]);
		end(unfinished, match[3]);
	} else if ((match = /^(\d+) +(\w+)\((.*?),? *<unfinished \.\.\.>$/.exec(line))) {
		begun.set(match[1], begin(match[2], match[3]));
	} else if ((match = /^(\d+) +(\w+)\((.*)\) += (\S+)/.exec(line))) {
		end(begin(match[2], match[3]), match[4]);
	}
}
console.log(`${found.length} disks`);
const stride = Math.floor((found.length - 1) / Number(steps)) + 1;
for (let i = found.length - 1; i >= 0; i -= stride) write(found[i], i + 1);
